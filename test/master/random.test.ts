/**
 * Random lives: workers and clients come, break, return, leave; parts end in any order. Whatever happens, every job of a stream that
 * was not given up is answered exactly once, nothing is allocated twice, and no payload is kept that nobody needs.
 */
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { MasterState } from '../../src/master/state.ts';
import { ENTRY } from '../../src/protocol/stream_records.ts';
import { roundRobin } from '../../src/scheduling/round_robin.ts';
import { type Played, World } from './world.ts';

/** What is given back is always of the newest attempt. */
const NEWEST = 1_000_000;

/** A worker that is played at random: what it has, oldest first. */
interface Hand {
  readonly played: Played;
  readonly slots: number;
  parts: number[];
  read: number;
  up: boolean;
  gone: boolean;
}

class Life {
  readonly world: World;
  readonly hands: Hand[] = [];
  readonly clients: { played: Played; jobs: number[]; up: boolean; cancelled: boolean }[] = [];
  #names = 0;
  /** How far the log was searched for what went over PUSH. */
  #routed = 0;

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
    const outcomes = { attempts: each(1), indexes: each(0), flags: each(ENTRY.partEnd), busyMicros: 10, slots: each(-1), lengths: each(0) };
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
    const resend = instructions.find((one) => one.type === 'resend');
    if (hand.played.session !== before) {
      hand.parts = [];
      hand.read = kept;
    } else if (resend?.type === 'resend') this.#resend(hand, resend.from);
    this.#peers();
  }

  #resend(hand: Hand, from: number): void {
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
    expect(queued).toBeGreaterThanOrEqual(0);
    expect(placed).toBeGreaterThanOrEqual(0);
  }

  end(): void {
    this.addWorker(2);
    for (let round = 0; round < 400 && this.world.state.status.streams.length > 0; round += 1) {
      for (const hand of this.hands) if (!hand.up) this.comeBack(hand);
      this.world.flush();
      this.route(round);
      for (const hand of this.hands) for (let i = 0; i < 3; i += 1) this.finish(hand, i);
      this.world.pass(60);
    }
    this.world.flush();
    expect(this.world.state.status.streams).toEqual([]);
    expect(this.world.held.size).toBe(0);
    const again = new MasterState(this.world.config);
    for (const { event, instructions } of this.world.log) expect(again.handle(event)).toEqual(instructions);
    for (const client of this.clients) {
      if (client.cancelled) continue;
      const ends = this.world.entries(client.played).filter((entry) => (entry.flags & ENTRY.jobEnd) !== 0);
      expect(ends.map((entry) => entry.job).sort((a, b) => a - b)).toEqual(client.jobs);
    }
  }
}

const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('finish'), a: fc.nat(3), b: fc.nat(3) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('flush'), a: fc.nat(3), b: fc.nat(3) }) },
  fc.record({
    do: fc.constantFrom('lose', 'back', 'pass', 'cancel', 'leave', 'loseClient', 'worker', 'client'),
    a: fc.nat(5),
    b: fc.nat(30),
  }),
);

function act(life: Life, { do: what, a, b }: { do: string; a: number; b: number }): void {
  const hand = life.hands[a % life.hands.length] as Hand;
  const client = life.clients[a % life.clients.length] as (typeof life.clients)[0];
  if (what === 'finish') life.finish(hand, b);
  if (what === 'flush') life.world.flush();
  if (what === 'flush') life.route(b);
  if (what === 'lose') life.lose(hand);
  if (what === 'back') life.comeBack(hand);
  if (what === 'pass') life.world.pass([10, 60, 700, 1_100][b % 4] as number);
  if (what === 'worker') life.addWorker(1 + (b % 2));
  if (what === 'client') life.addClient(1 + b);
  if (what === 'cancel' && client.up) {
    client.cancelled = true;
    life.world.say(client.played, { kind: 'cancel', stream: 1, job: -1 });
  }
  if (what === 'leave' && hand.up && !hand.gone) {
    life.read(hand);
    life.world.report(hand.played, { kind: 'leaving' }, { kind: 'returned', keys: hand.parts, attempts: hand.parts.map(() => NEWEST) }, { kind: 'goodbye' });
    hand.gone = true;
  }
  if (what === 'loseClient' && client.up) {
    life.world.lose(client.played);
    client.up = false;
    client.cancelled = true;
    life.world.pass(30_001);
  }
  life.check();
}

it.each(['by lease', 'by PUSH'])('answers every job exactly once through any life, %s', (how) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const life = new Life(how === 'by PUSH');
      life.addWorker(1);
      life.addClient(20);
      for (const one of steps) act(life, one);
      life.end();
    }),
    { numRuns: 400 },
  );
});
