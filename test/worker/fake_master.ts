/** A master for tests of the worker alone: it welcomes, sends what the test says, and keeps a record of what it is told. */
import { Drafts } from '../../src/protocol/drafts.ts';
import type { Hello, Refusal, Welcome } from '../../src/protocol/greetings.ts';
import { type Batch, decode, encodeBatch, encodeGreeting, type Envelope, NO_ID, type WireRecord } from '../../src/protocol/messages.ts';
import type { PartsRecord } from '../../src/protocol/part_records.ts';
import { PayloadStore } from '../../src/protocol/payloads.ts';
import { ENTRY } from '../../src/protocol/stream_records.ts';
import type { BoundSocket, PushSocket, RouterSocket, Transport } from '../../src/transport/transport.ts';
import { EPOCH, TOKEN } from '../protocol/welcome.ts';
import { parts, WELCOME } from './scripted.ts';

export const ADDRESS = 'memory://master';

export interface FakeOptions {
  readonly transport: Transport;
  readonly welcome?: Partial<Welcome>;
  readonly refuse?: Refusal;
  /** Answers hellos. Default true. */
  readonly answers?: boolean;
}

export class FakeMaster {
  readonly hellos: Hello[] = [];
  readonly records: WireRecord[] = [];
  /** Results by part: their texts, in the order in which they came; `!` before those of errors. */
  readonly results = new Map<number, string[]>();
  readonly #store = new PayloadStore();
  readonly #drafts = new Drafts();
  readonly #sent: Uint8Array[][] = [];
  #options: FakeOptions;
  #router: RouterSocket | undefined;
  #pull: BoundSocket | undefined;
  #push: PushSocket | undefined;
  #connection = -1;
  #sessions = 0;
  #seen = 0;
  #reportsSeen = 0;
  #waiting: { test: () => boolean; resolve: () => void }[] = [];

  constructor(options: FakeOptions) {
    this.#options = options;
  }

  static async start(options: FakeOptions): Promise<FakeMaster> {
    const master = new FakeMaster(options);
    const { transport, welcome = {} } = options;
    const where = { ...WELCOME, ...welcome };
    master.#pull = await transport.bindPull(`${ADDRESS}.${where.pullAt}`, {
      message: (frames) => master.#message(-1, frames),
      rejected: () => undefined,
    });
    if (where.pushAt !== '') {
      const handlers = { peers: () => master.#heard(), disconnected: () => undefined, rejected: () => undefined };
      master.#push = await transport.bindPush(`${ADDRESS}.${where.pushAt}`, handlers);
    }
    master.#router = await transport.bindRouter(ADDRESS, {
      message: (connection, frames) => master.#message(connection, frames),
      lost: () => undefined,
      rejected: () => undefined,
    });
    return master;
  }

  async stop(): Promise<void> {
    await Promise.all([this.#router?.close(0), this.#pull?.close(0), this.#push?.close(0)]);
  }

  /** Waits until something has come. */
  until(test: () => boolean): Promise<void> {
    if (test()) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting.push({ test, resolve });
    });
  }

  /** Waits until a part has ended. */
  ended(key: number): Promise<void> {
    return this.until(() =>
      this.#of('outcomes').some(({ keys, flags }) => keys.some((one, at) => one === key && (flags[at]! & ENTRY.partEnd) !== 0)),
    );
  }

  kinds(): string[] {
    return this.records.map(({ kind }) => kind);
  }

  /** Keys of parts that came back. */
  get returned(): number[] {
    return this.#of('returned').flatMap(({ keys }) => keys);
  }

  #of<K extends WireRecord['kind']>(kind: K): Extract<WireRecord, { kind: K }>[] {
    return this.records.filter((record): record is Extract<WireRecord, { kind: K }> => record.kind === kind);
  }

  /** Gives parts of a function to the worker, with these payloads, over the ROUTER or PUSH. */
  give(name: string, payloads: Readonly<Record<number, string>>, of: Partial<PartsRecord> = {}, push = false): void {
    const keys = Object.keys(payloads).map(Number);
    const slots = keys.map((key) => this.#store.put(Buffer.from(payloads[key] as string)));
    const record = parts({ ...of, keys, function: name, slots, lengths: slots.map((slot) => this.#store.length(slot)) });
    if (!push) return this.tell(record);
    this.#push?.send(encodeBatch(this.#envelope({ lane: 'push', session: 0, token: NO_ID, seq: 0 }), [record], this.#store));
  }

  tell(record: WireRecord): void {
    this.#drafts.add(record);
    for (const records of this.#drafts.take()) {
      const frames = encodeBatch(this.#envelope({ seq: this.#sent.length + 1 }), records, this.#store);
      this.#sent.push(frames);
      this.#router?.send(this.#connection, frames);
    }
  }

  /** Sends bytes as they are. */
  shout(...frames: Uint8Array[]): void {
    this.#router?.send(this.#connection, frames);
  }

  #envelope(of: Partial<Envelope>): Envelope {
    const epoch = this.#options.welcome?.epoch ?? EPOCH;
    return { lane: 'control', epoch, session: this.#sessions, token: TOKEN, seq: 0, ack: this.#seen, reportsAck: this.#reportsSeen, ...of };
  }

  #heard(): void {
    for (const one of this.#waiting.splice(0)) {
      if (one.test()) one.resolve();
      else this.#waiting.push(one);
    }
  }

  #message(connection: number, frames: Uint8Array[]): void {
    const message = decode(frames, this.#store);
    if (message.type === 'hello') this.#hello(connection, message);
    else if (message.type === 'batch') this.#batch(message);
    this.#heard();
  }

  #hello(connection: number, hello: Hello): void {
    this.hellos.push(hello);
    this.#connection = connection;
    const { answers = true, refuse, welcome = {} } = this.#options;
    if (!answers) return;
    if (refuse !== undefined) return this.#router?.send(connection, encodeGreeting({ type: 'refused', code: refuse, text: 'not you' }));
    const resumed = hello.session === this.#sessions && hello.session !== 0 && hello.epoch === (welcome.epoch ?? EPOCH);
    if (!resumed) {
      this.#sessions += 1;
      this.#seen = 0;
      this.#reportsSeen = 0;
      this.#sent.length = 0;
    }
    const seen = { session: this.#sessions, seen: this.#seen, reportsSeen: this.#reportsSeen, resumed };
    this.#router?.send(connection, encodeGreeting({ ...WELCOME, ...welcome, ...seen }));
    for (const frames of this.#sent.slice(hello.seen)) this.#router?.send(connection, frames);
  }

  #batch({ envelope, records }: Batch): void {
    const { seq, lane } = envelope;
    const next = (lane === 'reports' ? this.#reportsSeen : this.#seen) + 1;
    if (envelope.session !== this.#sessions || seq !== next) return;
    if (lane === 'reports') this.#reportsSeen = seq;
    else this.#seen = seq;
    for (const record of records) this.#record(record);
  }

  #record(record: WireRecord): void {
    this.records.push(record);
    if (record.kind === 'call') {
      const found = record.operation === 'get' && record.key !== 'none' ? this.#store.put(Buffer.from(`value of ${record.key}`)) : -1;
      const length = found < 0 ? 0 : this.#store.length(found);
      this.tell({ kind: 'reply', id: record.id, outcome: record.key === 'none' ? 'none' : 'done', text: '', slot: found, length });
    }
    if (record.kind !== 'outcomes') return;
    record.keys.forEach((key, at) => {
      const slot = record.slots[at] as number;
      if (slot < 0) return;
      const text = this.#store.joined(slot).toString();
      const error = ((record.flags[at] as number) & ENTRY.error) !== 0;
      this.results.set(key, [...(this.results.get(key) ?? []), error ? `!${text}` : text]);
    });
  }
}
