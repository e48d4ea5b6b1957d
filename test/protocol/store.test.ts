import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { behind } from './behind.ts';
import { FrameReader, FrameWriter } from '../../src/protocol/frames.ts';
import { type Join, ownSlot, PayloadStore } from '../../src/protocol/payloads.ts';

const SEA = Buffer.alloc(3_000_000, 'lorem ipsum dolor sit amet, consectetur adipiscing elit; ');

/** What is in the store, by slot, and the slots that were let go. */
interface Model {
  readonly here: Map<number, Buffer>;
  readonly gone: number[];
  own: number;
}
type Command = fc.Command<Model, PayloadStore>;

function insert(model: Model, slot: number, payload: Buffer): void {
  expect(model.here.has(slot)).toBe(false);
  model.here.set(slot, payload);
}

function expectAt(slot: number, right: number): void {
  expect(slot).toBe(right);
}

function agree(model: Model, store: PayloadStore): void {
  expect(store.count).toBe(model.here.size);
  expect(store.bytes).toBe([...model.here.values()].reduce((sum, payload) => sum + payload.length, 0));
  for (const [slot, payload] of model.here) {
    expect(store.length(slot)).toBe(payload.length);
    expect(store.joined(slot).equals(payload)).toBe(true);
  }
  for (const slot of model.gone) {
    if (model.here.has(slot)) continue;
    expect(() => store.release(slot)).toThrow('payload store');
    expect(() => store.length(slot)).toThrow('payload store');
    expect(() => store.pieces(slot)).toThrow('payload store');
    expect(() => store.copy([slot], Buffer.alloc(8), 0)).toThrow('payload store');
  }
}

function command(text: string, run: (model: Model, store: PayloadStore) => void): Command {
  return {
    check: () => true,
    run(model, store) {
      run(model, store);
      agree(model, store);
    },
    toString: () => text,
  };
}

const size = fc.oneof(
  { weight: 9, arbitrary: fc.nat({ max: 50 }) },
  { weight: 1, arbitrary: fc.constantFrom(0, 16_384, 16_385, 1_048_577) },
);
const payload = fc.tuple(size, fc.nat({ max: 1_000 })).map(([length, from]) => SEA.subarray(from, from + length));

/** A block as it comes by the wire. */
function came(payloads: readonly Buffer[], join?: Join): FrameReader {
  const sender = new PayloadStore();
  const writer = new FrameWriter(sender);
  for (const each of payloads) writer.add(sender.put(each), each.length);
  const reader = new FrameReader(behind(writer), join);
  for (const each of payloads) reader.take(each.length);
  return reader;
}

const COMMANDS = [
  payload.map((one) => command(`put ${one.length}`, (model, store) => insert(model, store.put(one), one))),
  fc
    .array(payload, { maxLength: 4 })
    .map((pieces) =>
      command(`put pieces ${pieces.map(({ length }) => length).join('+')}`, (model, store) =>
        insert(model, store.put(pieces), Buffer.concat(pieces)),
      ),
    ),
  payload.map((one) =>
    command(`own ${one.length}`, (model, store) => {
      store.putOwn(ownSlot(model.own), one);
      insert(model, ownSlot(model.own), one);
      model.own += 1;
    }),
  ),
  fc.array(payload, { maxLength: 8 }).map((payloads) =>
    command(`came ${payloads.map(({ length }) => length).join(',')}`, (model, store) => {
      const base = store.nextBase();
      const slot = store.add(came(payloads).done());
      expectAt(slot, payloads.length > 0 ? base : 0);
      payloads.forEach((each, i) => insert(model, slot + i, each));
    }),
  ),
  ...[0, 1, 2].map(() =>
    fc.nat().map((which) =>
      command(`release ${which}`, (model, store) => {
        const slot = [...model.here.keys()][which % Math.max(1, model.here.size)];
        if (slot === undefined) return;
        store.release(slot);
        model.here.delete(slot);
        model.gone.push(slot);
      }),
    ),
  ),
  fc.constant(
    command('release all', (model, store) => {
      for (const slot of model.here.keys()) {
        store.release(slot);
        model.gone.push(slot);
      }
      model.here.clear();
    }),
  ),
];

describe('the payload store', () => {
  it('agrees with a Map, whatever is put, comes and is let go', () => {
    expect(() =>
      fc.assert(
        fc.property(fc.commands(COMMANDS, { maxCommands: 60 }), (commands) => {
          fc.modelRun(() => ({ model: { here: new Map<number, Buffer>(), gone: [], own: 0 }, real: new PayloadStore() }), commands);
        }),
        { numRuns: 200 },
      ),
    ).not.toThrow();
  });

  it('holds a slot until its whole block is gone, then gives it anew', () => {
    const store = new PayloadStore();
    const two = (): number => store.add(came([SEA.subarray(0, 5), SEA.subarray(5, 9)]).done());
    const first = two();
    store.release(first);
    const second = two();
    expect([first, first + 1]).not.toContain(second);
    store.release(first + 1);
    expect(two()).toBe(first);
  });

  it('has payloads of several pieces joined as they come, and shows them uncopied then', () => {
    const joined: Buffer[] = [];
    const join = (pieces: readonly Uint8Array[]): Buffer => {
      joined.push(Buffer.concat(pieces));
      return joined.at(-1) as Buffer;
    };
    const large = Buffer.concat([SEA.subarray(0, 2_500_000)]);
    const store = new PayloadStore({ join });
    const slot = store.add(came([SEA.subarray(0, 1_048_576), large, SEA.subarray(0, 9)], join).done());
    expect(joined.map((whole) => whole.equals(large))).toEqual([true]);
    expect(store.joined(slot + 1).buffer).toBe(joined[0]?.buffer);
    expect([0, 1, 2].map((i) => store.joined(slot + i).length)).toEqual([1_048_576, 2_500_000, 9]);
    expect(store.pieces(slot + 1).map(({ length }) => length)).toEqual([1_048_576, 1_048_576, 402_848]);
    expect(store.joined(slot + 1).equals(large)).toBe(true);
  });

  it('lets a frame go with the last payload that lies in it', () => {
    const block = came([SEA.subarray(0, 5), SEA.subarray(0, 20_000), SEA.subarray(5, 9)]).done();
    const store = new PayloadStore();
    const base = store.add(block);
    store.release(base + 1);
    expect(block.frames.map((frame) => frame?.length)).toEqual([9, undefined]);
    store.release(base);
    expect(block.frames.map((frame) => frame?.length)).toEqual([9, undefined]);
    store.release(base + 2);
    expect(block.frames).toEqual([undefined, undefined]);
  });

  it('takes many thousand payloads, one by one', () => {
    const store = new PayloadStore();
    const slots = Array.from({ length: 5_000 }, (_, i) => store.put(Buffer.from(String(i))));
    expect(new Set(slots).size).toBe(5_000);
    slots.forEach((slot, i) => expect(store.joined(slot).toString()).toBe(String(i)));
    for (const slot of slots.toReversed()) store.release(slot);
    expect([store.count, store.bytes]).toEqual([0, 0]);
    expect(store.put(Buffer.from('x')) % 65_536).toBe(0);
  });

  it('refuses a block of more payloads than it can number', () => {
    const columns = { frames: [SEA], at: [], length: [], needed: [1], live: 65_537 };
    expect(() => new PayloadStore().add(columns)).toThrow(RangeError);
    expect(new PayloadStore().add({ ...columns, live: 0 })).toBe(0);
  });

  it('its own slots are apart from all others', () => {
    const store = new PayloadStore();
    store.putOwn(ownSlot(3), Buffer.from('mine'));
    expect(store.put(Buffer.from('x'))).toBe(0);
    expect(store.joined(ownSlot(3)).toString()).toBe('mine');
    store.release(ownSlot(3));
    expect(() => store.length(ownSlot(3))).toThrow('no slot');
    expect(store.count).toBe(1);
    expect(Number.isSafeInteger(ownSlot(2 ** 36))).toBe(true);
  });
});
