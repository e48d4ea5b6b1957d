/** How a record's payloads are written and read: a column of lengths in the header, the bytes in the frames behind it. */
import { ofLength, type Reader } from './bytes.ts';
import type { Writer } from './writer.ts';
import type { FrameReader, FrameWriter } from './frames.ts';
import type { PayloadStore } from './payloads.ts';

/** What records are written into. */
export interface Sink {
  readonly header: Writer;
  readonly frames: FrameWriter;
  readonly store: PayloadStore;
}

/** What records are read from. The payloads of this message will stand in the store from slot `base` on. */
export interface Source {
  readonly header: Reader;
  readonly frames: FrameReader;
  readonly base: number;
}

/** Payloads by slot, or -1 for an entry that has none. Lengths are written plus one, so that 0 says none. */
export function writePayloads(sink: Sink, slots: readonly number[]): void {
  sink.header.int(slots.length);
  for (let i = 0; i < slots.length; i += 1) {
    const slot = slots[i] as number;
    if (slot < 0) sink.header.int(0);
    else {
      const length = sink.store.length(slot);
      sink.header.int(length + 1);
      sink.frames.add(slot, length);
    }
  }
}

export function readPayloads(source: Source): { slots: number[]; lengths: number[] } {
  const lengths = source.header.ints();
  // Not set afterwards: slots may be longer than V8's small integers, of which a list is another kind.
  if (lengths.length === 1) {
    const length = (lengths[0] as number) - 1;
    lengths[0] = Math.max(0, length);
    if (length < 0) return { slots: [-1], lengths };
    return { slots: [source.base + source.frames.take(length)], lengths };
  }
  const slots = ofLength(lengths.length);
  let count = 0;
  for (const length of lengths) if (length > 0) count += 1;
  source.frames.expect(count);
  for (let i = 0; i < lengths.length; i += 1) {
    const length = (lengths[i] as number) - 1;
    lengths[i] = Math.max(0, length);
    slots[i] = length < 0 ? -1 : source.base + source.frames.take(length);
  }
  return { slots, lengths };
}
