/** Writes and reads the frames behind a header, in the layout that payloads.ts describes. */
import { Malformed } from './bytes.ts';
import type { Writer } from './writer.ts';
import {
  cut,
  FRAME_SPAN,
  INLINE_BYTES,
  type Join,
  PACKED_BYTES,
  type PayloadBlock,
  type PayloadStore,
  PIECE_BYTES,
  SLOTS_PER_BLOCK,
  SMALL_BYTES,
  placeOf,
} from './payloads.ts';

/** The frame of payloads that have no bytes. Any other that is empty has lost its memory. */
export const EMPTY: Buffer = Buffer.alloc(0);
const NONE: number[] = [];

/** Lays payloads out behind a header, in the order of `add`. */
export class FrameWriter {
  readonly #store: PayloadStore;
  /** The first is the header's. */
  readonly #frames: Uint8Array[] = [EMPTY];
  /** Lengths of the payloads in the packed frame being filled are known before its bytes: slots wait here. */
  #waiting: number[] = NONE;
  #packedAt = -1;
  #packedBytes = 0;

  constructor(store: PayloadStore) {
    this.#store = store;
  }

  /** Adds a payload, of which the length is known already. */
  add(slot: number, length: number): void {
    if (length <= SMALL_BYTES) {
      if (this.#packedAt < 0 || this.#packedBytes + length > PACKED_BYTES) this.#startPacked(slot);
      else this.#waiting.push(slot);
      this.#packedBytes += length;
      return;
    }
    this.#hold();
    for (const piece of resized(this.#store.pieces(slot))) this.#frames.push(piece);
  }

  #startPacked(slot: number): void {
    this.#seal();
    this.#packedAt = this.#frames.length;
    this.#packedBytes = 0;
    this.#waiting = [slot];
  }

  /** What comes now stands behind the packed frame that is still being filled. */
  #hold(): void {
    if (this.#packedAt === this.#frames.length) this.#frames.push(EMPTY);
  }

  #seal(): void {
    if (this.#packedAt < 0) return;
    const packed = this.#packedBytes === 0 ? EMPTY : Buffer.allocUnsafe(this.#packedBytes);
    this.#pack(packed, 0);
    this.#frames[this.#packedAt] = packed;
  }

  #pack(target: Buffer, from: number): void {
    this.#store.copy(this.#waiting, target, from);
  }

  /** Where all payloads are so few that they fit behind the header, in its frame, they are written there. Returns whether they were. */
  inline(header: Writer): boolean {
    if (this.#frames.length !== 1 || this.#packedAt !== 1 || this.#packedBytes > INLINE_BYTES) return false;
    const { buffer, at } = header.reserve(this.#packedBytes);
    this.#pack(buffer, at);
    header.u8(this.#packedBytes & 0xff);
    header.u8(this.#packedBytes >> 8);
    this.#packedAt = -1;
    return true;
  }

  /** All frames, the header first. */
  done(header: Writer): Uint8Array[] {
    this.#seal();
    this.#frames[0] = header.done();
    return this.#frames;
  }
}

/** The pieces as the layout wants them: PIECE_BYTES each but for the last. They nearly always are. */
function resized(pieces: Uint8Array[]): Uint8Array[] {
  const regular = pieces.every((piece, i) => (i < pieces.length - 1 ? piece.length === PIECE_BYTES : piece.length <= PIECE_BYTES));
  return regular ? pieces : cut(Buffer.concat(pieces));
}

/**
 * Where the payloads lie in a header's frame in which they stand as well, behind the header and before the last two bytes, their length.
 */
export function inlined(frame: Uint8Array): { readonly start: number; readonly end: number } {
  const end = frame.length - 2;
  const length = (frame[end] ?? 0) | ((frame[end + 1] ?? 0) << 8);
  if (length > INLINE_BYTES || length > end) throw new Malformed('a payload is cut short');
  return { start: end - length, end };
}

const MANY = 16;

/** Reads payloads in a header's frame where they are; behind a very long header, where no offset reaches, from a frame of their own. */
export function inlineReader(frame: Uint8Array, start: number, end: number): FrameReader {
  if (end < FRAME_SPAN) return new FrameReader([frame], undefined, start, end);
  return new FrameReader([frame.subarray(start, end)], undefined, 0, end - start);
}

/** Finds payloads in the frames behind a header, from their lengths in order; every byte must be accounted for. */
export class FrameReader {
  readonly #block: PayloadBlock;
  readonly #join: Join | undefined;
  /** The packed frame that is read, where its next payload lies and where it ends at the latest; where it does end. */
  #packed = -1;
  #at = 0;
  #most = 0;
  #end = 0;
  #next = 0;

  /**
   * @param frames those behind the header
   * @param join for payloads of several pieces
   * @param start where the only frame is the header's as well: where the payloads begin
   * @param end where they end
   */
  constructor(frames: Uint8Array[], join?: Join, start = -1, end = 0) {
    this.#join = join;
    this.#block = { frames, at: [], length: [], needed: frames.length === 1 ? [0] : frames.map(() => 0), live: 0 };
    if (start < 0) return;
    this.#packed = 0;
    this.#next = 1;
    this.#at = start;
    this.#most = this.#end = end;
  }

  /** So many payloads follow, each of which is taken next: many are worth room of their own size. */
  expect(count: number): void {
    const { at, length, live } = this.#block;
    const all = live + count;
    if (count < MANY || all > SLOTS_PER_BLOCK) return;
    at.length = all;
    length.length = all;
  }

  /** Takes the next payload; its index in the block is returned. */
  take(length: number): number {
    const block = this.#block;
    const index = block.live;
    if (index >= SLOTS_PER_BLOCK) throw new Malformed('it holds too many payloads');
    if (length <= SMALL_BYTES) {
      if (this.#packed < 0 || this.#at + length > this.#most) this.#startPacked();
      this.#enter(placeOf(this.#packed, this.#at), length);
      this.#at += length;
      block.needed[this.#packed] = (block.needed[this.#packed] as number) + 1;
      if (this.#at > this.#end) throw new Malformed('a payload is cut short');
    } else {
      this.#enter(placeOf(this.#next, 0), length);
      for (let left = length; left > 0; left -= PIECE_BYTES) {
        const frame = block.frames[this.#next];
        if (frame === undefined || frame.length !== Math.min(left, PIECE_BYTES)) throw new Malformed('a payload is cut short');
        block.needed[this.#next] = 1;
        this.#next += 1;
      }
      if (length > PIECE_BYTES) this.#joinPieces(Math.ceil(length / PIECE_BYTES));
    }
    block.live = index + 1;
    return index;
  }

  #enter(place: number, length: number): void {
    const block = this.#block;
    if (block.live === 0 && block.at.length === 0) {
      block.at = [place];
      block.length = [length];
      return;
    }
    block.at[block.live] = place;
    block.length[block.live] = length;
  }

  /** The last pieces lie in one memory from now on. */
  #joinPieces(count: number): void {
    if (this.#join === undefined) return;
    const { frames } = this.#block;
    const first = this.#next - count;
    const joined = cut(this.#join(frames.slice(first, this.#next) as Uint8Array[]));
    for (let i = 0; i < count; i += 1) frames[first + i] = joined[i];
  }

  #startPacked(): void {
    this.#endPacked();
    const frame = this.#block.frames[this.#next];
    if (frame === undefined) throw new Malformed('a payload is cut short');
    this.#packed = this.#next;
    this.#at = 0;
    this.#most = PACKED_BYTES;
    this.#end = frame.length;
    this.#next += 1;
  }

  #endPacked(): void {
    if (this.#packed >= 0 && this.#at !== this.#end) throw new Malformed('a frame holds more than its payloads');
  }

  done(): PayloadBlock {
    this.#endPacked();
    const { frames, live } = this.#block;
    if (this.#next !== frames.length || (live === 0 && frames.length > 0)) throw new Malformed('frames follow the last payload');
    return this.#block;
  }
}
