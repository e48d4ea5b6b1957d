/** A master's life at random: what the tests of it do, and what must hold in the end. */
import { isDeepStrictEqual } from 'node:util';
import type { MasterEvent } from '../../src/master/events.ts';
import type { MasterInstruction } from '../../src/master/instructions.ts';
import { MasterState } from '../../src/master/state.ts';
import { ENTRY } from '../../src/protocol/stream_records.ts';
import { roundRobin } from '../../src/scheduling/round_robin.ts';
import { NEWEST, type Played, World } from './world.ts';

/** A worker that is played at random: what it has, oldest first. */
export interface Hand {
  readonly played: Played;
  readonly slots: number;
  parts: number[];
  read: number;
  up: boolean;
  gone: boolean;
}

export class Life {
  readonly world: World;
  readonly hands: Hand[] = [];
  readonly clients: { played: Played; jobs: number[]; up: boolean; cancelled: boolean }[] = [];
  #names = 0;
  /** How far the log was searched for what went over PUSH. */
  #routed = 0;
  /** How far it was searched for who was asked. */
  #asked = 0;

  constructor(push: boolean) {
    this.world = new World(push ? { policy: roundRobin() } : {});
    this.push = push;
  }

  readonly push: boolean;

  addWorker(slots: number): void {
    this.#names += 1;
    this.hands.push({ played: this.world.worker(`w${this.#names}`, ['foo'], slots), slots, parts: [], read: 0, up: true, gone: false });
    this.#peers();
  }

  /** With PUSH, everyone who is up is connected. */
  #peers(): void {
    if (this.push) this.world.feed({ type: 'pushPeers', count: this.hands.filter((hand) => hand.up && !hand.gone).length, strangers: 0 });
  }

  addClient(jobs: number): void {
    this.#names += 1;
    const played = this.world.client(`c${this.#names}`);
    this.world.open(played);
    this.world.jobs(played, jobs);
    this.clients.push({ played, jobs: Array.from({ length: jobs }, (_, i) => i), up: true, cancelled: false });
  }

  /** The worker reads what it was sent since it last looked. */
  read(hand: Hand): void {
    for (; hand.read < hand.played.got.length; hand.read += 1) {
      const record = hand.played.got[hand.read];
      if (record?.kind === 'parts') hand.parts.push(...record.keys);
      if (record?.kind === 'abort') {
        const mine = record.keys.filter((key) => hand.parts.includes(key));
        hand.parts = hand.parts.filter((key) => !record.keys.includes(key));
        if (mine.length > 0) this.#ends(hand, mine);
      }
      if (record?.kind === 'revoke') {
        const back = record.keys.filter((key) => hand.parts.indexOf(key) >= hand.slots);
        hand.parts = hand.parts.filter((key) => !back.includes(key));
        if (back.length > 0) this.world.report(hand.played, { kind: 'returned', keys: back, attempts: back.map(() => NEWEST) });
      }
    }
  }

  #ends(hand: Hand, keys: number[]): void {
    const each = (value: number): number[] => keys.map(() => value);
    const outcomes = {
      attempts: each(NEWEST),
      indexes: each(0),
      flags: each(ENTRY.partEnd),
      busyMicros: 10,
      slots: each(-1),
      lengths: each(0),
    };
    this.world.report(hand.played, { kind: 'outcomes', keys, ...outcomes });
  }

  finish(hand: Hand, which: number): void {
    if (!hand.up || hand.gone) return;
    this.read(hand);
    const begun = hand.parts.slice(0, hand.slots);
    const key = begun[which % Math.max(1, begun.length)];
    if (key === undefined) return;
    hand.parts.splice(hand.parts.indexOf(key), 1);
    this.world.finish(hand.played, [key], { micros: which * 50 });
  }

  /** What it reports goes over a connection of its own, which may last longer. */
  finishAway(hand: Hand, which: number): void {
    if (hand.up || hand.gone) return;
    const key = hand.parts.splice(which % Math.max(1, Math.min(hand.slots, hand.parts.length)), 1)[0];
    if (key !== undefined) this.world.finish(hand.played, [key], { micros: which * 50 });
  }

  lose(hand: Hand): void {
    if (!hand.up || hand.gone) return;
    hand.up = false;
    this.world.lose(hand.played);
    this.#peers();
    if (this.push) this.world.feed({ type: 'pushLost' });
  }

  comeBack(hand: Hand): void {
    if (hand.up || hand.gone) return;
    hand.up = true;
    const before = hand.played.session;
    const kept = hand.played.got.length;
    const instructions = this.world.comeBack(hand.played, 'worker', ['foo'], hand.slots);
    if (instructions.some((one) => one.type === 'post' && one.greeting.type === 'refused')) hand.gone = true;
    if (hand.played.session !== before) {
      hand.parts = [];
      hand.read = kept;
    } else this.#resent(hand, instructions);
    this.#peers();
  }

  #resent(hand: Hand, answer: readonly MasterInstruction[]): void {
    const from = answer.find((one) => one.type === 'resend')?.from ?? Infinity;
    for (const { instructions } of this.world.log) {
      for (const one of instructions) {
        if (one.type !== 'send' || one.session !== hand.played.session || one.envelope.seq < from || one.envelope.seq <= hand.played.seen)
          continue;
        hand.played.seen = one.envelope.seq;
        hand.played.got.push(...one.records);
      }
    }
  }

  /** Parts that went over PUSH reach some worker. */
  route(at: number): void {
    const up = this.hands.filter((hand) => hand.up && !hand.gone);
    for (; up.length > 0 && this.#routed < this.world.log.length; this.#routed += 1) {
      for (const one of this.world.log[this.#routed]?.instructions ?? []) {
        const hand = up[at % up.length] as Hand;
        if (one.type !== 'push') continue;
        for (const record of one.records) {
          if (record.kind !== 'parts') continue;
          hand.parts.push(...record.keys);
          this.world.report(hand.played, { kind: 'accepted', keys: record.keys, attempts: record.attempts });
        }
      }
    }
  }

  check(): void {
    const { queued, placed } = this.world.state.status;
    if (queued < 0 || placed < 0) throw new Error(`the books are wrong: ${queued} queued, ${placed} placed`);
  }

  /** All comes back and ends. Returns what is left. */
  end(): { streams: string[]; payloads: number; unlike: MasterEvent[]; unanswered: string[] } {
    this.addWorker(2);
    for (let round = 0; round < 400 && this.world.state.status.streams.length > 0; round += 1) {
      for (const hand of this.hands) if (!hand.up) this.comeBack(hand);
      this.world.flush();
      this.route(round);
      for (const hand of this.hands) for (let i = 0; i < 3; i += 1) this.finish(hand, i);
      this.world.pass(60);
    }
    this.world.flush();
    return {
      streams: this.world.state.status.streams.map((stream) => stream.id),
      payloads: this.world.held.size,
      unlike: this.#replay(),
      unanswered: this.clients
        .filter((client) => !client.cancelled && !this.#answered(client.played, client.jobs))
        .map((client) => client.played.name),
    };
  }

  /** All comes back and ends while the master stops. Returns whether that ends before its deadline. */
  stop(): boolean {
    this.addWorker(2);
    this.world.feed({ type: 'stop', deadlineMs: 1_000_000, now: this.world.now });
    for (let round = 0; round < 400 && !this.world.stopped; round += 1) {
      this.world.flush();
      for (const hand of this.hands) if (!hand.up) this.comeBack(hand);
      this.route(round);
      for (const hand of this.hands) for (let i = 0; i < 3; i += 1) this.finish(hand, i);
      this.world.pass(60);
      this.#answer();
    }
    return this.world.stopped;
  }

  /** Who was asked how far it has read says so, by a hello; nobody else says anything. */
  #answer(): void {
    const posts = this.world.log.slice(this.#asked).flatMap(({ instructions }) => instructions.filter((one) => one.type === 'post'));
    this.#asked = this.world.log.length;
    const asked = new Set(posts.filter(({ greeting }) => greeting.type === 'resync').map(({ connection }) => connection));
    for (const hand of this.hands)
      if (hand.up && !hand.gone && asked.has(hand.played.connection))
        this.#resent(hand, this.world.hello(hand.played, hand.played.connection));
    for (const { played, up } of this.clients)
      if (up && asked.has(played.connection)) this.world.hello(played, played.connection, 'client');
  }

  /** Events that another machine, told the same, answered in another way. */
  #replay(): MasterEvent[] {
    const again = new MasterState(this.world.config);
    return this.world.log
      .filter(({ event, instructions }) => !isDeepStrictEqual(again.handle(event), instructions))
      .map(({ event }) => event);
  }

  /** Whether the end of each of these jobs was told once, and of no other. */
  #answered(client: Played, jobs: readonly number[]): boolean {
    const ends = this.world.entries(client).filter((entry) => (entry.flags & ENTRY.jobEnd) !== 0);
    return isDeepStrictEqual(
      ends.map((entry) => entry.job).sort((a, b) => a - b),
      [...jobs],
    );
  }
}

/** What is left at the end of a life: nothing, if all is well. */
export const NOTHING_LEFT: ReturnType<Life['end']> = { streams: [], payloads: 0, unlike: [], unanswered: [] };
