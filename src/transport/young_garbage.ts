/**
 * Received frames lie outside V8's heap. V8 knows their bytes, but looks for those that nobody needs any more only in a full collection:
 * one for every 32 MiB that come in, each of which marks all that lives, on all cores. Most frames die young, and a collection of young
 * objects, which costs a tenth of a full one, finds them: so one is asked for each time that so many bytes have come in.
 *
 * Not earlier: a frame that has outlived two such collections is old, and waits for a full one.
 *
 * Heap and count are the process's, not a socket's. Where there is no such collection to be had, nothing is lost but speed.
 */
import { builtin } from '../common/builtin.ts';

/** With one message of MOST_BYTES more it is still less than those 32 MiB. Less often is better: what is in use then grows old less. */
const EVERY_BYTES = 20_971_520;
/** A message over this is more than V8 lets wait: a full collection comes anyway. */
const MOST_BYTES = 8_388_608;

/**
 * As a young collection ends, V8 looks whether it is time for a full one. What was just found still counts then, and twice, since V8 and
 * zeromq.js both count it until its memory is given back a little later: in a heap of more than 8 MiB a full one would begin after nearly
 * each of ours. This is the percentage of what may be allocated from which that look finds it is time; 0 is V8's own rule.
 */
const TRIGGER = '--incremental-marking-hard-trigger=';
const NEVER = `${TRIGGER}1000000`;
const BY_RULE = `${TRIGGER}0`;
/** Node 20 to 25 know it; V8 tells of a flag that it does not know on stderr. */
const KNOWN_TO = /^1[1-4]\./u;

type Collect = (options: { readonly type: 'minor' }) => void;

let collect: Collect | undefined;
let received = 0;

/** Counts the bytes of a message that came in, and collects young garbage when it is time. */
export function countReceived(bytes: number): void {
  if (bytes > MOST_BYTES) return;
  received += bytes;
  if (received < EVERY_BYTES) return;
  received = 0;
  collect ??= madeAlone((globalThis.gc as Collect | undefined) ?? findCollector());
  collect({ type: 'minor' });
}

/** The same collector, after which V8 does not look; but who started Node with a rule of its own keeps that. */
function madeAlone(gc: Collect): Collect {
  if (
    !KNOWN_TO.test(process.versions.v8) ||
    process.execArgv.some((flag) => /incremental[-_]marking[-_](hard|soft)[-_]trigger/u.test(flag))
  )
    return gc;
  return (options) => {
    builtin('v8').setFlagsFromString(NEVER);
    gc(options);
    builtin('v8').setFlagsFromString(BY_RULE);
  };
}

/** V8 gives its collector only to contexts that are made while it is told to. Who told it at the start has it already. */
function findCollector(): Collect {
  try {
    builtin('v8').setFlagsFromString('--expose-gc');
    return builtin('vm').runInNewContext('gc') as Collect;
  } catch {
    return () => undefined;
  } finally {
    builtin('v8').setFlagsFromString('--no-expose-gc');
  }
}
