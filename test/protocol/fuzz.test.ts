/** The codec against whatever may come: it never throws, leaves nothing behind, and never makes room for what it was only told of. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Greeting, REFUSALS, ROLES } from '../../src/protocol/greetings.ts';
import { decode, encodeBatch, encodeGreeting, LANES, NO_ID, slotsOf, type WireRecord } from '../../src/protocol/messages.ts';
import { PayloadStore } from '../../src/protocol/payloads.ts';
import { allMessages, apart, BATCHES, CONTROL, framesOf, GREETINGS, sentFrames } from './cases.ts';

const VALID = [...allMessages().map(({ frames }) => frames), ...BATCHES.map(sentFrames)];

function expectNothing(store: PayloadStore, base: number, reason: string): void {
  expect([store.count, store.bytes, store.nextBase()]).toEqual([0, 0, base]);
  expect(reason).not.toBe('');
}

/** Decodes, checks the laws, and gives back whether the message was taken. */
function decodeLawfully(frames: readonly Uint8Array[]): boolean {
  const store = new PayloadStore();
  const base = store.nextBase();
  const message = decode(frames, store);
  if (message.type === 'rejected') {
    expectNothing(store, base, message.reason);
    return false;
  }
  const again = message.type === 'batch' ? encodeBatch(message.envelope, message.records, store) : encodeGreeting(message);
  const hex = (all: readonly Uint8Array[]): string[] => apart(all).map((frame) => frame.toString('hex'));
  expect(hex(again)).toEqual(hex(frames));
  const records = message.type === 'batch' ? message.records : [];
  for (const slot of records.flatMap(slotsOf)) if (slot >= 0) store.release(slot);
  expect([store.count, store.bytes]).toEqual([0, 0]);
  return true;
}

type Mutation = (frames: Buffer[]) => Buffer[];

/** A change of one frame, somewhere. `where` and `much` are fractions of what there is. */
function mutation(change: (frame: Buffer, at: number, count: number, byte: number) => Buffer): fc.Arbitrary<Mutation> {
  const fraction = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
  return fc.tuple(fc.nat({ max: 3 }), fraction, fraction, fc.nat({ max: 255 })).map(([which, where, much, byte]) => (frames) => {
    if (frames.length === 0) return frames;
    const index = which % frames.length;
    const frame = frames[index] as Buffer;
    const at = Math.floor(where * frame.length);
    return frames.with(index, change(frame, at, Math.floor(much * (frame.length - at)), byte));
  });
}

const splice = (frame: Buffer, at: number, count: number, between: Uint8Array): Buffer =>
  Buffer.concat([frame.subarray(0, at), between, frame.subarray(at + count)]);

const MUTATIONS = fc.oneof(
  mutation((frame, at, _, byte) => (frame.length === 0 ? frame : Buffer.from(frame.with(at, (frame[at] as number) ^ (1 << (byte & 7)))))),
  mutation((frame, at, _, byte) => (frame.length === 0 ? frame : Buffer.from(frame.with(at, byte)))),
  mutation((frame, at) => frame.subarray(0, at)),
  mutation((frame, at, count) => splice(frame, at, count, Buffer.alloc(0))),
  mutation((frame, at, count) => splice(frame, at + count, 0, frame.subarray(at, at + count))),
  mutation((frame, at, _, byte) => splice(frame, at, 0, Buffer.from([byte]))),
  fc.nat({ max: 3 }).map(
    (which): Mutation =>
      (frames) =>
        frames.toSpliced(which, 1),
  ),
  fc.nat({ max: 3 }).map(
    (which): Mutation =>
      (frames) =>
        frames.toSpliced(which, 0, frames[which] ?? Buffer.alloc(0)),
  ),
);

const integer = fc.oneof(fc.nat({ max: 300 }), fc.maxSafeNat());
const name = fc.string({ unit: 'binary', maxLength: 12 }).filter((text) => Buffer.from(text).toString() === text);
const id = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'.split('')), minLength: 16, maxLength: 16 });
const fields = fc.array(
  fc.tuple(
    name,
    fc.uint8Array({ maxLength: 9 }).map((value) => Buffer.from(value)),
  ),
  { maxLength: 3 },
);

const GREETING: fc.Arbitrary<Greeting> = fc.oneof(
  fc.record({
    type: fc.constant('hello' as const),
    role: fc.constantFrom(...ROLES),
    name,
    epoch: id,
    session: integer,
    token: id,
    seen: integer,
    functions: fc.array(name, { maxLength: 4 }),
    slots: integer,
    fields,
  }),
  fc.record({
    type: fc.constant('welcome' as const),
    master: name,
    epoch: id,
    session: integer,
    token: id,
    seen: integer,
    reportsSeen: integer,
    resumed: fc.boolean(),
    pushAt: name,
    pullAt: name,
    heartbeatMs: integer,
    maxMessageBytes: integer,
    fields,
  }),
  fc.record({ type: fc.constant('refused' as const), code: fc.constantFrom(...REFUSALS), text: name }),
);

const ENVELOPE = fc.record({
  lane: fc.constantFrom(...LANES),
  epoch: id,
  session: integer,
  token: fc.oneof(id, fc.constant(NO_ID)),
  seq: integer,
  ack: integer,
  reportsAck: integer,
});

describe('the codec is fuzzed', () => {
  it('random bytes are rejected, or read as exactly what they are', () => {
    expect(() =>
      fc.assert(
        fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 4 }), (frames) => void decodeLawfully(frames)),
        { numRuns: 2_000 },
      ),
    ).not.toThrow();
  });

  it('random bytes behind a good beginning are, too', () => {
    const begun = fc.tuple(
      fc.integer({ min: 1, max: 7 }),
      fc.uint8Array({ maxLength: 80 }),
      fc.array(fc.uint8Array({ maxLength: 8 }), { maxLength: 2 }),
    );
    const message = begun.map(([type, rest, payloads]) => [Buffer.concat([Buffer.from([0x47, 1, type]), rest]), ...payloads]);
    expect(() =>
      fc.assert(
        fc.property(message, (frames) => void decodeLawfully(frames)),
        { numRuns: 3_000 },
      ),
    ).not.toThrow();
    const [envelope] = encodeBatch(CONTROL, [], new PayloadStore()) as [Uint8Array];
    const records = fc
      .tuple(fc.constantFrom(...BATCHES.keys()), fc.uint8Array({ maxLength: 40 }))
      .map(([code, rest]) => Buffer.concat([envelope, Buffer.from([code]), rest]));
    fc.assert(
      fc.property(records, (header) => void decodeLawfully([header])),
      { numRuns: 3_000 },
    );
  });

  it('valid messages with bits flipped, bytes cut, doubled, put in or taken out, are, too', () => {
    let taken = 0;
    const message = fc.tuple(fc.constantFrom(...VALID), fc.array(MUTATIONS, { minLength: 1, maxLength: 4 }));
    fc.assert(
      fc.property(message, ([valid, changes]) => {
        if (decodeLawfully(changes.reduce((frames, change) => change(frames), valid))) taken += 1;
      }),
      { numRuns: 10_000 },
    );
    expect(taken).toBeGreaterThan(100);
  });

  it('parts of messages put together are, too', () => {
    const piece = fc
      .tuple(fc.constantFrom(...VALID), fc.nat({ max: 80 }), fc.nat({ max: 80 }))
      .map(([[header], from, to]) => (header as Buffer).subarray(from, to));
    const tail = fc.array(piece, { maxLength: 4 });
    expect(() =>
      fc.assert(
        fc.property(
          fc.constantFrom(...VALID),
          tail,
          ([header, ...payloads], more) => void decodeLawfully([Buffer.concat([header as Buffer, ...more]), ...payloads]),
        ),
        { numRuns: 3_000 },
      ),
    ).not.toThrow();
  });

  it('every greeting goes there and back', () => {
    fc.assert(
      fc.property(GREETING, (greeting) => {
        expect(decode(encodeGreeting(greeting), new PayloadStore())).toEqual(greeting);
      }),
    );
    expect(GREETINGS.map(({ greeting }) => decode(encodeGreeting(greeting), new PayloadStore()))).toEqual(
      GREETINGS.map(({ greeting }) => greeting),
    );
  });

  it('every envelope, with any records of the table behind it, goes there and back', () => {
    fc.assert(
      fc.property(ENVELOPE, fc.array(fc.constantFrom(...BATCHES), { maxLength: 6 }), (envelope, batches) => {
        const store = new PayloadStore();
        const records: WireRecord[] = batches.flatMap((batch) => [...batch.records(batch.payloads.map((payload) => store.put(payload)))]);
        const frames = encodeBatch(envelope, records, store);
        expect(decodeLawfully(frames)).toBe(true);
        expect(decode(frames, new PayloadStore())).toMatchObject({ envelope });
      }),
      { numRuns: 300 },
    );
  });
});

describe('the codec never makes room by a number that it was told', () => {
  /** 2^50 in seven bits a byte. */
  const HUGE = Buffer.from([128, 128, 128, 128, 128, 128, 128, 2]);

  /** Each message of the table, with a huge number in the place of each byte of its header. */
  const liars = VALID.flatMap(([header, ...payloads]) =>
    Array.from({ length: (header as Buffer).length - 3 }, (_, at) => [splice(header as Buffer, at + 3, 1, HUGE), ...payloads]),
  );

  function grown(run: () => void): { rss: number; arrayBuffers: number } {
    run();
    const before = process.memoryUsage();
    run();
    const after = process.memoryUsage();
    return { rss: after.rss - before.rss, arrayBuffers: after.arrayBuffers - before.arrayBuffers };
  }

  it('headers that claim 2^50 items or bytes, anywhere', () => {
    const { rss, arrayBuffers } = grown(() => {
      for (const frames of liars) decodeLawfully(frames);
    });
    expect(liars.length).toBeGreaterThan(1_000);
    expect(arrayBuffers).toBeLessThan(16 * 2 ** 20);
    expect(rss).toBeLessThan(64 * 2 ** 20);
  });

  it('payloads of 2^50 bytes, and 2^50 of them', () => {
    const frames = framesOf(BATCHES.find(({ name }) => name === 'jobs for one function') as (typeof BATCHES)[number]);
    const [header, ...payloads] = frames as [Buffer, ...Buffer[]];
    // The last three bytes of the header are the column of payloads: how many, and the length of each (and 1).
    const lies = [
      Buffer.concat([header.subarray(0, -3), HUGE]),
      Buffer.concat([header.subarray(0, -3), HUGE, header.subarray(-2)]),
      Buffer.concat([header.subarray(0, -2), HUGE, header.subarray(-1)]),
      Buffer.concat([header.subarray(0, -3), Buffer.from([1]), HUGE]),
    ];
    const { arrayBuffers } = grown(() => {
      for (const lie of lies) expect(decodeLawfully([lie, ...payloads])).toBe(false);
    });
    expect(arrayBuffers).toBeLessThan(2 ** 20);
  });

  it('more payloads than a block has slots', () => {
    const [header] = framesOf(BATCHES.find(({ name }) => name === 'jobs for one function') as (typeof BATCHES)[number]) as [Buffer];
    const many = Buffer.concat([header.subarray(0, -3), Buffer.from([0x81, 0x80, 0x04]), Buffer.alloc(65_537, 1)]);
    const store = new PayloadStore();
    expect(decode([many, Buffer.alloc(0)], store)).toEqual({ type: 'rejected', reason: 'it holds too many payloads' });
    expect(store.count).toBe(0);
    const most = Buffer.concat([header.subarray(0, -3), Buffer.from([0x80, 0x80, 0x04]), Buffer.alloc(65_536, 1)]);
    expect(decode([most, Buffer.alloc(0)], store).type).toBe('batch');
    expect(store.count).toBe(65_536);
  });
});
