/**
 * Jobs, calls and the cache, as users write them, on top of a port: the same for a client and for the functions of a worker. Spread
 * `handlers` into the dispatch of the driver.
 */
import { builtin } from '../common/builtin.ts';
import { checkBoolean, checkInteger, checkOptions, checkSignal, checkString, shown, toBytes } from '../common/check.ts';
import { shared } from '../common/signals.ts';
import type { Operation } from '../protocol/call_records.ts';
import type { Fields } from '../protocol/fields.ts';
import type { Lost } from '../protocol/lost_bytes.ts';
import { Packer } from '../protocol/packer.ts';
import { SMALL_BYTES } from '../protocol/payloads.ts';
import type { AnswerInstruction, ConsumerEvent, ConsumerInstruction, DeliverInstruction, PulledEvent } from './events.ts';
import { ResultStream } from './job_stream.ts';
import { OneCall } from './one_call.ts';
import { JOB_OPTIONS, readJobOptions } from './job_options.ts';
import type { ConsumerPort } from './port.ts';
import type { Receiver } from './receiver.ts';
import type { Scope } from './settings.ts';
import type { AnyItem, CallOptions, JobStream, Settled, Source, Status, StreamOptions } from './types.ts';

const STREAM_OPTIONS = ['messages', 'signal', 'ordered', 'settle', ...JOB_OPTIONS] as const;
const CALL_OPTIONS = ['signal', ...JOB_OPTIONS] as const;

/** Handlers of the consumer's instructions, in the strict form of the driver. */
export type CallerHandlers = {
  readonly [K in ConsumerInstruction['type']]: (
    instruction: Extract<ConsumerInstruction, { readonly type: K }>,
  ) => readonly ConsumerEvent[] | undefined | void;
};

interface Asked {
  readonly resolve: (answer: AnswerInstruction) => void;
  readonly reject: (error: unknown) => void;
}

export class Caller {
  readonly #port: ConsumerPort;
  readonly #function: string | undefined;
  readonly #receivers = new Map<number, Receiver>();
  readonly #asked = new Map<number, Asked>();
  readonly #packer = new Packer();
  #lastStream = 0;
  #lastAsk = 0;
  #failure: { readonly error: unknown } | undefined;
  readonly handlers: CallerHandlers;
  readonly lost: Lost = { job: (stream, job) => this.#receivers.get(stream)?.lost(job) };

  /** @param defaultFunction the function of streams and items that name none */
  constructor(port: ConsumerPort, defaultFunction?: string) {
    this.#port = port;
    this.#function = defaultFunction;
    this.handlers = {
      pull: ({ stream, jobs, bytes }) => this.#receivers.get(stream)?.pull(jobs, bytes),
      deliver: (entries) => this.#deliver(entries),
      ended: ({ stream, early }) => this.#receivers.get(stream)?.ended(early),
      failed: ({ stream }) => this.#receivers.get(stream)?.failed(),
      answer: (answer) => this.#answer(answer),
      notice: ({ text }) => this.#port.notice(text),
      givenUp: ({ stream, text }) => this.#receivers.get(stream)?.fail(new RangeError(`the master gave the stream up: ${text}`)),
      release: ({ slots }) => this.#release(slots),
    };
  }

  /** Streams that have begun and calls without an answer. */
  get open(): number {
    return this.#receivers.size + this.#asked.size;
  }

  /** Ends all that is open with this error, and whatever is begun later. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    for (const receiver of this.#receivers.values()) receiver.fail(error);
    for (const { reject } of this.#asked.values()) reject(error);
    this.#asked.clear();
  }

  /** `job(function, payloads, options?)` or `job(payloads, options?)`. */
  job(scope: Scope, args: readonly unknown[]): JobStream<Buffer | Settled<unknown>> {
    const named = typeof args[0] === 'string' && args.length > 1 && args[1] !== undefined;
    const [payloads, options] = named ? [args[1], args[2]] : [args[0], args[1]];
    const { messages, ordered, settle, signal, fields } = readStreamOptions(options ?? {});
    shared(scope.signal);
    this.#lastStream += 1;
    return new ResultStream<Buffer | Settled<unknown>>({
      port: this.#port,
      scope,
      number: this.#lastStream,
      id: `${this.#port.id}/${this.#lastStream}`,
      source: readSource(payloads),
      function: named ? checkString('job: function', args[0]) : this.#function,
      messages,
      ordered,
      settle,
      signal,
      fields,
      begin: (about, receiver) => this.#begin(about.stream, receiver, about),
      over: (number) => void this.#receivers.delete(number),
    });
  }

  async call(scope: Scope, name: unknown, payload: unknown, options: unknown): Promise<Buffer> {
    const fn = checkString('call: function', name);
    checkOptions('call', options ?? {}, CALL_OPTIONS);
    const { signal } = (options ?? {}) as CallOptions;
    const bytes = this.#sized('call: the payload', toBytes('call: payload', payload));
    const signals = [shared(checkSignal('call: signal', signal)), shared(scope.signal)].filter((one) => one !== undefined);
    return await this.#one(scope, { name: fn, bytes, fields: readJobOptions('call', options ?? {}), signals });
  }

  async set(value: unknown, key: unknown): Promise<string> {
    const bytes = this.#sized('set: the value', toBytes('set: value', value));
    const name = key === undefined ? builtin('crypto').randomUUID() : checkString('set: key', key);
    if (this.#failure !== undefined) throw this.#failure.error;
    // What is asked cannot be taken back, should its memory be transferred elsewhere before it is sent. (Small ones are copied anyway.)
    const mayGo = typeof value !== 'string' && bytes.length > SMALL_BYTES;
    this.#packer.add(mayGo ? Buffer.from(bytes) : bytes, bytes.length);
    const [slot] = this.#packer.take(this.#port.store).slots;
    await this.#ask('set', name, slot, bytes.length);
    return name;
  }

  async get(key: unknown): Promise<Buffer | undefined> {
    const answer = await this.#ask('get', checkString('get: key', key));
    return answer.outcome === 'none' ? undefined : this.#value(answer);
  }

  async delete(key: unknown): Promise<boolean> {
    const answer = await this.#ask('delete', checkString('delete: key', key));
    this.#value(answer);
    return answer.outcome === 'done';
  }

  async status(): Promise<Status> {
    return JSON.parse(this.#value(await this.#ask('status', '')).toString()) as Status;
  }

  #sized(what: string, bytes: Buffer): Buffer {
    const max = this.#port.maxMessageBytes();
    if (bytes.length > max) throw new RangeError(`${what} has ${bytes.length} bytes, over maxMessageBytes (${max})`);
    return bytes;
  }

  #begin(number: number, receiver: Receiver, event: ConsumerEvent): void {
    if (this.#failure !== undefined) throw this.#failure.error;
    this.#receivers.set(number, receiver);
    this.#port.feed(event);
  }

  #one(scope: Scope, call: { name: string; bytes: Buffer; fields: Fields; signals: readonly AbortSignal[] }): Promise<Buffer> {
    this.#lastStream += 1;
    const stream = this.#lastStream;
    const { name, bytes, fields, signals } = call;
    const job = (): PulledEvent => {
      this.#packer.add(bytes, bytes.length);
      const { slots, lengths } = this.#packer.take(this.#port.store);
      return { type: 'pulled', stream, first: 0, functions: [name], which: [], fields: [], slots, lengths, source: 'ended' };
    };
    return new Promise((resolve, reject) => {
      const receiver = new OneCall(this.#port.store, name, job, (outcome) => {
        stopListening();
        if (this.#receivers.delete(stream)) {
          scope.waits?.(false);
          this.#port.feed({ type: 'leave', stream });
        }
        if ('value' in outcome) resolve(outcome.value);
        else reject(outcome.error);
      });
      const stopListening = whenAborted(signals, (reason) => receiver.fail(reason));
      const failed = this.#failure ?? abortion(signals);
      if (failed !== undefined) return receiver.fail(failed.error);
      const id = `${this.#port.id}/${stream}`;
      this.#receivers.set(stream, receiver);
      scope.waits?.(true);
      this.#port.feed({ type: 'begin', stream, id, ordered: false, parent: scope.parent, messages: 2, fields });
    });
  }

  #ask(operation: Operation, key: string, slot = -1, length = 0): Promise<AnswerInstruction> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) return reject(this.#failure.error);
      this.#lastAsk += 1;
      this.#asked.set(this.#lastAsk, { resolve, reject });
      this.#port.feed({ type: 'ask', id: this.#lastAsk, operation, key, slot, length });
    });
  }

  #answer(answer: AnswerInstruction): undefined {
    const asked = this.#asked.get(answer.id);
    this.#asked.delete(answer.id);
    if (asked === undefined || answer.outcome === 'refused') this.#value(answer);
    if (answer.outcome === 'refused') asked?.reject(new RangeError(answer.text));
    else asked?.resolve(answer);
  }

  /** A copy of an answer's payload, which is released. */
  #value({ slot }: AnswerInstruction): Buffer {
    if (slot < 0) return Buffer.alloc(0);
    const value = Buffer.from(this.#port.store.joined(slot));
    this.#port.store.release(slot);
    return value;
  }

  #deliver(entries: DeliverInstruction): undefined {
    const receiver = this.#receivers.get(entries.stream);
    if (receiver === undefined) this.#release(entries.slots);
    else receiver.deliver(entries);
  }

  #release(slots: readonly number[]): undefined {
    for (const slot of slots) if (slot >= 0) this.#port.store.release(slot);
  }
}

function readSource(payloads: unknown): Source<AnyItem> {
  const bytes = typeof payloads === 'string' || ArrayBuffer.isView(payloads) || payloads instanceof ArrayBuffer;
  const source = payloads !== null && typeof payloads === 'object' && (Symbol.asyncIterator in payloads || Symbol.iterator in payloads);
  if (bytes) throw new TypeError(`job: payloads: expected an iterable of payloads, got ${shown(payloads)}; for one payload use call()`);
  if (!source) throw new TypeError(`job: payloads: expected an iterable or async iterable of payloads, got ${shown(payloads)}`);
  return payloads as Source<AnyItem>;
}

function readStreamOptions(options: unknown): {
  messages: number;
  ordered: boolean;
  settle: boolean;
  signal: AbortSignal | undefined;
  fields: Fields;
} {
  checkOptions('job', options, STREAM_OPTIONS);
  const { messages, ordered, settle, signal } = options as StreamOptions;
  return {
    messages: messages === undefined ? 0 : checkInteger('job: messages', messages, 0, 1),
    ordered: checkBoolean('job: ordered', ordered, false),
    settle: checkBoolean('job: settle', settle, false),
    signal: shared(checkSignal('job: signal', signal)),
    fields: readJobOptions('job', options as object),
  };
}

function abortion(signals: readonly AbortSignal[]): { error: unknown } | undefined {
  const aborted = signals.find((signal) => signal.aborted);
  return aborted === undefined ? undefined : { error: aborted.reason };
}

/** Calls back at the first abort. Returns what stops the listening. */
function whenAborted(signals: readonly AbortSignal[], fail: (reason: unknown) => void): () => void {
  const listeners = signals.map((signal) => ({ signal, listen: (): void => fail(signal.reason) }));
  for (const { signal, listen } of listeners) signal.addEventListener('abort', listen, { once: true });
  return () => {
    for (const { signal, listen } of listeners) signal.removeEventListener('abort', listen);
  };
}
