import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Kept } from '../../src/protocol/kept.ts';
import { helloOf } from '../../src/protocol/lost_bytes.ts';
import { encodeBatch, type Lane, LANES, NO_ID } from '../../src/protocol/messages.ts';
import { PayloadStore } from '../../src/protocol/payloads.ts';

type Step = { readonly lane: Lane } & (
  | { readonly type: 'keep'; readonly count: number }
  | { readonly type: 'forget' | 'from'; readonly at: number }
);

const lane = fc.constantFrom(...LANES);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ type: fc.constant('keep' as const), lane, count: fc.oneof(fc.nat({ max: 5 }), fc.constant(1_500)) }),
  fc.record({ type: fc.constantFrom('forget' as const, 'from' as const), lane, at: fc.double({ min: -0.1, max: 1.1, noNaN: true }) }),
);

function frames(lane: Lane, seq: number): Uint8Array[] {
  return [Buffer.from(`${lane} ${seq}`)];
}

function text(batches: readonly Uint8Array[][]): string {
  return batches.map((batch) => Buffer.concat(batch).toString()).join(', ');
}

describe('what is kept', () => {
  it('agrees with a list: what was acknowledged is gone, the rest is there in order', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        const kept = new Kept();
        const model = { control: [], reports: [], push: [] } as Record<Lane, number[]>;
        const told: [string, string][] = [];
        const last = { control: 0, reports: 0, push: 0 };
        for (const one of steps) {
          const { lane } = one;
          if (one.type === 'keep') {
            for (let i = 0; i < one.count; i += 1) {
              last[lane] += 1;
              kept.keep(lane, last[lane], frames(lane, last[lane]));
              model[lane].push(last[lane]);
            }
            continue;
          }
          const first = model[lane][0] ?? last[lane];
          const upTo = Math.round(first + one.at * (last[lane] - first + 1));
          model[lane] = model[lane].filter((seq) => seq > upTo);
          if (one.type === 'forget') kept.forget(lane, upTo);
          else told.push([text(kept.from(lane, upTo + 1)), text(model[lane].map((seq) => frames(lane, seq)))]);
        }
        expect(told.map(([is]) => is)).toEqual(told.map(([, right]) => right));
        for (const lane of LANES) expect(text(kept.from(lane, 1))).toBe(text(model[lane].map((seq) => frames(lane, seq))));
      }),
    );
  });

  it('counts right after a long list was cut', () => {
    const kept = new Kept();
    for (let seq = 1; seq <= 3_000; seq += 1) kept.keep('control', seq, frames('control', seq));
    for (let upTo = 100; upTo < 3_000; upTo += 100) {
      kept.forget('control', upTo);
      expect(text(kept.from('control', upTo - 5)).split(', ')[0]).toBe(`control ${upTo + 1}`);
    }
    expect(kept.from('control', 2_999)).toEqual([frames('control', 2_999), frames('control', 3_000)]);
  });

  it('tells once of each batch that is acknowledged, in order, and not of what is let go otherwise', () => {
    const arrived: string[] = [];
    const kept = new Kept((batch) => arrived.push(text([batch])));
    for (let seq = 1; seq <= 5; seq += 1) kept.keep('control', seq, frames('control', seq));
    kept.forget('control', 2);
    kept.forget('control', 2);
    kept.from('control', 4);
    kept.forgetAll();
    expect(arrived).toEqual(['control 1', 'control 2', 'control 3']);
  });

  it('begins anew after everything was let go', () => {
    const kept = new Kept();
    kept.keep('control', 1, frames('control', 1));
    kept.keep('reports', 1, frames('reports', 1));
    kept.forgetAll();
    expect([kept.from('control', 1), kept.from('reports', 1)]).toEqual([[], []]);
    kept.keep('control', 1, frames('control', 1));
    expect(kept.from('control', 1)).toEqual([frames('control', 1)]);
  });

  it('can be sent again as a whole, unless memory of what is not acknowledged was transferred elsewhere', () => {
    const store = new PayloadStore();
    const [empty, large, small] = [Buffer.alloc(0), new Uint8Array(100_000), new Uint8Array(9)];
    const slots = [empty, large, small].map((payload) => store.put(payload));
    const lengths = [empty, large, small].map(({ length }) => length);
    const envelope = { lane: 'control', epoch: NO_ID, session: 1, token: NO_ID, seq: 1, ack: 0, reportsAck: 0 } as const;
    const jobs = { kind: 'jobs', stream: 1, first: 0, functions: ['foo'], which: [], fields: [], slots, lengths } as const;
    const kept = new Kept();
    kept.keep('control', 1, encodeBatch(envelope, [jobs], store));
    structuredClone(small.buffer, { transfer: [small.buffer] });
    expect([kept.again('control', 1)?.length, kept.torn]).toEqual([1, false]);
    structuredClone(large.buffer, { transfer: [large.buffer] });
    kept.keep('control', 2, frames('control', 2));
    // The first has arrived: nobody needs it.
    expect([kept.again('control', 2), kept.torn]).toEqual([[frames('control', 2)], false]);
    const hello = {
      type: 'hello',
      role: 'client',
      name: 'c',
      epoch: '00000000000000aa',
      session: 1,
      token: '00000000000000bb',
      seen: 0,
      functions: [],
      slots: 0,
      fields: [],
    } as const;
    expect(helloOf(hello, kept)).toBe(hello);
    const other = new Uint8Array(100_000);
    const slot = store.put(other);
    kept.keep('control', 3, encodeBatch(envelope, [{ ...jobs, slots: [slot], lengths: [100_000] }], store));
    structuredClone(other.buffer, { transfer: [other.buffer] });
    expect([kept.again('control', 2), kept.torn]).toEqual([undefined, true]);
    expect(helloOf(hello, kept)).toEqual({ ...hello, token: NO_ID });
    kept.forgetAll();
    expect(helloOf(hello, kept)).toBe(hello);
  });
});
