import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameReader, FrameWriter } from '../../src/protocol/frames.ts';
import { Kept } from '../../src/protocol/kept.ts';
import { PayloadStore, PIECE_BYTES } from '../../src/protocol/payloads.ts';
import { Slabs } from '../../src/protocol/slabs.ts';
import { behind } from './behind.ts';

const PEERS = 2;

/** A message on its way: where its payloads lie, and what they must read as until it has arrived. */
interface Message {
  readonly peer: number;
  readonly frames: Uint8Array[];
  readonly right: Buffer;
}

/** A process that large payloads come to and go out from, as a master is: everything that somebody may still read is known, with what it must say. */
class Hub {
  readonly slabs = new Slabs();
  readonly store = new PayloadStore({ owner: this.slabs });
  readonly kept = Array.from({ length: PEERS }, () => new Kept((frames) => this.slabs.arrived(frames)));
  readonly sent = Array.from({ length: PEERS }, () => 0);
  readonly acknowledged = Array.from({ length: PEERS }, () => 0);
  /** By slot. */
  readonly here = new Map<number, Buffer>();
  /** What users were shown, and messages that may be under way for ever. */
  readonly abroad: { readonly seen: Uint8Array[]; readonly right: Buffer }[] = [];
  readonly waiting: Message[] = [];
  #next = 1;

  comes(lengths: readonly number[]): void {
    const source = new PayloadStore();
    const writer = new FrameWriter(source);
    const payloads = lengths.map((length) => Buffer.alloc(length, this.#next++));
    for (const payload of payloads) writer.add(source.put(payload), payload.length);
    const frames = behind(writer).map((frame) => {
      const to = this.slabs.room(frame.length);
      to?.set(frame);
      return to ?? frame;
    });
    const reader = new FrameReader(frames);
    for (const { length } of payloads) reader.take(length);
    const base = this.store.add(reader.done());
    payloads.forEach((payload, i) => this.here.set(base + i, payload));
  }

  #some(which: number): number | undefined {
    return [...this.here.keys()][which % Math.max(1, this.here.size)];
  }

  #written(slot: number): Uint8Array[] {
    const writer = new FrameWriter(this.store);
    writer.add(slot, this.store.length(slot));
    return behind(writer);
  }

  sends(which: number, peer: number): void {
    const slot = this.#some(which);
    if (slot === undefined) return;
    const frames = this.#written(slot);
    this.sent[peer] = (this.sent[peer] as number) + 1;
    this.kept[peer]?.keep('control', this.sent[peer], frames);
    this.slabs.sent(frames);
    this.waiting.push({ peer, frames, right: this.here.get(slot) as Buffer });
  }

  pushes(which: number): void {
    const slot = this.#some(which);
    if (slot === undefined) return;
    const frames = this.#written(slot);
    this.slabs.pin(frames);
    this.abroad.push({ seen: frames, right: this.here.get(slot) as Buffer });
  }

  shows(which: number): void {
    const slot = this.#some(which);
    if (slot !== undefined) this.abroad.push({ seen: [this.store.joined(slot)], right: this.here.get(slot) as Buffer });
  }

  releases(which: number): void {
    const slot = this.#some(which);
    if (slot === undefined) return;
    this.store.release(slot);
    this.here.delete(slot);
  }

  hears(peer: number, more: number): void {
    const upTo = Math.min(this.sent[peer] as number, (this.acknowledged[peer] as number) + more);
    const arrived = upTo - (this.acknowledged[peer] as number);
    this.acknowledged[peer] = upTo;
    this.kept[peer]?.forget('control', upTo);
    for (let i = 0; i < arrived; i += 1) {
      const first = this.waiting.findIndex((message) => message.peer === peer);
      this.waiting.splice(first, 1);
    }
  }

  /** What is not acknowledged goes out again; of the first sending nobody knows what became. */
  resends(peer: number): void {
    for (const frames of this.kept[peer]?.from('control', (this.acknowledged[peer] as number) + 1) ?? []) {
      this.slabs.pin(frames);
      const { right } = this.waiting.find((message) => message.frames === frames) as Message;
      this.abroad.push({ seen: frames, right });
    }
  }

  /** Nothing is ever heard of it again. */
  loses(peer: number): void {
    this.kept[peer] = new Kept((frames) => this.slabs.arrived(frames));
    this.sent[peer] = this.acknowledged[peer] = 0;
    for (const { frames, right } of this.waiting.filter((message) => message.peer === peer)) this.abroad.push({ seen: frames, right });
    this.waiting.splice(0, Infinity, ...this.waiting.filter((message) => message.peer !== peer));
  }

  /** Uses all that is free, and gives it back. */
  scribbles(): void {
    const rooms: Buffer[] = [];
    for (let bytes = PIECE_BYTES; this.slabs.spare > 0; bytes /= 2) {
      for (let spare = Infinity; this.slabs.spare < spare;) {
        spare = this.slabs.spare;
        rooms.push(this.slabs.room(bytes) as Buffer);
      }
    }
    for (const room of rooms) {
      room.fill(0xdd);
      this.slabs.unneeded(room);
    }
  }

  /** What reads as something else than it must. */
  wrong(): string[] {
    const reads = (pieces: readonly Uint8Array[], right: Buffer): boolean => Buffer.concat(pieces).equals(right);
    return [
      ...[...this.here].filter(([slot, right]) => !reads(this.store.pieces(slot), right)).map(([slot]) => `slot ${slot}`),
      ...this.waiting.filter(({ frames, right }) => !reads(frames, right)).map(({ peer }) => `a message to ${peer}`),
      ...this.abroad.filter(({ seen, right }) => !reads(seen, right)).map(() => 'what somebody has'),
    ];
  }
}

const length = fc.constantFrom(5, 16_384, 16_385, 40_000, 70_000, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 20_000);
const step = fc.oneof(
  fc.tuple(fc.constant('comes' as const), fc.array(length, { minLength: 1, maxLength: 4 })),
  fc.tuple(fc.constant('sends' as const), fc.nat(), fc.nat({ max: PEERS - 1 })),
  fc.tuple(fc.constant('sends' as const), fc.nat(), fc.nat({ max: PEERS - 1 })),
  fc.tuple(fc.constantFrom('pushes' as const, 'shows' as const), fc.nat()),
  fc.tuple(fc.constant('releases' as const), fc.nat()),
  fc.tuple(fc.constant('releases' as const), fc.nat()),
  fc.tuple(fc.constant('hears' as const), fc.nat({ max: PEERS - 1 }), fc.nat({ max: 3 })),
  fc.tuple(fc.constant('hears' as const), fc.nat({ max: PEERS - 1 }), fc.nat({ max: 3 })),
  fc.tuple(fc.constantFrom('resends' as const, 'loses' as const), fc.nat({ max: PEERS - 1 })),
);

describe('memory that is used again', () => {
  it('is never what somebody may still read', () => {
    expect(() =>
      fc.assert(
        fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
          const hub = new Hub();
          for (const [name, ...given] of steps) {
            (hub[name] as (...given: readonly unknown[]) => void)(...given);
            hub.scribbles();
            expect(hub.wrong()).toEqual([]);
          }
        }),
        { numRuns: 150 },
      ),
    ).not.toThrow();
  });

  it('is free again when its payload was let go, and all that was sent of it has arrived', () => {
    const hub = new Hub();
    hub.comes([PIECE_BYTES]);
    hub.sends(0, 0);
    hub.sends(0, 1);
    hub.releases(0);
    const spare = [hub.slabs.spare];
    hub.hears(0, 1);
    spare.push(hub.slabs.spare);
    hub.hears(1, 1);
    spare.push(hub.slabs.spare);
    hub.comes([PIECE_BYTES - 5]);
    spare.push(hub.slabs.spare);
    expect(spare).toEqual([0, 0, PIECE_BYTES, 0]);
  });

  it('is not free again when it was sent twice, shown, pushed, or sent to one that is lost', () => {
    const hub = new Hub();
    hub.comes([20_000, 20_001, 20_002, 20_003]);
    hub.sends(0, 0);
    hub.resends(0);
    hub.hears(0, 1);
    hub.shows(1);
    hub.pushes(2);
    hub.sends(3, 1);
    hub.loses(1);
    for (let i = 0; i < 4; i += 1) hub.releases(0);
    expect([hub.here.size, hub.slabs.spare]).toEqual([0, 0]);
  });

  it('is there for what is too large to be packed, and no longer than a piece', () => {
    const slabs = new Slabs();
    expect([0, 16_384, PIECE_BYTES + 1].map((bytes) => slabs.room(bytes))).toEqual([undefined, undefined, undefined]);
    const rooms = [16_385, 32_768, 32_769, PIECE_BYTES].map((bytes) => slabs.room(bytes) as Buffer);
    expect(rooms.map(({ length }) => length)).toEqual([16_385, 32_768, 32_769, PIECE_BYTES]);
    expect(rooms.map(({ buffer }) => buffer.byteLength)).toEqual([32_768, 32_768, 65_536, PIECE_BYTES]);
  });

  it('is kept of each size, however much there is of another', () => {
    const slabs = new Slabs();
    const take = (bytes: number, count: number): void => {
      const rooms = Array.from({ length: count }, () => slabs.room(bytes) as Buffer);
      for (const room of rooms) slabs.unneeded(room);
    };
    take(PIECE_BYTES, 64);
    take(40_000, 10);
    const before = slabs.spare;
    expect(before).toBeLessThanOrEqual(64 * PIECE_BYTES);
    expect(before).toBeGreaterThan(63 * PIECE_BYTES);
    expect(Array.from({ length: 10 }, () => slabs.room(40_000)?.buffer.byteLength)).toEqual(Array.from({ length: 10 }, () => 65_536));
    expect(slabs.spare).toBe(before - 10 * 65_536);
  });

  it('is given no more where all of it is pinned, but tried again; and given as ever where some is', () => {
    const asked = (pinned: (i: number) => boolean): number => {
      const slabs = new Slabs();
      return Array.from({ length: 20_000 }, (_, i) => {
        const room = slabs.room(20_000);
        if (room === undefined) return 0;
        if (pinned(i)) slabs.pin([room]);
        slabs.unneeded(room);
        return 1;
      }).reduce<number>((sum, one) => sum + one, 0);
    };
    expect(asked(() => true)).toBeGreaterThan(64 + 32);
    expect(asked(() => true)).toBeLessThan(1_000);
    expect(asked((i) => i % 3 === 0)).toBe(20_000);
  });

  it('is not kept without limit', () => {
    const slabs = new Slabs();
    const rooms = Array.from({ length: 80 }, () => slabs.room(PIECE_BYTES) as Buffer);
    for (const room of rooms) slabs.unneeded(room);
    expect(slabs.spare).toBe(64 * PIECE_BYTES);
    for (const room of rooms) slabs.unneeded(room);
    expect(slabs.spare).toBe(64 * PIECE_BYTES);
  });
});
