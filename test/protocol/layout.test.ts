import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { behind } from './behind.ts';
import { Malformed } from '../../src/protocol/bytes.ts';
import { FrameReader, FrameWriter } from '../../src/protocol/frames.ts';
import { ownSlot, PACKED_BYTES, PayloadStore, PIECE_BYTES, SMALL_BYTES } from '../../src/protocol/payloads.ts';

const MIB = 1_048_576;
const SEA = Buffer.alloc(6 * MIB, 'the quick brown fox jumps over the lazy dog, ');

/** A payload of a size, from somewhere in the sea, so that two of a size seldom hold the same. */
function payloadOf(size: number, index: number): Buffer {
  return SEA.subarray(index * 7, index * 7 + size);
}

/** The law, in the plainest words: the length of each frame behind the header. */
function expectedFrames(sizes: readonly number[]): number[] {
  const frames: number[] = [];
  let packed = -1;
  for (const size of sizes) {
    if (size <= SMALL_BYTES) {
      if (packed < 0 || (frames[packed] as number) + size > PACKED_BYTES) packed = frames.push(0) - 1;
      frames[packed] = (frames[packed] as number) + size;
    } else for (let left = size; left > 0; left -= PIECE_BYTES) frames.push(Math.min(left, PIECE_BYTES));
  }
  return frames;
}

/** A matcher would compare megabytes byte by byte, and slowly. */
function same(frame: Uint8Array, other: Uint8Array | undefined): boolean {
  return other !== undefined && Buffer.compare(frame, other) === 0;
}

function written(store: PayloadStore, slots: readonly number[]): Uint8Array[] {
  const writer = new FrameWriter(store);
  for (const slot of slots) writer.add(slot, store.length(slot));
  return behind(writer);
}

function read(frames: readonly Uint8Array[], sizes: readonly number[]): { store: PayloadStore; base: number } {
  const reader = new FrameReader([...frames]);
  expect(sizes.map((size) => reader.take(size))).toEqual([...sizes.keys()]);
  const store = new PayloadStore();
  const base = store.nextBase();
  expect(store.add(reader.done())).toBe(base);
  return { store, base };
}

const size = fc.oneof(
  { weight: 6, arbitrary: fc.nat({ max: 300 }) },
  { weight: 3, arbitrary: fc.nat({ max: 40_000 }) },
  { weight: 3, arbitrary: fc.constantFrom(0, 16_384, 16_385, 65_536, 65_537) },
  { weight: 1, arbitrary: fc.constantFrom(MIB - 1, MIB, MIB + 1, 2 * MIB, 5 * MIB) },
);

describe('the layout of payloads in frames', () => {
  it('is what both sides derive from the lengths, and the payloads come back', () => {
    fc.assert(
      fc.property(fc.array(size, { maxLength: 20 }), (sizes) => {
        const store = new PayloadStore();
        const slots = sizes.map((each, i) => store.put(payloadOf(each, i)));
        const frames = written(store, slots);
        expect(frames.map((frame) => frame.length)).toEqual(expectedFrames(sizes));
        expect(Math.max(0, ...frames.map((frame) => frame.length))).toBeLessThanOrEqual(MIB);
        const came = read(frames, sizes);
        sizes.forEach((each, i) => expect(came.store.joined(came.base + i).equals(payloadOf(each, i))).toBe(true));
        expect([came.store.count, came.store.bytes]).toEqual([sizes.length, sizes.reduce((sum, each) => sum + each, 0)]);
        const again = written(
          came.store,
          sizes.map((_, i) => came.base + i),
        );
        expect(again.map((frame, i) => same(frame, frames[i]))).toEqual(frames.map(() => true));
        sizes.forEach((_, i) => came.store.release(came.base + i));
        expect([came.store.count, came.store.bytes]).toEqual([0, 0]);
      }),
    );
  });

  it.each([
    [[], []],
    [[0], [0]],
    [[0, 0, 16_384], [16_384]],
    [[16_385], [16_385]],
    [[65_536], [65_536]],
    [[16_384, 16_384, 16_384, 16_384, 0], [65_536]],
    [
      [16_384, 16_384, 16_384, 16_384, 1],
      [65_536, 1],
    ],
    [
      [1, 20_000, 2],
      [3, 20_000],
    ],
    [[MIB], [MIB]],
    [[MIB + 1], [MIB, 1]],
    [
      [5, 5 * MIB, 6],
      [11, MIB, MIB, MIB, MIB, MIB],
    ],
  ])('payloads of %j bytes lie in frames of %j bytes', (sizes, frames) => {
    const store = new PayloadStore();
    const slots = sizes.map((each, i) => store.put(payloadOf(each, i)));
    expect(written(store, slots).map((frame) => frame.length)).toEqual(frames);
    expect(expectedFrames(sizes)).toEqual(frames);
  });

  it('large payloads are never copied: not at the put, not in a frame, not when they came', () => {
    const payload = payloadOf(3 * MIB + 5, 1);
    const store = new PayloadStore();
    const frames = written(store, [store.put(payload)]);
    expect(frames.map((frame) => frame.buffer === SEA.buffer)).toEqual([true, true, true, true]);
    const came = read(frames, [payload.length]);
    expect(came.store.pieces(came.base)).toHaveLength(4);
    expect(came.store.pieces(came.base).every((piece, i) => piece === frames[i])).toBe(true);
    expect(written(came.store, [came.base]).every((piece, i) => piece === frames[i])).toBe(true);
  });

  it('small payloads that came are views of their frame', () => {
    const frame = Buffer.from('onetwo');
    const came = read([frame], [3, 3]);
    expect(came.store.joined(came.base + 1).toString()).toBe('two');
    expect(came.store.joined(came.base + 1).buffer).toBe(frame.buffer);
  });

  it('a payload put in pieces of any size is laid out like one put whole', () => {
    const cuts = fc.array(fc.oneof(fc.nat({ max: 40 }), fc.nat({ max: 30_000 }), fc.constantFrom(0, MIB, MIB + 1)), { maxLength: 5 });
    fc.assert(
      fc.property(fc.array(cuts, { maxLength: 4 }), (payloads) => {
        const store = new PayloadStore();
        const inPieces = payloads.map((sizes) => store.put(sizes.map((each, i) => payloadOf(each, i))));
        const whole = payloads.map((sizes) => Buffer.concat(sizes.map((each, i) => payloadOf(each, i))));
        inPieces.forEach((slot, i) => expect(store.joined(slot).equals(whole[i] as Buffer)).toBe(true));
        const other = new PayloadStore();
        const frames = written(store, inPieces).map((frame) => Buffer.from(frame));
        const expected = written(
          other,
          whole.map((payload) => other.put(payload)),
        );
        expect(frames.map((frame, i) => frame.equals(expected[i] as Uint8Array))).toEqual(expected.map(() => true));
        for (const slot of inPieces) store.release(slot);
        expect([store.count, store.bytes]).toEqual([0, 0]);
      }),
      { numRuns: 50 },
    );
  });

  it('a large payload of one piece, under a slot of its own, is cut for the frames', () => {
    const store = new PayloadStore();
    store.putOwn(ownSlot(0), payloadOf(2 * MIB + 1, 3));
    expect(written(store, [ownSlot(0)]).map((frame) => frame.length)).toEqual([MIB, MIB, 1]);
  });

  it('frames that do not fit the lengths are Malformed', () => {
    const take = (frames: readonly number[], sizes: readonly number[]): void => {
      const reader = new FrameReader(frames.map((each) => payloadOf(each, 0)));
      for (const each of sizes) reader.take(each);
      reader.done();
    };
    const sizes = [3, 70_000, 0, MIB + 1];
    const right = expectedFrames(sizes);
    expect(() => take(right, sizes)).not.toThrow();
    for (let at = 0; at < right.length; at += 1) {
      const wrong = [0, (right[at] as number) - 1, (right[at] as number) + 1].filter((length) => length !== right[at]);
      for (const length of wrong) expect(() => take(right.with(at, length), sizes)).toThrow(Malformed);
      expect(() => take(right.toSpliced(at, 1), sizes)).toThrow(Malformed);
      expect(() => take(right.toSpliced(at, 0, 1), sizes)).toThrow(Malformed);
    }
    expect(() => take([], [0])).toThrow('a payload is cut short');
    expect(() => take([4], [3])).toThrow('a frame holds more than its payloads');
    expect(() => take([3, 0], [3])).toThrow('frames follow the last payload');
    expect(() => take([MIB], [2 ** 52])).toThrow('a payload is cut short');
  });

  it('payloads in the frame of the header end where it says', () => {
    const frame = payloadOf(20, 0);
    const take = (...sizes: readonly number[]): FrameReader => {
      const reader = new FrameReader([frame], undefined, 8, 18);
      for (const each of sizes) reader.take(each);
      return reader;
    };
    const store = new PayloadStore();
    const base = store.add(take(4, 0, 6, 0).done());
    expect([0, 1, 2, 3].map((i) => store.joined(base + i))).toEqual([
      frame.subarray(8, 12),
      frame.subarray(0, 0),
      frame.subarray(12, 18),
      frame.subarray(0, 0),
    ]);
    expect(() => take(4, 5).done()).toThrow('a frame holds more than its payloads');
    expect(() => take(4, 7)).toThrow(Malformed);
    expect(() => take(10, 1)).toThrow('a payload is cut short');
    expect(() => take(10, 16_385)).toThrow('a payload is cut short');
    // Where there are none, the frame is not written so.
    expect(() => new FrameReader([frame], undefined, 18, 18).done()).toThrow('frames follow the last payload');
  });
});
