import { Writer } from '../../src/protocol/writer.ts';
import { type FrameWriter, inlined } from '../../src/protocol/frames.ts';

/** A header's frame in which payloads stand as well: the header alone, and the frame of payloads that it stands for. */
export function parted(frame: Uint8Array): [header: Uint8Array, packed: Uint8Array] {
  const { start, end } = inlined(frame);
  return [frame.subarray(0, start), frame.subarray(start, end)];
}

/** The frames behind a header, or the one that stands in it. */
export function behind(writer: FrameWriter): Uint8Array[] {
  const header = new Writer();
  const isInline = writer.inline(header);
  const [first, ...others] = writer.done(header);
  return isInline ? [parted(first as Uint8Array)[1]] : others;
}
