/** What goes to a consumer: entries of results, window, and the end of jobs and streams. */
import { fieldsBytes, NO_FIELDS } from '../protocol/fields.ts';
import { WINDOW_PAYLOADS } from '../protocol/limits.ts';
import { ENTRY } from '../protocol/stream_records.ts';
import { moved } from '../protocol/session.ts';
import { type Job, type Stream, STREAM_MOVES } from './books.ts';
import type { Core } from './core.ts';
import { small } from './parts.ts';

/** Jobs that a consumer may have unsettled here. */
const JOB_WINDOW = 4_096;
/** And how many bytes of them: with more, a master holds more than ten payloads of 1 MiB; with fewer, such do not keep two workers busy. */
const MAX_SHARE = 3_145_728;
/** Every stream has this much, however many there are. */
export const MIN_SHARE = 65_536;

/** Adds an entry; its payload (slot -1: none) is spent once it has been sent. `whole`: it goes into the same batch as the one before. */
export function deliver(
  core: Core,
  stream: Stream,
  job: number,
  part: number,
  index: number,
  flags: number,
  slot: number,
  bytes: number,
  whole = false,
): void {
  const { session } = stream;
  const open = session.drafts.results(stream.theirs, bytes, whole);
  if (open === undefined) {
    session.drafts.begin({
      kind: 'results',
      stream: stream.theirs,
      jobs: [small(job)],
      parts: [small(part)],
      indexes: [small(index)],
      flags: [flags],
      slots: [small(slot)],
      lengths: [small(bytes)],
    });
  } else {
    open.jobs.push(small(job));
    open.parts.push(small(part));
    open.indexes.push(small(index));
    open.flags.push(flags);
    open.slots.push(small(slot));
    open.lengths.push(small(bytes));
  }
  if (slot >= 0) {
    if (session.spent.length === 0) session.spent = [small(slot)];
    else session.spent.push(small(slot));
    stream.delivered += 1;
    stream.deliveredBytes += bytes;
  }
  core.touched.add(session);
}

/** A job with a payload of so many bytes is over: it makes room for others, and may have been the last. */
export function jobEnded(core: Core, stream: Stream, job: number, bytes: number): void {
  stream.ended += 1;
  stream.endedBytes += bytes;
  if (stream.jobFields.size > 0) {
    stream.endedBytes += fieldsBytes(stream.jobFields.get(job) ?? NO_FIELDS);
    stream.jobFields.delete(job);
  }
  core.changed.add(stream);
}

/** Ends a draining stream whose jobs have all ended. */
export function finishIfDone(core: Core, stream: Stream): boolean {
  if (stream.state !== 'draining' || stream.ended < stream.total) return false;
  stream.state = moved(STREAM_MOVES, 'stream', stream.state, 'finish');
  forgetStream(core, stream);
  return true;
}

export function forgetStream(core: Core, stream: Stream): void {
  core.shared -= stream.share + fieldsBytes(stream.fields);
  core.streams.delete(stream.number);
  stream.session.streams.delete(stream.theirs);
  core.changed.delete(stream);
}

/** Tells a consumer of its new window: not before half of the old one is used, and not in trickles. */
export function refill(core: Core, stream: Stream): void {
  if (stream.state !== 'open') return;
  const jobsLow = stream.windowJobs - stream.jobs <= Math.min(JOB_WINDOW, stream.windowJobs) / 2;
  const bytesLow = stream.windowBytes - stream.jobBytes <= stream.share / 2;
  if (!jobsLow && !bytesLow) return;
  const free = core.config.bufferBytes - core.shared;
  // However large jobs are: one for each slot of the workers, and one on its way.
  const payloads = Math.max(WINDOW_PAYLOADS, core.slots + 1);
  const most = Math.max(MAX_SHARE, payloads * stream.largest);
  const share = Math.max(MIN_SHARE, Math.min(most, stream.share + Math.max(0, Math.floor(free / 2))));
  const jobs = Math.max(stream.windowJobs, stream.ended + JOB_WINDOW);
  const bytes = Math.max(stream.windowBytes, stream.endedBytes + share);
  if (jobs - stream.windowJobs < JOB_WINDOW / 4 && bytes - stream.windowBytes < share / 4 && stream.ended < stream.jobs) return;
  if (jobs === stream.windowJobs && bytes === stream.windowBytes) return;
  core.shared += share - stream.share;
  stream.share = share;
  stream.windowJobs = jobs;
  stream.windowBytes = bytes;
  stream.largest = Math.floor(stream.largest / 2);
  stream.session.drafts.add({ kind: 'window', stream: stream.theirs, jobs, bytes });
  core.touched.add(stream.session);
}

/** The next whole job to deliver: in an ordered stream none before those that are older. */
function nextWhole(stream: Stream): Job | undefined {
  if (!stream.ordered) return stream.whole[0];
  const [oldest] = stream.books.keys();
  const next = stream.whole.reduce<Job | undefined>(
    (first, job) => (first === undefined || job.index < first.index ? job : first),
    undefined,
  );
  return next !== undefined && (oldest === undefined || next.index < oldest) ? next : undefined;
}

/** Delivers whole jobs of a merging gather while the consumer has credit; each in one batch with its end. */
export function deliverWhole(core: Core, stream: Stream): void {
  stream.blocked = false;
  for (let job = nextWhole(stream); job !== undefined; job = nextWhole(stream)) {
    const count = job.outputs.slots.length;
    const fits = stream.results - stream.delivered >= count && stream.resultBytes - stream.deliveredBytes >= job.outputs.bytes;
    const empty = stream.resultBytes - stream.deliveredBytes >= stream.windowResultBytes / 2 && stream.results > stream.delivered;
    if (!fits && !empty && count > 0) {
      stream.blocked = true;
      return;
    }
    stream.whole.splice(stream.whole.indexOf(job), 1);
    deliverJob(core, stream, job);
  }
}

function deliverJob(core: Core, stream: Stream, job: Job): void {
  const { slots, lengths, flags } = job.outputs;
  let results = 0;
  for (let i = 0; i < slots.length; i += 1) {
    const last = i === slots.length - 1 && job.error < 0;
    const flag = (flags[i] as number) | (last ? ENTRY.jobEnd : 0);
    deliver(core, stream, job.index, 0, results, flag, slots[i] as number, lengths[i] as number, i > 0);
    if ((flags[i] as number) === ENTRY.result) results += 1;
  }
  if (job.error >= 0) deliver(core, stream, job.index, 0, results, ENTRY.error | ENTRY.jobEnd, job.error, 0, slots.length > 0);
  else if (slots.length === 0) deliver(core, stream, job.index, 0, 1, ENTRY.jobEnd, -1, 0);
  jobEnded(core, stream, job.index, job.bytes);
}
