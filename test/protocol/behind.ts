import { Writer } from '../../src/protocol/bytes.ts';
import { type FrameWriter, parted } from '../../src/protocol/frames.ts';

/** The frames behind a header, or the one that stands in it. */
export function behind(writer: FrameWriter): Uint8Array[] {
  let inlined = false;
  const [first, ...others] = writer.done(new Writer(), () => {
    inlined = true;
  });
  return inlined ? [parted(first as Uint8Array)[1]] : others;
}
