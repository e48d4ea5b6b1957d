/**
 * Random lives: workers and clients come, break, return, leave; parts end in any order. Whatever happens, every job of a stream that
 * was not given up is answered exactly once, nothing is allocated twice, and no payload is kept that nobody needs.
 */
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Hand, Life, NOTHING_LEFT } from './life.ts';
import { NEWEST } from './world.ts';

const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('finish'), a: fc.nat(3), b: fc.nat(3) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('flush'), a: fc.nat(3), b: fc.nat(3) }) },
  fc.record({
    do: fc.constantFrom('lose', 'finishAway', 'back', 'pass', 'cancel', 'leave', 'loseClient', 'worker', 'client'),
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
  if (what === 'finishAway') life.finishAway(hand, b);
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
    life.world.report(
      hand.played,
      { kind: 'leaving' },
      { kind: 'returned', keys: hand.parts, attempts: hand.parts.map(() => NEWEST) },
      { kind: 'goodbye' },
    );
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
      expect(life.end()).toEqual(NOTHING_LEFT);
    }),
    { numRuns: 400 },
  );
});

it.each(['by lease', 'by PUSH'])('stops as soon as all has ended, after any life, %s', (how) => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3 }), fc.array(step, { maxLength: 20 }), (jobs, steps) => {
      const life = new Life(how === 'by PUSH');
      life.addWorker(1);
      life.addClient(jobs);
      for (const one of steps) act(life, one);
      expect(life.stop()).toBe(true);
    }),
    { numRuns: 2_000 },
  );
});
