/** A worker's state machine and its executor, without sockets: the test says what comes in, and when a tick ends. */
import type { WireRecord } from '../../src/protocol/messages.ts';
import type { PartsRecord } from '../../src/protocol/part_records.ts';
import { PayloadStore } from '../../src/protocol/payloads.ts';
import { decodeError, type RemoteError } from '../../src/protocol/remote_error.ts';
import { ENTRY } from '../../src/protocol/stream_records.ts';
import type { Nested } from '../../src/worker/context.ts';
import type { WorkerEvent } from '../../src/worker/events.ts';
import { Executor } from '../../src/worker/executor.ts';
import type { Served } from '../../src/worker/executor_options.ts';
import type { WorkerInstruction } from '../../src/worker/instructions.ts';
import { WorkerState } from '../../src/worker/state.ts';
import { TOKEN } from '../protocol/welcome.ts';
import { parts, WELCOME } from './scripted.ts';

export interface Said {
  readonly key: number;
  readonly attempt: number;
  readonly index: number;
  readonly flags: number;
  readonly text: string;
  readonly error: RemoteError | undefined;
}

export interface RigOptions {
  readonly functions: Readonly<Record<string, Served>>;
  readonly slots?: number;
  readonly maxParked?: number;
  readonly nested?: Nested;
  /** The clock of the executor. */
  readonly now?: () => number;
}

const NO_NESTED: Nested = {
  call: () => Promise.reject(new Error('no calls here')),
  job: () => {
    throw new Error('no jobs here');
  },
};

/** Lets all that is ready run: microtasks, and what waits for the event loop. */
export function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

export class Rig {
  readonly store = new PayloadStore();
  readonly executor: Executor;
  readonly said: Said[] = [];
  readonly returned: number[] = [];
  hungry: { key: number; bytes: number }[] = [];
  lent = 0;
  /** How often something was ready to be collected. */
  wakes = 0;
  readonly #state: WorkerState;
  /** Whether something else is to be said at the end of a turn. */
  unsaid = false;
  #seq = 0;
  #now = 0;
  /** Each look at the clock takes a microsecond: a turn is as long on a machine that is busy. */
  #readings = 0;

  constructor(options: RigOptions) {
    const functions = new Map(Object.entries(options.functions));
    this.#state = new WorkerState({
      name: 'w',
      functions: [...functions.keys()],
      slots: options.slots ?? 1,
      maxParked: options.maxParked ?? 64,
    });
    this.executor = new Executor({
      relays: false,
      owner: { name: 'owner' },
      name: 'w',
      functions,
      store: this.store,
      nested: options.nested ?? NO_NESTED,
      now: options.now ?? (() => (this.#readings += 0.001)),
      wake: () => {
        this.wakes += 1;
      },
    });
    this.#feed({ type: 'welcome', welcome: WELCOME, now: 0 });
    this.executor.maxMessageBytes = WELCOME.maxMessageBytes;
  }

  /** Parts of a function come, with these payloads. Keys go on from 1. */
  give(name: string, payloads: readonly string[], of: Partial<PartsRecord> = {}): void {
    const keys = of.keys ?? payloads.map((_, at) => at + 1);
    const slots = payloads.map((payload) => this.store.put(Buffer.from(payload)));
    this.tell(parts({ ...of, function: name, keys, slots, lengths: payloads.map((payload) => payload.length) }));
  }

  /** A record comes from the master. */
  tell(record: WireRecord): void {
    this.#collect();
    this.#seq += 1;
    const envelope = { lane: 'control', epoch: WELCOME.epoch, session: 1, token: TOKEN, seq: this.#seq, ack: 0, reportsAck: 0 } as const;
    this.#feed({ type: 'batch', envelope, records: [record], bytes: 0, now: this.#now });
  }

  /** The event loop has turned: what has happened is told, the sockets are drained, parts begin. */
  tick(): void {
    this.#collect();
    this.#feed({ type: 'flush', now: this.#now });
    this.#feed({ type: 'turn', now: this.#now });
  }

  /** Ticks until nothing moves any more. */
  async run(ticks = 6): Promise<void> {
    for (let i = 0; i < ticks; i += 1) {
      this.tick();
      await settled();
    }
    this.tick();
  }

  /** The texts of the results of a part, in their order. */
  results(key = 1): string[] {
    return this.said.filter((one) => one.key === key && (one.flags & ENTRY.result) !== 0).map((one) => one.text);
  }

  error(key = 1): RemoteError | undefined {
    return this.said.find((one) => one.key === key && one.error !== undefined)?.error;
  }

  ended(key = 1): boolean {
    return this.said.some((one) => one.key === key && (one.flags & ENTRY.partEnd) !== 0);
  }

  #collect(): void {
    const ran = this.executor.collect();
    if (ran !== undefined) this.#feed(ran);
  }

  #feed(event: WorkerEvent): void {
    const follow: WorkerEvent[] = [];
    for (const instruction of this.#state.handle(event)) {
      const ran = this.#carryOut(instruction);
      if (ran !== undefined) follow.push(ran);
    }
    for (const next of follow) this.#feed(next);
  }

  #carryOut(instruction: WorkerInstruction): WorkerEvent | undefined {
    if (instruction.type === 'run') return this.executor.run(instruction, this.unsaid);
    if (instruction.type === 'abort') this.executor.abort(instruction.locals, instruction.reason);
    if (instruction.type === 'grant') this.executor.grant(instruction.locals, instruction.results, instruction.bytes);
    if (instruction.type === 'release') for (const slot of instruction.slots) this.store.release(slot);
    if (instruction.type === 'send') for (const record of instruction.records) this.#hear(record);
    return undefined;
  }

  #hear(record: WireRecord): void {
    if (record.kind === 'returned') this.returned.push(...record.keys);
    if (record.kind === 'hungry') record.keys.forEach((key, at) => this.hungry.push({ key, bytes: record.bytes[at] as number }));
    if (record.kind === 'lent') this.lent = record.count;
    if (record.kind !== 'outcomes') return;
    record.keys.forEach((key, at) => {
      const slot = record.slots[at] as number;
      const flags = record.flags[at] as number;
      const bytes = slot < 0 ? Buffer.alloc(0) : this.store.joined(slot);
      const isError = (flags & ENTRY.error) !== 0;
      const base = { key, attempt: record.attempts[at] as number, index: record.indexes[at] as number, flags };
      this.said.push({ ...base, text: isError ? '' : bytes.toString(), error: isError ? decodeError(bytes) : undefined });
    });
  }
}
