import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JOB, Jobs } from '../../src/streams/jobs.ts';
import { PartProgress } from '../../src/streams/parts.ts';

describe('what is remembered of a job', () => {
  it('stays small for a million parts, whatever straggles', () => {
    const progress = new PartProgress();
    let fresh = 0;
    for (let part = 0; part < 1_000_000; part += 1) {
      if (part !== 5 && part !== 400_000 && progress.result(part, 0, true) === 'fresh') fresh += 1;
    }
    expect([fresh, progress.size]).toEqual([999_998, 3]);
    progress.partEnd(400_000, 0);
    progress.result(5, 0, true);
    expect(progress.size).toBe(3);
    expect([progress.ended(999_999), progress.ended(1_000_000)]).toEqual([true, false]);
  });

  it('is what a plain map of counts would say', () => {
    const ends = fc.uniqueArray(fc.tuple(fc.nat(40), fc.nat(2)), { selector: ([part]) => part, maxLength: 40 });
    fc.assert(
      fc.property(ends, (parts) => {
        const progress = new PartProgress();
        const plain = new Map<number, number>();
        for (const [part, count] of parts) {
          expect(progress.partEnd(part, count)).toBe('fresh');
          plain.set(part, count);
          for (let other = 0; other <= 41; other += 1) {
            const known = plain.get(other);
            expect(progress.ended(other)).toBe(known !== undefined);
            const verdicts = known === undefined ? [] : [progress.partEnd(other, known + 1), progress.result(other, known, false)];
            expect(verdicts.filter((verdict) => verdict !== 'contradiction')).toEqual([]);
          }
        }
      }),
    );
  });

  it('finds a part that ends with less than was delivered', () => {
    const progress = new PartProgress();
    progress.result(0, 0, false);
    progress.result(0, 1, false);
    expect(progress.result(0, 0, true)).toBe('contradiction');
    expect(progress.partEnd(0, 1)).toBe('contradiction');
    expect(progress.result(0, 1, true)).toBe('known');
    expect(progress.partEnd(0, 2)).toBe('known');
  });
});

describe('jobs in custody', () => {
  it('are what a plain map would hold', () => {
    const moves = fc.array(fc.tuple(fc.nat(3), fc.nat(2_000)), { maxLength: 300 });
    fc.assert(
      fc.property(moves, (list) => {
        const jobs = new Jobs();
        const plain = new Map<number, { slot: number; sent: boolean }>();
        for (const [kind, number] of list) {
          const at = plain.size === 0 ? 0 : ([...plain.keys()][number % plain.size] as number);
          if (kind < 2) {
            for (let i = 0; i <= number % 400; i += 1) plain.set(jobs.add(number, 1, 0, undefined), { slot: number, sent: false });
          } else if (plain.has(at) && kind === 2) {
            jobs.end(at);
            plain.delete(at);
          } else if (plain.has(at)) {
            jobs.markSent(at);
            (plain.get(at) as { sent: boolean }).sent = true;
          }
        }
        expect(jobs.live).toBe(plain.size);
        const waiting = [...plain].filter(([, job]) => !job.sent).map(([index]) => index);
        expect(jobs.nextWaiting(0)).toBe(waiting[0] ?? jobs.next);
        for (let index = 0; index < jobs.next; index += 7) {
          const job = plain.get(index);
          expect(jobs.state(index)).toBe(job === undefined ? JOB.none : job.sent ? JOB.sent : JOB.waiting);
        }
        expect(jobs.unsend().lowest).toBe([...plain.keys()][0] ?? jobs.next);
        const slots = [...plain.values()].map((job) => job.slot);
        expect(jobs.clear().sort((a, b) => a - b)).toEqual(slots.sort((a, b) => a - b));
      }),
      { numRuns: 50 },
    );
  });
});
