/**
 * Records between the master and a worker. A part goes by its key, a number that the master never uses twice in an epoch.
 *
 *     parts     down  run these                       stream id client function fields keys attempts jobs parts grants bytes partFields allocations lengths
 *     revoke    down  give back what is not begun     keys
 *     abort     down  stop these, nobody waits        keys
 *     grant     down  more results may be yielded     keys results bytes
 *     accepted  up    these came over PUSH            keys attempts
 *     outcomes  up    results, ends, errors           keys attempts indexes flags busyMicros lengths
 *     returned  up    not begun, here they are back   keys attempts   (attempt 0: of none, it was not here any more)
 *     hungry    up    waits for credit                keys bytes
 *     lent      up    slots lent by waiting functions count
 *     leaving   up    will take no more parts
 *     pullLost  up    the connection that brings parts by PUSH broke: what was on it and not accepted is lost
 */
import { Malformed } from './bytes.ts';
import { readPayloads, writePayloads } from './columns.ts';
import { type Fields, readFields, writeFields } from './fields.ts';
import { JOB_ERROR_CODES, type WireErrorCode } from './remote_error.ts';
import { checkEntries, type Codec, ENTRY, ENTRY_SPAN } from './stream_records.ts';

export interface PartsRecord {
  readonly kind: 'parts';
  /** Number and public name of the stream, and the client's name. */
  readonly stream: number;
  readonly id: string;
  readonly client: string;
  readonly function: string;
  /** Fields of the stream. */
  readonly fields: Fields;
  readonly keys: readonly number[];
  readonly attempts: readonly number[];
  readonly jobs: readonly number[];
  readonly parts: readonly number[];
  /** How many results each may yield for now, and of how many bytes in all. */
  readonly grants: readonly number[];
  readonly bytes: readonly number[];
  /** Fields of each job (empty: none has any). */
  readonly partFields: readonly Fields[];
  /** What each was given of the worker's resources, packed (empty: none was given any; an empty one: this was not). */
  readonly allocations: readonly Uint8Array[];
  readonly slots: readonly number[];
  readonly lengths: readonly number[];
}

/** Records that name parts and say no more. */
interface KeysRecord<K extends string> {
  readonly kind: K;
  readonly keys: readonly number[];
}
export type RevokeRecord = KeysRecord<'revoke'>;
export type AbortRecord = KeysRecord<'abort'>;

export interface GrantRecord {
  readonly kind: 'grant';
  readonly keys: readonly number[];
  readonly results: readonly number[];
  readonly bytes: readonly number[];
}

export interface AcceptedRecord {
  readonly kind: 'accepted';
  readonly keys: readonly number[];
  readonly attempts: readonly number[];
}

/** What comes back is of an attempt: one that the master has already given up must not be taken for its newest. */
export interface ReturnedRecord {
  readonly kind: 'returned';
  readonly keys: readonly number[];
  readonly attempts: readonly number[];
}

/**
 * Entries in the order in which they happened. Flags as in `results`: `result`, `partEnd`, `error` (its payload tells it); what is left
 * of the flags of an error beyond ENTRY_SPAN is its code, by its place in JOB_ERROR_CODES.
 * A part whose error says `timed-out`, or comes without `partEnd`, has failed, but its function goes on until the part is given back.
 * With `partEnd`, the number of results is `index + 1` where the entry is a result, else `index`.
 */
export interface OutcomesRecord {
  readonly kind: 'outcomes';
  readonly keys: readonly number[];
  readonly attempts: readonly number[];
  readonly indexes: readonly number[];
  readonly flags: readonly number[];
  /** Time that slots were held by the parts that ended here, in microseconds. */
  readonly busyMicros: number;
  readonly slots: readonly number[];
  readonly lengths: readonly number[];
}

/** The flags of a part that failed with this code. */
export function failureFlags(code: WireErrorCode): number {
  return (ENTRY.error | ENTRY.partEnd) + ENTRY_SPAN * JOB_ERROR_CODES.indexOf(code);
}

/** The code of an error, by its flags. */
export function codeOf(flags: number): WireErrorCode {
  return JOB_ERROR_CODES[Math.floor(flags / ENTRY_SPAN)] as WireErrorCode;
}

export interface HungryRecord {
  readonly kind: 'hungry';
  readonly keys: readonly number[];
  /** How many bytes the result that waits has. */
  readonly bytes: readonly number[];
}

export interface LentRecord {
  readonly kind: 'lent';
  readonly count: number;
}

export interface LeavingRecord {
  readonly kind: 'leaving';
}

export interface PullLostRecord {
  readonly kind: 'pullLost';
}

export const partsCodec: Codec<PartsRecord> = {
  code: 16,
  write(sink, r) {
    const { header } = sink;
    header.int(r.stream);
    header.string(r.id);
    header.string(r.client);
    header.string(r.function);
    writeFields(header, r.fields);
    writePayloads(sink, r.slots);
    header.wide(r.keys);
    header.ints(r.attempts);
    header.ints(r.jobs);
    header.ints(r.parts);
    header.ints(r.grants);
    header.wide(r.bytes);
    header.int(r.partFields.length);
    for (const fields of r.partFields) writeFields(header, fields);
    header.int(r.allocations.length);
    for (const allocation of r.allocations) header.bytes(allocation);
  },
  read(source) {
    const { header } = source;
    const stream = header.int();
    const id = header.string();
    const client = header.string();
    const name = header.string();
    const fields = readFields(header);
    const { slots, lengths } = readPayloads(source);
    const count = slots.length;
    if (slots.includes(-1)) throw new Malformed('a part without a payload');
    const keys = header.wideColumn(count);
    const attempts = header.column(count);
    const jobs = header.column(count);
    const parts = header.column(count);
    const grants = header.column(count);
    const bytes = header.wideColumn(count);
    const partFields: Fields[] = [];
    for (let left = header.count(); left > 0; left -= 1) partFields.push(readFields(header));
    const allocations: Uint8Array[] = [];
    for (let left = header.count(); left > 0; left -= 1) allocations.push(Buffer.from(header.bytes()));
    const isWhole = (column: readonly unknown[]): boolean => column.length === 0 || column.length === count;
    if (!isWhole(partFields) || !isWhole(allocations)) throw new Malformed('columns differ in length');
    return {
      kind: 'parts',
      stream,
      id,
      client,
      function: name,
      fields,
      keys,
      attempts,
      jobs,
      parts,
      grants,
      bytes,
      partFields,
      allocations,
      slots,
      lengths,
    };
  },
};

function keysCodec<K extends string>(code: number, kind: K): Codec<KeysRecord<K>> {
  return {
    code,
    write: ({ header }, r) => header.wide(r.keys),
    read: ({ header }) => ({ kind, keys: header.wide() }),
  };
}

export const revokeCodec: Codec<RevokeRecord> = keysCodec(17, 'revoke');
export const abortCodec: Codec<AbortRecord> = keysCodec(18, 'abort');

export const grantCodec: Codec<GrantRecord> = {
  code: 19,
  write({ header }, r) {
    header.wide(r.keys);
    header.ints(r.results);
    header.ints(r.bytes);
  },
  read({ header }) {
    const keys = header.wide();
    return { kind: 'grant', keys, results: header.column(keys.length), bytes: header.column(keys.length) };
  },
};

export const acceptedCodec: Codec<AcceptedRecord> = {
  code: 20,
  write({ header }, r) {
    header.wide(r.keys);
    header.ints(r.attempts);
  },
  read({ header }) {
    const keys = header.wide();
    return { kind: 'accepted', keys, attempts: header.column(keys.length) };
  },
};

export const returnedCodec: Codec<ReturnedRecord> = {
  code: 22,
  write({ header }, r) {
    header.wide(r.keys);
    header.ints(r.attempts);
  },
  read({ header }) {
    const keys = header.wide();
    return { kind: 'returned', keys, attempts: header.column(keys.length) };
  },
};

export const outcomesCodec: Codec<OutcomesRecord> = {
  code: 21,
  write(sink, r) {
    const { header } = sink;
    writePayloads(sink, r.slots);
    header.wide(r.keys);
    header.ints(r.attempts);
    header.ints(r.indexes);
    header.ints(r.flags);
    header.int(r.busyMicros);
  },
  read(source) {
    const { header } = source;
    const { slots, lengths } = readPayloads(source);
    const keys = header.wideColumn(slots.length);
    const attempts = header.column(slots.length);
    const indexes = header.column(slots.length);
    const flags = header.column(slots.length);
    for (const flag of flags) {
      const code = Math.floor(flag / ENTRY_SPAN);
      if (code > 0 && ((flag & ENTRY.error) === 0 || code >= JOB_ERROR_CODES.length))
        throw new Malformed('a result and its flags disagree');
    }
    const entries = flags.map((flag) => flag % ENTRY_SPAN);
    checkEntries(slots, entries, ENTRY.result | ENTRY.partEnd | ENTRY.error);
    return { kind: 'outcomes', keys, attempts, indexes, flags, busyMicros: header.int(), slots, lengths };
  },
};

export const hungryCodec: Codec<HungryRecord> = {
  code: 23,
  write({ header }, r) {
    header.wide(r.keys);
    header.ints(r.bytes);
  },
  read({ header }) {
    const keys = header.wide();
    return { kind: 'hungry', keys, bytes: header.column(keys.length) };
  },
};

export const lentCodec: Codec<LentRecord> = {
  code: 24,
  write: ({ header }, r) => header.int(r.count),
  read: ({ header }) => ({ kind: 'lent', count: header.int() }),
};

export const leavingCodec: Codec<LeavingRecord> = {
  code: 25,
  write: () => undefined,
  read: () => ({ kind: 'leaving' }),
};

export const pullLostCodec: Codec<PullLostRecord> = {
  code: 26,
  write: () => undefined,
  read: () => ({ kind: 'pullLost' }),
};
