/**
 * Takes large frames out of the memory that they were received in, and gives that back at once.
 *
 * A received frame lies outside V8's heap. Left to the garbage collector it waits, once it has grown old, for a collection of everything,
 * while each frame that comes takes fresh pages. To copy it costs less than that. Memory is given back by taking it away from its
 * ArrayBuffer, which is empty then: so only who holds the one reference may do that.
 */
import { builtin } from '../common/builtin.ts';
import type { Frames, Room } from './transport.ts';

/** Shorter frames are left as they are. */
const LEAST_BYTES = 16_384;
/** Longer blocks are returned to the system by glibc, until it learns; and the longest that it learns from. */
const MAPPED_BYTES = 131_072;
const LESSON_BYTES = 31 * 1_048_576;

const SPARE_BYTES = 8_388_608;
const SPARE_MS = 1_000;

type Transfer = (this: ArrayBufferLike, length: number) => ArrayBuffer;

/** Undefined until it is needed; null where there is no such thing. */
let transfer: Transfer | undefined | null;
let taught = false;

/** Memory for the next payload of SPARE_BYTES or more, and how long it is kept. */
let spare: Buffer | undefined;
let keeping: NodeJS.Timeout | undefined;

/** Frames that came with others, as pieces of a payload do; nobody else has them. */
const received = new WeakSet<ArrayBufferLike>();

/** Moves the frames behind the header of a message, which nobody else has, to where there is room. Returns how many bytes stay as they came. */
export function moveFrames(frames: Frames, room: Room | undefined): number {
  let left = 0;
  for (let at = 0; at < frames.length; at += 1) {
    const frame = frames[at] as Uint8Array;
    const to = at > 0 && isLarge(frame) && canLetGo() ? room?.(frame.length) : undefined;
    if (to === undefined) left += frame.length;
    else {
      if (frame.length > MAPPED_BYTES) teach();
      to.set(frame);
      frames[at] = to;
      letGo(frame.buffer);
    }
  }
  return left;
}

/** Remembers the frames of a message that `joinPieces` may be given. Returns how many bytes came. */
export function notePieces(frames: Frames): number {
  let bytes = 0;
  for (const frame of frames) {
    bytes += frame.length;
    if (frames.length > 2 && isLarge(frame)) received.add(frame.buffer);
  }
  return bytes;
}

/** Copies the pieces of a payload to memory where they lie one behind the other, and lets go of that which they came in. */
export function joinPieces(pieces: readonly Uint8Array[]): Buffer {
  const whole = memoryFor(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
    if (received.delete(piece.buffer) && canLetGo()) letGo(piece.buffer);
  }
  return whole;
}

/**
 * Memory for a payload that is joined. Very large ones mostly come one after the other and have one size; so the memory for the next is
 * taken between them: while pieces are here, V8 has so much outside its heap that it would collect everything.
 */
function memoryFor(bytes: number): Buffer {
  const memory = spare?.length === bytes ? spare : Buffer.allocUnsafeSlow(bytes);
  spare = undefined;
  clearTimeout(keeping);
  if (bytes >= SPARE_BYTES) {
    setImmediate(() => {
      try {
        spare = Buffer.allocUnsafeSlow(bytes);
      } catch {
        // There is no memory to spare: the next payload takes its own, or fails.
        return;
      }
      clearTimeout(keeping);
      keeping = setTimeout(() => (spare = undefined), SPARE_MS).unref();
    });
  }
  return memory;
}

/** Whether it is worth the while, and fills its memory. */
function isLarge(frame: Uint8Array): boolean {
  return frame.length > LEAST_BYTES && frame.length === frame.buffer.byteLength;
}

function letGo(memory: ArrayBufferLike): void {
  (transfer as Transfer).call(memory, 0);
}

function canLetGo(): boolean {
  if (transfer === undefined) transfer = findTransfer() ?? null;
  return transfer !== null;
}

/** Until glibc has seen a larger block come back, it returns each to the system, and takes fresh pages for the next. */
function teach(): void {
  if (taught) return;
  taught = true;
  letGo(new ArrayBuffer(LESSON_BYTES));
}

/** Node 20 knows it under a flag, which is read when a context is made. */
function findTransfer(): Transfer | undefined {
  const known = (ArrayBuffer.prototype as { transfer?: Transfer }).transfer;
  if (known !== undefined) return known;
  builtin('v8').setFlagsFromString('--harmony-rab-gsab-transfer');
  return builtin('vm').runInNewContext('ArrayBuffer.prototype.transfer') as Transfer | undefined;
}
