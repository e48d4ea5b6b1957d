/**
 * Records between who consumes a stream (a client, or a worker function with calls of its own) and the master.
 *
 *     open     up    a stream begins           stream id functionTable ordered results bytes parent fields
 *     jobs     up    jobs with their payloads  stream first functions which fields lengths
 *     end      up    no jobs follow            stream jobs
 *     credit   up    results may come          stream results bytes       (totals since the open, so that one too many does no harm)
 *     cancel   up    stop                      stream job?
 *     window   down  jobs may be sent          stream jobs bytes          (totals as well)
 *     results  down  results, ends, errors     stream jobs parts indexes flags lengths
 *     notice   down  what is waited for        stream text
 *     giveUp   down  the stream has ended      stream text              (the master cannot take what was sent)
 */
import { Malformed } from './bytes.ts';
import { readPayloads, writePayloads, type Sink, type Source } from './columns.ts';
import { type Fields, readFields, writeFields } from './fields.ts';

export interface OpenRecord {
  readonly kind: 'open';
  /** The consumer's number for the stream, never used twice in a session. */
  readonly stream: number;
  /** The stream's public name, unique everywhere. */
  readonly id: string;
  readonly ordered: boolean;
  /** First credit for results. */
  readonly results: number;
  readonly bytes: number;
  /** The part (by key) whose function opened this stream, or 0. */
  readonly parent: number;
  readonly fields: Fields;
}

export interface JobsRecord {
  readonly kind: 'jobs';
  readonly stream: number;
  /** The index of the first; the others follow. */
  readonly first: number;
  /** Names of functions, and which of them each job is for (empty: all for the first). */
  readonly functions: readonly string[];
  readonly which: readonly number[];
  /** Fields of each job (empty: none has any). */
  readonly fields: readonly Fields[];
  readonly slots: readonly number[];
  readonly lengths: readonly number[];
}

export interface EndRecord {
  readonly kind: 'end';
  readonly stream: number;
  readonly jobs: number;
}

export interface CreditRecord {
  readonly kind: 'credit';
  readonly stream: number;
  readonly results: number;
  readonly bytes: number;
}

export interface CancelRecord {
  readonly kind: 'cancel';
  readonly stream: number;
  /** One job, or -1 for the whole stream. */
  readonly job: number;
}

export interface WindowRecord {
  readonly kind: 'window';
  readonly stream: number;
  readonly jobs: number;
  readonly bytes: number;
}

/**
 * What an entry of `results` or `outcomes` says; flags add up. An entry without `result` and `error` has no payload. In `results`, what
 * is left of the flags beyond ENTRY_SPAN is how many attempts of the part were in vain.
 */
export const ENTRY = { result: 1, partEnd: 2, jobEnd: 4, error: 8 } as const;
export const ENTRY_SPAN = 16;
const MAX_ATTEMPTS = 1_000_000;

/** Which attempt an entry of `results` comes from; the first is 1. */
export function attemptOf(flags: number): number {
  return Math.floor(flags / ENTRY_SPAN) + 1;
}

/** The flags of an entry that comes from this attempt. */
export function flagsOf(entry: number, attempt: number): number {
  return entry + ENTRY_SPAN * Math.max(0, Math.min(attempt, MAX_ATTEMPTS) - 1);
}

export interface ResultsRecord {
  readonly kind: 'results';
  readonly stream: number;
  readonly jobs: readonly number[];
  readonly parts: readonly number[];
  /** The result's index in its part; with `partEnd` alone, how many there were; with `jobEnd` alone, how many parts. */
  readonly indexes: readonly number[];
  readonly flags: readonly number[];
  readonly slots: readonly number[];
  readonly lengths: readonly number[];
}

export interface NoticeRecord {
  readonly kind: 'notice';
  readonly stream: number;
  readonly text: string;
}

export interface GiveUpRecord {
  readonly kind: 'giveUp';
  readonly stream: number;
  readonly text: string;
}

/** One kind of record: how it is written and read. */
export interface Codec<R> {
  readonly code: number;
  write(sink: Sink, record: R): void;
  read(source: Source): R;
}

export const openCodec: Codec<OpenRecord> = {
  code: 1,
  write({ header }, r) {
    header.int(r.stream);
    header.string(r.id);
    header.u8(r.ordered ? 1 : 0);
    header.int(r.results);
    header.int(r.bytes);
    header.int(r.parent);
    writeFields(header, r.fields);
  },
  read({ header }) {
    return {
      kind: 'open',
      stream: header.int(),
      id: header.string(),
      ordered: header.choice(2, 'order') === 1,
      results: header.int(),
      bytes: header.int(),
      parent: header.int(),
      fields: readFields(header),
    };
  },
};

export const jobsCodec: Codec<JobsRecord> = {
  code: 2,
  write(sink, r) {
    sink.header.int(r.stream);
    sink.header.int(r.first);
    sink.header.strings(r.functions);
    sink.header.ints(r.which);
    sink.header.int(r.fields.length);
    for (const fields of r.fields) writeFields(sink.header, fields);
    writePayloads(sink, r.slots);
  },
  read(source) {
    const { header } = source;
    const stream = header.int();
    const first = header.int();
    const functions = header.strings();
    const which = header.ints();
    const fields: Fields[] = [];
    for (let left = header.count(); left > 0; left -= 1) fields.push(readFields(header));
    const { slots, lengths } = readPayloads(source);
    const count = slots.length;
    if (count === 0 || first + count > Number.MAX_SAFE_INTEGER) throw new Malformed('jobs without jobs');
    if (functions.length === 0 || which.some((index) => index >= functions.length)) throw new Malformed('a job without a function');
    if ((which.length !== 0 && which.length !== count) || (fields.length !== 0 && fields.length !== count))
      throw new Malformed('columns differ in length');
    if (slots.includes(-1)) throw new Malformed('a job without a payload');
    return { kind: 'jobs', stream, first, functions, which, fields, slots, lengths };
  },
};

export const endCodec: Codec<EndRecord> = {
  code: 3,
  write({ header }, r) {
    header.int(r.stream);
    header.int(r.jobs);
  },
  read({ header }) {
    return { kind: 'end', stream: header.int(), jobs: header.int() };
  },
};

export const creditCodec: Codec<CreditRecord> = {
  code: 4,
  write({ header }, r) {
    header.int(r.stream);
    header.int(r.results);
    header.int(r.bytes);
  },
  read({ header }) {
    return { kind: 'credit', stream: header.int(), results: header.int(), bytes: header.int() };
  },
};

export const cancelCodec: Codec<CancelRecord> = {
  code: 5,
  write({ header }, r) {
    header.int(r.stream);
    header.int(r.job + 1);
  },
  read({ header }) {
    return { kind: 'cancel', stream: header.int(), job: header.int() - 1 };
  },
};

export const windowCodec: Codec<WindowRecord> = {
  code: 6,
  write({ header }, r) {
    header.int(r.stream);
    header.int(r.jobs);
    header.int(r.bytes);
  },
  read({ header }) {
    return { kind: 'window', stream: header.int(), jobs: header.int(), bytes: header.int() };
  },
};

/** An entry says something, has a payload if and only if it is a result or an error, and is not both. */
export function checkEntries(slots: readonly number[], flags: readonly number[], legal: number): void {
  for (let i = 0; i < slots.length; i += 1) {
    const flag = flags[i] as number;
    const what = flag & (ENTRY.result | ENTRY.error);
    if (
      flag === 0 ||
      flag >= ENTRY_SPAN ||
      (flag & ~legal) !== 0 ||
      what === (ENTRY.result | ENTRY.error) ||
      (what !== 0) !== (slots[i] as number) >= 0
    )
      throw new Malformed('a result and its flags disagree');
  }
}

export const resultsCodec: Codec<ResultsRecord> = {
  code: 7,
  write(sink, r) {
    sink.header.int(r.stream);
    writePayloads(sink, r.slots);
    sink.header.ints(r.jobs);
    sink.header.ints(r.parts);
    sink.header.ints(r.indexes);
    sink.header.ints(r.flags);
  },
  read(source) {
    const { header } = source;
    const stream = header.int();
    const { slots, lengths } = readPayloads(source);
    const jobs = header.column(slots.length);
    const parts = header.column(slots.length);
    const indexes = header.column(slots.length);
    const flags = header.column(slots.length);
    if (flags.some((flag) => attemptOf(flag) > MAX_ATTEMPTS)) throw new Malformed('a result of too many attempts');
    checkEntries(
      slots,
      flags.map((flag) => flag % ENTRY_SPAN),
      ENTRY.result | ENTRY.partEnd | ENTRY.jobEnd | ENTRY.error,
    );
    return { kind: 'results', stream, jobs, parts, indexes, flags, slots, lengths };
  },
};

export const noticeCodec: Codec<NoticeRecord> = {
  code: 8,
  write({ header }, r) {
    header.int(r.stream);
    header.string(r.text);
  },
  read({ header }) {
    return { kind: 'notice', stream: header.int(), text: header.string() };
  },
};

export const giveUpCodec: Codec<GiveUpRecord> = {
  code: 9,
  write({ header }, r) {
    header.int(r.stream);
    header.string(r.text);
  },
  read({ header }) {
    return { kind: 'giveUp', stream: header.int(), text: header.string() };
  },
};
