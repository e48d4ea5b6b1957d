/** What makes a conversation survive its connections: against dumb models, and over a line that breaks all the time. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Inbox, moved, Outbox, SESSION_MOVES } from '../../src/protocol/session.ts';
import { Conversation, type Step } from './conversation.ts';

describe('a lane', () => {
  it('its sender agrees with two numbers', () => {
    const ack = fc.oneof(fc.constant('next' as const), fc.integer({ min: -2, max: 30 }));
    fc.assert(
      fc.property(fc.array(ack), (steps) => {
        const outbox = new Outbox();
        const numbers: number[] = [];
        let [sent, acknowledged] = [0, 0];
        for (const step of steps) {
          if (step === 'next') {
            sent += 1;
            numbers.push(outbox.next());
            continue;
          }
          expect(outbox.plausible(step)).toBe(step >= acknowledged && step <= sent);
          const news = step > acknowledged && step <= sent;
          expect(outbox.acknowledge(step)).toBe(news);
          if (news) acknowledged = step;
          expect([outbox.kept, outbox.acknowledged]).toEqual([sent - acknowledged, acknowledged]);
        }
        expect(numbers).toEqual(numbers.map((_, i) => i + 1));
        outbox.reset();
        expect([outbox.kept, outbox.acknowledged, outbox.next()]).toEqual([0, 0, 1]);
      }),
    );
  });

  it('its receiver takes each number once, in order, and nothing behind a gap', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.constant('tell' as const), fc.integer({ min: 1, max: 12 })), { maxLength: 60 }), (steps) => {
        const inbox = new Inbox();
        const taken: number[] = [];
        const tells: [number, number][] = [];
        let told = 0;
        for (const step of steps) {
          if (step === 'tell') {
            told = taken.length;
            tells.push([inbox.tell(), told]);
            continue;
          }
          const verdict = taken.includes(step) ? 'duplicate' : step === taken.length + 1 ? 'fresh' : 'gap';
          expect(inbox.receive(step)).toBe(verdict);
          if (verdict === 'fresh') taken.push(step);
          expect([inbox.seen, inbox.owed]).toEqual([taken.length, taken.length - told]);
        }
        expect(tells.map(([tell]) => tell)).toEqual(tells.map(([, right]) => right));
        inbox.reset();
        expect([inbox.seen, inbox.owed, inbox.receive(1)]).toEqual([0, 0, 'fresh']);
      }),
    );
  });
});

describe('the moves of a session', () => {
  it('are those of the table, and no others', () => {
    const states = Object.keys(SESSION_MOVES) as (keyof typeof SESSION_MOVES)[];
    const tried = states.flatMap((state) =>
      (['welcome', 'lose', 'end'] as const).map((move) => {
        try {
          return `${state} ${move} ${moved(SESSION_MOVES, 'session', state, move)}`;
        } catch (error) {
          return String(error);
        }
      }),
    );
    const legal = tried.filter((line) => !line.startsWith('Error'));
    expect(tried.filter((line) => line.startsWith('Error'))).toEqual(
      ['welcome', 'lose', 'end'].map((move) => `Error: assertion: session cannot '${move}' while 'ended'`),
    );
    expect(legal).toEqual([
      'greeting welcome joined',
      'greeting lose greeting',
      'greeting end ended',
      'joined welcome joined',
      'joined lose suspect',
      'joined end ended',
      'suspect welcome joined',
      'suspect lose suspect',
      'suspect end ended',
    ]);
  });
});

const some = fc.nat({ max: 4 });
const fraction = fc.double({ min: 0, max: 1, noNaN: true });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constantFrom('say' as const, 'report' as const, 'answer' as const), count: some }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constantFrom('flushPeer' as const, 'flushMaster' as const) }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constantFrom('up' as const, 'down' as const, 'reports' as const), count: some }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('report' as const), count: fc.constant(1) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('cutReports' as const), arrives: fraction }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('cut' as const), arrives: fraction }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('connect' as const) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constantFrom('connectReports' as const, 'noticeLoss' as const) }) },
);

/** Half of the conversations begin with a session that stands; in all of them, much happens. */
const steps = fc.tuple(fc.boolean(), fc.array(step, { minLength: 10, maxLength: 120, size: 'max' })).map(([stands, rest]): Step[] => {
  const begin: Step[] = [{ type: 'connect' }, { type: 'up', count: 1 }, { type: 'down', count: 1 }];
  return stands ? [...begin, ...rest] : rest;
});

describe('over a line that breaks', () => {
  it('everything arrives exactly once and in order, on every lane, whatever is cut off when', () => {
    const seen = { resent: 0, duplicates: 0, gaps: 0, resyncs: 0, resumed: 0 };
    fc.assert(
      fc.property(steps, (steps) => {
        const conversation = new Conversation();
        for (const one of steps) conversation.step(one);
        conversation.settle();
        expect(conversation.heard).toEqual(conversation.said);
        expect(conversation.kept).toBe(0);
        for (const key of Object.keys(seen) as (keyof typeof seen)[]) seen[key] += conversation[key];
      }),
      { numRuns: 1_000 },
    );
    // Else the line does not break often enough to prove anything.
    expect(Object.entries(seen).filter(([, count]) => count < 10)).toEqual([]);
  });

  it('nobody ever takes a message twice or out of order on the way', () => {
    fc.assert(
      fc.property(steps, (steps) => {
        const conversation = new Conversation();
        for (const one of steps) {
          conversation.step(one);
          for (const lane of ['control', 'reports', 'answers'] as const) {
            const heard = conversation.heard[lane];
            expect(heard).toEqual(conversation.said[lane].slice(0, heard.length));
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it('a report lost before the loss was noticed leaves a gap, and one resync closes it', () => {
    const conversation = new Conversation();
    const steps: Step[] = [
      { type: 'connect' },
      { type: 'up', count: 1 },
      { type: 'down', count: 1 },
      { type: 'report', count: 1 },
      { type: 'flushPeer' },
      { type: 'cutReports', arrives: 0 },
      ...[1, 2, 3].flatMap((): Step[] => [{ type: 'report', count: 1 }, { type: 'flushPeer' }]),
      { type: 'reports', count: 3 },
    ];
    for (const one of steps) conversation.step(one);
    expect([conversation.gaps, conversation.heard.reports]).toEqual([3, []]);
    conversation.settle();
    expect(conversation.heard.reports).toEqual([0, 1, 2, 3]);
    expect(conversation.resyncs).toBe(1);
  });
});
