import { describe, expect, it } from 'vitest';
import { joinPieces, moveFrames, notePieces } from '../../src/transport/frame_memory.ts';

/** A frame as it is received: the only one in its memory. */
function received(bytes: number, fill: number): Uint8Array {
  return new Uint8Array(new ArrayBuffer(bytes)).fill(fill);
}

const header = Buffer.from('header');

describe('large frames', () => {
  it('are moved to where there is room, and what they came in is let go', () => {
    const frames = [received(100_000, 1), received(20_000, 2), received(16_384, 3), received(50_000, 4)];
    const [first, moved, small, refused] = [...frames] as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
    const rooms: Buffer[] = [];
    const left = moveFrames(frames, (bytes) => {
      if (bytes === 50_000) return undefined;
      rooms.push(Buffer.alloc(bytes));
      return rooms[0];
    });
    expect([rooms.length, frames[1] === rooms[0], rooms[0]?.every((byte) => byte === 2)]).toEqual([1, true, true]);
    expect([first, moved, small, refused].map(({ length }) => length)).toEqual([100_000, 0, 16_384, 50_000]);
    expect(left).toBe(100_000 + 16_384 + 50_000);
  });

  it('stay where they are without room, and where others share their memory', () => {
    const shared = received(40_000, 1);
    const frames = [header, shared.subarray(0, 30_000), received(20_000, 2)];
    expect(moveFrames([...frames], undefined)).toBe(6 + 50_000);
    expect(moveFrames([header, frames[1] as Uint8Array], (bytes) => Buffer.alloc(bytes))).toBe(6 + 30_000);
    expect(shared.length).toBe(40_000);
  });

  it('are let go when they are joined, if they were received', () => {
    const frames = [header, received(1_048_576, 1), received(20_000, 2), received(5, 3)];
    expect(notePieces(frames)).toBe(6 + 1_048_576 + 20_000 + 5);
    const foreign = received(30_000, 4);
    const whole = joinPieces([...frames.slice(1), foreign]);
    expect(
      whole.equals(Buffer.concat([Buffer.alloc(1_048_576, 1), Buffer.alloc(20_000, 2), Buffer.alloc(5, 3), Buffer.alloc(30_000, 4)])),
    ).toBe(true);
    expect([...frames, foreign].map(({ length }) => length)).toEqual([6, 0, 0, 5, 30_000]);
  });

  it('that come alone are not looked at', () => {
    const frames = [header, received(1_048_576, 1)];
    expect(notePieces(frames)).toBe(6 + 1_048_576);
    joinPieces(frames.slice(1));
    expect(frames[1]?.length).toBe(1_048_576);
  });

  it('are joined in other memory each time', async () => {
    const pieces = (fill: number): Uint8Array[] => Array.from({ length: 9 }, () => received(1_048_576, fill));
    const turn = (): Promise<void> =>
      new Promise((resolve) => {
        setImmediate(resolve);
      });
    const wholes: Buffer[] = [];
    for (let fill = 1; fill <= 4; fill += 1) {
      wholes.push(joinPieces(pieces(fill)));
      if (fill !== 2) await turn();
    }
    wholes.push(joinPieces(pieces(5).slice(0, 8)));
    expect(wholes.map((whole) => [whole.length / 1_048_576, whole[0], whole.at(-1)])).toEqual([
      [9, 1, 1],
      [9, 2, 2],
      [9, 3, 3],
      [9, 4, 4],
      [8, 5, 5],
    ]);
  });
});
