// For young_garbage.test.ts: node --expose-gc --trace-gc --trace-incremental-marking collecting.mjs MODULE [keep]
// With `keep` V8 goes by what it was told at its start.
// Says what it does, and V8 between those lines what that made it do.
import { writeSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const { countReceived } = await import(process.argv[2] ?? '');
const gc = /** @type {NonNullable<typeof globalThis.gc>} */ (globalThis.gc);
const MiB = 1_048_576;
const tell = process.argv[3] === 'keep' ? () => undefined : setFlagsFromString;
const TRIGGER = '--incremental-marking-hard-trigger=';
const NEVER = `${TRIGGER}1000000`;
const BY_RULE = `${TRIGGER}0`;

/** More than 8 MiB in the heap: with less, V8 begins no full collection early. */
const alive = Array.from({ length: 200_000 }, (_, i) => ({ i }));

function receive() {
  for (let i = 0; i < 20; i += 1) countReceived(MiB);
}

function collectByRule() {
  gc({ type: 'minor' });
}

/** @param {string} text */
function say(text) {
  writeSync(1, `${text}\n`);
}

function measure() {
  say('received');
  tell(BY_RULE);
  receive();
  say('by rule');
  collectByRule();
  say('over');
}

// V8 also looks whether it is time where it compiles code and where it allocates what will live long: that is done before.
gc();
for (let i = 0; i < 100; i += 1) measure();
tell(NEVER);
// More than it lets grow from one full collection to the next. In one piece: for many pieces it would collect by itself.
const kept = new ArrayBuffer(48 * MiB);
measure();
say(`collectors: ${typeof globalThis.gc} ${runInNewContext('typeof gc')}; kept: ${alive.length} objects and ${kept.byteLength} bytes`);
