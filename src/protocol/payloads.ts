/**
 * How payloads lie in the frames behind a header. Both sides derive the layout from the lengths alone:
 *
 * - a payload of at most SMALL_BYTES goes into the current packed frame, or starts a new one when that would pass PACKED_BYTES;
 * - a larger one has frames of its own, PIECE_BYTES each but for the last.
 *
 * Small ones are packed since a message costs microseconds whatever it holds; frames are bounded since a heartbeat waits behind a
 * frame; packed frames are small since one payload that is kept long keeps its whole frame.
 */

export const SMALL_BYTES = 16_384;
export const PACKED_BYTES = 65_536;
export const PIECE_BYTES = 1_048_576;
/** Where all payloads of a message are packed into one frame no longer than this, they stand behind the header, in its frame. */
export const INLINE_BYTES = 1_024;
/** So few bytes are copied one by one: to have them copied costs more. */
export const FEW_BYTES = 32;
export const SLOTS_PER_BLOCK = 65_536;
const LAST_SLOT = SLOTS_PER_BLOCK - 1;
/** Slots from here on are numbered by a state machine, for the few payloads that it makes itself (errors). */
const OWN_SLOTS = 2 ** 48;

/** The n-th slot that a state machine numbers itself. */
export function ownSlot(n: number): number {
  return OWN_SLOTS + n * SLOTS_PER_BLOCK;
}

/** Offsets in a frame are below this. A remainder of a number over 2^31 is dear; its last bits are not. */
export const FRAME_SPAN = 131_072;
const LAST_OFFSET = FRAME_SPAN - 1;

/** Where a payload begins, as one number: a frame of its block, and an offset there. */
export function placeOf(frame: number, offset: number): number {
  return frame * FRAME_SPAN + offset;
}

/** Payloads that came, or were put in, together. Payload i is `length[i]` bytes from `at[i]` on (see placeOf), over as many frames as it takes. */
export interface PayloadBlock {
  readonly frames: (Uint8Array | undefined)[];
  at: number[];
  length: number[];
  /** How many payloads still need each frame. */
  readonly needed: number[];
  live: number;
}

/** Whose memory some frames are (see slabs.ts). */
export interface FrameOwner {
  /** The payload in this frame was let go. */
  unneeded(frame: Uint8Array): void;
  /** Somebody has these frames of whom it is not known how long. */
  pin(frames: readonly Uint8Array[]): void;
}

/** The memory of a payload that is to be sent is gone: whoever had given it away transferred it elsewhere. */
export class LostBytes extends Error {}

/** Joins the pieces of a payload that came in, which nobody else has. */
export type Join = (pieces: readonly Uint8Array[]) => Buffer;

/** Where payloads wait while state machines talk about them: by slot, an integer. */
export class PayloadStore {
  /** How payloads of several pieces are joined when they come in, if they are to be. */
  readonly join: Join | undefined;
  readonly #owner: FrameOwner | undefined;
  readonly #blocks: (PayloadBlock | undefined)[] = [];
  readonly #free: number[] = [];
  readonly #own = new Map<number, PayloadBlock>();
  #open = -1;
  #bytes = 0;
  #count = 0;

  /** @param options `owner`: who uses the memory of frames again; `join`: see there */
  constructor({ owner, join }: { readonly owner?: FrameOwner; readonly join?: Join } = {}) {
    this.#owner = owner;
    this.join = join;
  }

  /** How many payloads are here, and their bytes. */
  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The slot that the first payload of the next block will get. */
  nextBase(): number {
    return (this.#free.at(-1) ?? this.#blocks.length) * SLOTS_PER_BLOCK;
  }

  /** Takes a block; its payloads get consecutive slots from the one returned. */
  add(block: PayloadBlock): number {
    if (block.live === 0) return 0;
    if (block.live > SLOTS_PER_BLOCK) throw new RangeError(`payload store: at most ${SLOTS_PER_BLOCK} payloads a block, got ${block.live}`);
    const index = this.#free.pop() ?? this.#blocks.length;
    this.#blocks[index] = block;
    this.#count += block.live;
    for (const length of block.length) this.#bytes += length;
    return index * SLOTS_PER_BLOCK;
  }

  /**
   * Takes one payload, given in one piece or several; small ones are joined, since `copy` reads one piece. (Of a large one a view that does
   * not follow the length of its memory.)
   */
  put(given: Uint8Array | readonly Uint8Array[]): number {
    const payload = given instanceof Uint8Array && given.length > SMALL_BYTES ? given.subarray(0, given.length) : given;
    let block = this.#open < 0 ? undefined : this.#blocks[this.#open];
    if (block === undefined || block.length.length >= 512) {
      if (payload instanceof Uint8Array && payload.length <= PIECE_BYTES) return this.#begin(payload);
      block = { frames: [], at: [], length: [], needed: [], live: 0 };
      this.#open = this.#free.pop() ?? this.#blocks.length;
      this.#blocks[this.#open] = block;
    }
    const slot = this.#open * SLOTS_PER_BLOCK + block.length.length;
    if (payload instanceof Uint8Array && payload.length <= PIECE_BYTES) {
      block.at.push(placeOf(block.frames.length, 0));
      block.frames.push(payload);
      block.needed.push(1);
      this.#entered(block, payload.length);
      return slot;
    }
    const pieces = payload instanceof Uint8Array ? [payload] : payload.filter((piece) => piece.length > 0);
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
    block.at.push(placeOf(block.frames.length, 0));
    for (const piece of pieces.length !== 1 && length <= SMALL_BYTES ? [Buffer.concat(pieces)] : pieces.flatMap(cut)) {
      block.frames.push(piece);
      block.needed.push(1);
    }
    this.#entered(block, length);
    return slot;
  }

  /** Begins a block with a payload; mostly it remains the only one. */
  #begin(payload: Uint8Array): number {
    const { length } = payload;
    this.#open = this.add({ frames: [payload], at: [placeOf(0, 0)], length: [length], needed: [1], live: 1 }) / SLOTS_PER_BLOCK;
    return this.#open * SLOTS_PER_BLOCK;
  }

  #entered(block: PayloadBlock, length: number): void {
    block.length.push(length);
    block.live += 1;
    this.#count += 1;
    this.#bytes += length;
  }

  /** Takes a payload under a slot that a state machine numbered (see `ownSlot`). */
  putOwn(slot: number, payload: Uint8Array): void {
    this.#own.set(slot, { frames: [payload], at: [0], length: [payload.length], needed: [1], live: 1 });
    this.#count += 1;
    this.#bytes += payload.length;
  }

  length(slot: number): number {
    return held(this.#block(slot), slot);
  }

  /** The payload's bytes, uncopied, in as many pieces as they came. Throws LostBytes. */
  pieces(slot: number): Uint8Array[] {
    const block = this.#block(slot);
    const place = block.at[slot & LAST_SLOT] as number;
    const offset = place & LAST_OFFSET;
    const first = Math.floor(place / FRAME_SPAN);
    let left = held(block, slot);
    const frame = block.frames[first] as Uint8Array;
    if (offset + left <= frame.length) return [frame.subarray(offset, offset + left)];
    const pieces: Uint8Array[] = [];
    for (let at = first; left > 0; at += 1) {
      const piece = block.frames[at] as Uint8Array;
      if (piece.length === 0) throw gone(slot);
      pieces.push(piece);
      left -= piece.length;
    }
    return pieces;
  }

  /** The payload's bytes in one Buffer: copied only if they lie in several frames, and not one behind the other. */
  joined(slot: number): Buffer {
    const block = this.#block(slot);
    const index = slot & LAST_SLOT;
    const place = block.at[index] as number;
    const offset = place & LAST_OFFSET;
    const length = held(block, slot);
    const frame = block.frames[Math.floor(place / FRAME_SPAN)] as Uint8Array;
    if (offset + length > frame.length) return whole(this.pieces(slot), length);
    this.#owner?.pin([frame]);
    return frame instanceof Buffer ? frame.subarray(offset, offset + length) : Buffer.from(frame.buffer, frame.byteOffset + offset, length);
  }

  /**
   * Copies small payloads to `target`, one behind the other from `at` on. Those that lie so already are copied together: mostly a message
   * holds what another one brought, in the same order.
   */
  copy(slots: readonly number[], target: Buffer, at: number): void {
    let to = at;
    for (let i = 0; i < slots.length;) {
      const slot = slots[i] as number;
      const block = this.#block(slot);
      const index = slot & LAST_SLOT;
      const place = block.at[index] as number;
      let length = held(block, slot);
      let next = 1;
      while (slots[i + next] === slot + next && block.at[index + next] === place + length) {
        length += held(block, slot + next);
        next += 1;
      }
      const frame = block.frames[Math.floor(place / FRAME_SPAN)] as Uint8Array;
      const offset = place & LAST_OFFSET;
      if (offset + length > frame.length) throw gone(slot);
      if (length <= FEW_BYTES) for (let j = 0; j < length; j += 1) target[to + j] = frame[offset + j] as number;
      else target.set(frame.subarray(offset, offset + length), to);
      to += length;
      i += next;
    }
  }

  /** Lets a payload go. A slot is released exactly once. */
  release(slot: number): void {
    const number = Math.floor(slot / SLOTS_PER_BLOCK);
    const block = this.#block(slot);
    const index = slot & LAST_SLOT;
    const length = held(block, slot);
    const place = block.at[index] as number;
    let left = (place & LAST_OFFSET) + length;
    for (let at = Math.floor(place / FRAME_SPAN); ; at += 1) {
      const frame = block.frames[at] as Uint8Array;
      // Memory that was transferred away since is empty: it had a whole piece, or the rest.
      left -= frame.length === 0 ? PIECE_BYTES : frame.length;
      block.needed[at] = (block.needed[at] as number) - 1;
      if (block.needed[at] === 0) {
        block.frames[at] = undefined;
        this.#owner?.unneeded(frame);
      }
      if (left <= 0) break;
    }
    block.length[index] = -1;
    block.live -= 1;
    this.#count -= 1;
    this.#bytes -= length;
    if (block.live > 0) return;
    if (this.#own.delete(slot)) return;
    this.#blocks[number] = undefined;
    this.#free.push(number);
    if (number === this.#open) this.#open = -1;
  }

  #block(slot: number): PayloadBlock {
    const block = slot < OWN_SLOTS ? this.#blocks[Math.floor(slot / SLOTS_PER_BLOCK)] : this.#own.get(slot);
    if (block === undefined) throw noSlot(slot);
    return block;
  }
}

/** The length of a payload that is still here. To read or release one that is gone is a bug of ours. */
function held(block: PayloadBlock, slot: number): number {
  const length = block.length[slot & LAST_SLOT];
  if (length === undefined || length < 0) throw released(slot);
  return length;
}

/** Apart from where it is thrown: V8 would make the text beforehand, since it is needed in two places. */
function noSlot(slot: number): Error {
  return new Error(`payload store: no slot ${slot}`);
}

function gone(slot: number): LostBytes {
  return new LostBytes(`payload store: the memory of slot ${slot} was transferred elsewhere, but it is to be sent`);
}

function released(slot: number): Error {
  return new Error(`payload store: slot ${slot} was released`);
}

/** The pieces as one, uncopied where they lie one behind the other in the same memory. */
function whole(pieces: readonly Uint8Array[], length: number): Buffer {
  const [{ buffer, byteOffset }] = pieces as [Uint8Array];
  let end = byteOffset;
  for (const piece of pieces) {
    if (piece.buffer !== buffer || piece.byteOffset !== end) return Buffer.concat(pieces);
    end += piece.length;
  }
  return Buffer.from(buffer, byteOffset, length);
}

export function cut(payload: Uint8Array): Uint8Array[] {
  if (payload.length <= PIECE_BYTES) return [payload];
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < payload.length; at += PIECE_BYTES) pieces.push(payload.subarray(at, at + PIECE_BYTES));
  return pieces;
}
