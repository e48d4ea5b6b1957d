/** A master's state machine with peers that are played by hand: what a test says goes in, what the master answers is kept. */
import { MasterState } from '../../src/master/state.ts';
import type { MasterConfig } from '../../src/master/core.ts';
import type { MasterEvent } from '../../src/master/events.ts';
import type { MasterInstruction } from '../../src/master/instructions.ts';
import type { Envelope, Lane, WireRecord } from '../../src/protocol/messages.ts';
import type { Welcome } from '../../src/protocol/greetings.ts';
import type { Fields } from '../../src/protocol/fields.ts';
import { ENTRY, type OpenRecord, type ResultsRecord } from '../../src/protocol/stream_records.ts';
import type { PartsRecord } from '../../src/protocol/part_records.ts';
import { leastLoaded } from '../../src/scheduling/least_loaded.ts';

/** What is reported is of the newest attempt. */
export const NEWEST = 1_000_000;
const EPOCH = 'e0e0e0e0e0e0e0e0';

/** A peer that a test plays. */
export interface Played {
  readonly name: string;
  connection: number;
  session: number;
  token: string;
  readonly seqs: Record<Lane, number>;
  /** How far it has read. */
  seen: number;
  /** Every record that it was sent, oldest first. */
  readonly got: WireRecord[];
}

export class World {
  readonly state: MasterState;
  readonly log: { event: MasterEvent; instructions: MasterInstruction[] }[] = [];
  readonly players: Played[] = [];
  readonly released: number[] = [];
  /** Slots that are in use: what came in and was not released. */
  readonly held = new Set<number>();
  now = 0;
  wakeAtMs = Infinity;
  stopped = false;
  #connections = 0;
  #slots = 0;

  readonly config: MasterConfig;

  constructor(config: Partial<MasterConfig> = {}) {
    this.config = {
      name: 'master',
      epoch: EPOCH,
      policy: leastLoaded(),
      scatter: false,
      gather: false,
      pushAt: '6001',
      pullAt: '6002',
      maxMessageBytes: 1_000_000,
      maxJobResultBytes: 1_000_000,
      bufferBytes: 16_777_216,
      heartbeatMs: 0,
      workerGraceMs: 1_000,
      clientGraceMs: 30_000,
      crashLimit: 3,
      ...config,
    };
    this.state = new MasterState(this.config);
  }

  feed(event: MasterEvent): MasterInstruction[] {
    const instructions = this.state.handle(event);
    this.log.push({ event, instructions });
    for (const instruction of instructions) {
      if (instruction.type === 'release') for (const slot of instruction.slots) this.#release(slot);
      if (instruction.type === 'keep') this.held.add(instruction.slot);
      if (instruction.type === 'wakeAt') this.wakeAtMs = instruction.atMs;
      if (instruction.type === 'stopped') [this.stopped, this.wakeAtMs] = [true, Infinity];
      if (instruction.type === 'send' && instruction.envelope.seq > 0)
        this.#deliver(instruction.session, instruction.connection, instruction.envelope, instruction.records);
      if (instruction.type === 'call' && instruction.slot >= 0) this.#release(instruction.slot);
    }
    return instructions;
  }

  #release(slot: number): void {
    if (!this.held.delete(slot)) throw new Error(`slot ${slot} was released, but not held`);
    this.released.push(slot);
  }

  #deliver(session: number, connection: number, envelope: Envelope, records: readonly WireRecord[]): void {
    const player = this.players.find((one) => one.session === session);
    if (player === undefined || connection !== player.connection) return;
    player.seen = envelope.seq;
    player.got.push(...structuredClone(records as WireRecord[]));
  }

  /** A payload in the store. */
  slot(): number {
    this.#slots += 1;
    this.held.add(this.#slots);
    return this.#slots;
  }

  #hello(
    player: Played,
    role: 'client' | 'worker',
    functions: readonly string[],
    slots: number,
    known = '0000000000000000',
    fields: Fields = [],
  ): MasterInstruction[] {
    const { session, token, seen, connection } = player;
    const hello = {
      type: 'hello',
      role,
      name: player.name,
      epoch: session === 0 ? known : EPOCH,
      session,
      token,
      seen,
      functions,
      slots,
      fields,
    } as const;
    this.#connections += 1;
    const instructions = this.feed({ type: 'hello', connection, hello, token: String(this.#connections).padStart(16, '0'), now: this.now });
    const post = instructions.find((one) => one.type === 'post');
    if (post?.type === 'post' && post.greeting.type === 'welcome') {
      const welcome: Welcome = post.greeting;
      if (!welcome.resumed)
        Object.assign(player, { session: welcome.session, token: welcome.token, seen: 0, seqs: { control: 0, reports: 0, push: 0 } });
    }
    return instructions;
  }

  #player(name: string): Played {
    this.#connections += 1;
    const player: Played = {
      name,
      connection: this.#connections,
      session: 0,
      token: '0000000000000000',
      seqs: { control: 0, reports: 0, push: 0 },
      seen: 0,
      got: [],
    };
    this.players.push(player);
    return player;
  }

  worker(name: string, functions: readonly string[] = ['foo'], slots = 1, fields: Fields = []): Played {
    const player = this.#player(name);
    this.#hello(player, 'worker', functions, slots, undefined, fields);
    return player;
  }

  /** @param epoch of the master that it knew before */
  client(name = 'client', epoch = '0000000000000000'): Played {
    const player = this.#player(name);
    this.#hello(player, 'client', [], 0, epoch);
    return player;
  }

  /** The peer's connection breaks. */
  lose(player: Played): MasterInstruction[] {
    return this.feed({ type: 'lost', connection: player.connection, now: this.now });
  }

  /** The peer comes back over a new connection. */
  comeBack(player: Played, role: 'client' | 'worker', functions: readonly string[] = ['foo'], slots = 1): MasterInstruction[] {
    this.#connections += 1;
    player.connection = this.#connections;
    return this.#hello(player, role, functions, slots);
  }

  /** A hello over any connection, of a worker if nothing else is said. */
  hello(player: Played, connection: number, role: 'client' | 'worker' = 'worker'): MasterInstruction[] {
    player.connection = connection;
    return this.#hello(player, role, role === 'worker' ? ['foo'] : [], role === 'worker' ? 1 : 0);
  }

  #envelope(player: Played, lane: Lane): Envelope {
    player.seqs[lane] += 1;
    return { lane, epoch: EPOCH, session: player.session, token: player.token, seq: player.seqs[lane], ack: player.seen, reportsAck: 0 };
  }

  /** A batch on the control lane. */
  say(player: Played, ...records: WireRecord[]): void {
    this.feed({
      type: 'batch',
      connection: player.connection,
      envelope: this.#envelope(player, 'control'),
      records,
      bytes: 0,
      now: this.now,
    });
  }

  /** A batch on the reports lane. */
  report(player: Played, ...records: WireRecord[]): void {
    this.feed({ type: 'report', envelope: this.#envelope(player, 'reports'), records, bytes: 0, now: this.now });
  }

  flush(): void {
    this.feed({ type: 'flush', now: this.now });
  }

  /** Lets time pass: wakes the machine whenever it asked for it. */
  pass(ms: number): void {
    const end = this.now + ms;
    while (this.wakeAtMs <= end) {
      this.now = Math.max(this.now, this.wakeAtMs);
      this.feed({ type: 'wake', now: this.now });
      this.flush();
    }
    this.now = end;
  }

  open(player: Played, stream = 1, more: Partial<Pick<OpenRecord, 'ordered' | 'results' | 'bytes' | 'fields'>> = {}): void {
    this.say(player, {
      kind: 'open',
      stream,
      id: `${player.name}-${stream}`,
      ordered: false,
      results: 100,
      bytes: 1_000_000,
      parent: 0,
      fields: [],
      ...more,
    });
  }

  jobs(player: Played, count: number, { stream = 1, first = 0, name = 'foo', bytes = 9, end = true, fields = [] as Fields } = {}): void {
    const slots = Array.from({ length: count }, () => this.slot());
    const each = fields.length === 0 ? [] : slots.map(() => fields);
    const jobs = {
      kind: 'jobs',
      stream,
      first,
      functions: [name],
      which: [],
      fields: each,
      slots,
      lengths: slots.map(() => bytes),
    } as const;
    this.say(player, jobs, ...(end ? [{ kind: 'end', stream, jobs: first + count } as const] : []));
  }

  /** Keys of the parts that a worker was sent and has not been heard of, oldest first. */
  parts(player: Played): { key: number; job: number; part: number; attempt: number; function: string; grant: number }[] {
    return player.got
      .filter((record): record is PartsRecord => record.kind === 'parts')
      .flatMap((r) =>
        r.keys.map((key, i) => ({
          key,
          job: r.jobs[i] as number,
          part: r.parts[i] as number,
          attempt: r.attempts[i] as number,
          function: r.function,
          grant: r.grants[i] as number,
        })),
      );
  }

  /** The worker reports one result for each key, and the part's end. */
  finish(player: Played, keys: readonly number[], { index = 0, end = true, micros = 10, bytes = 5, attempt = NEWEST } = {}): void {
    const flags = ENTRY.result | (end ? ENTRY.partEnd : 0);
    const each = <T>(value: T): T[] => keys.map(() => value);
    const slots = keys.map(() => this.slot());
    this.report(player, {
      kind: 'outcomes',
      keys,
      attempts: each(attempt),
      indexes: each(index),
      flags: each(flags),
      busyMicros: micros * keys.length,
      slots,
      lengths: each(bytes),
    });
  }

  /** Entries that a client was sent. */
  entries(player: Played, stream = 1): { job: number; part: number; index: number; flags: number }[] {
    return player.got
      .filter((record): record is ResultsRecord => record.kind === 'results' && record.stream === stream)
      .flatMap((r) =>
        r.jobs.map((job, i) => ({ job, part: r.parts[i] as number, index: r.indexes[i] as number, flags: r.flags[i] as number })),
      );
  }
}
