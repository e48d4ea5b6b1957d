/** The user's scatter and gather, where they are overridden: one scatter and one gather at a time for each stream, in order. */
import { fieldsBytes } from '../protocol/fields.ts';
import { ENTRY } from '../protocol/stream_records.ts';
import type { Job, Stream } from './books.ts';
import type { Core } from './core.ts';
import type { MasterEvent } from './events.ts';
import { enqueue } from './queueing.ts';
import { retryRule } from './retrying.ts';
import { failJob, settleJob } from './settling.ts';

/** Results of one job that go into one batch. */
const MAX_JOB_RESULTS = 32_768;
/** Parts of a stream that scatter may be ahead of placing, in count and bytes: a million parts of one job are no queue. */
const AHEAD = 256;
const AHEAD_BYTES = 4_194_304;

/** Starts the next job's scatter, or lets the present one go on, as far as its parts are being placed. */
export function advanceScatter(core: Core, stream: Stream): void {
  if (stream.scattering === undefined) stream.scattering = stream.toScatter.shift();
  const job = stream.scattering;
  if (job === undefined || job.scatter === 'running') return;
  let waiting = 0;
  for (const queue of stream.queues.values()) waiting += queue.rows.size;
  const ahead = Math.max(1, Math.min(AHEAD, Math.floor(AHEAD_BYTES / Math.max(1, job.bytes + fieldsBytes(job.fields)))));
  if (waiting * 2 > ahead || stream.blocked) return;
  const message = { function: job.function, client: stream.session.name, id: stream.id, part: job.parts, last: false, slot: job.slot };
  job.scatter = 'running';
  core.out.push({ type: 'scatter', stream: stream.number, job: job.index, message, fields: job.fields, count: ahead - waiting });
}

export function onScattered(core: Core, event: Extract<MasterEvent, { type: 'scattered' }>): void {
  const stream = core.streams.get(event.stream);
  const job = stream?.books.get(event.job);
  if (stream === undefined || job === undefined) {
    for (const slot of event.slots) core.release(slot);
    core.release(event.error);
    return;
  }
  core.changed.add(stream);
  job.scatter = 'paused';
  event.slots.forEach((slot, i) => addPart(core, stream, job, event.functions[i] as string, slot, event.lengths[i] as number));
  if (!event.ended || stream.books.get(job.index) !== job) {
    core.release(event.error);
    return;
  }
  job.scatter = 'ended';
  stream.scattering = undefined;
  core.release(job.slot);
  job.slot = -1;
  if (event.error >= 0) {
    core.out.push({ type: 'news', name: 'jobFailed', what: { stream: stream.id, job: job.index, error: event.error } });
    failJob(core, stream, job, event.error);
  } else settleJob(core, stream, job);
}

/** Makes one part of a job with a book. */
export function addPart(core: Core, stream: Stream, job: Job, name: string, slot: number, bytes: number): void {
  if (stream.books.get(job.index) !== job) {
    core.release(slot);
    return;
  }
  const row = core.parts.create(stream.number, job.index, job.parts, core.shape(name, job.fields).id, slot, bytes);
  const retry = job.fields === stream.fields ? stream.retry : retryRule(job.fields);
  if (retry !== undefined) core.parts.setRetry(row, retry);
  job.parts += 1;
  job.open.add(row);
  core.parts.ofStream.add(stream.parts, row);
  enqueue(core, row);
}

export function onGathered(core: Core, event: Extract<MasterEvent, { type: 'gathered' }>): void {
  const stream = core.streams.get(event.stream);
  const job = stream?.gathering?.job;
  if (stream !== undefined) {
    stream.gathering = undefined;
    core.changed.add(stream);
  }
  if (stream === undefined || job === undefined || stream.books.get(job.index) !== job) {
    for (const slot of event.slots) core.release(slot);
    core.release(event.error);
    return;
  }
  job.gathering -= 1;
  event.slots.forEach((slot, i) => {
    job.outputs.slots.push(slot);
    job.outputs.lengths.push(event.lengths[i] as number);
    job.outputs.flags.push(ENTRY.result);
    job.outputs.bytes += event.lengths[i] as number;
  });
  if (event.error >= 0) {
    core.out.push({ type: 'news', name: 'jobFailed', what: { stream: stream.id, job: job.index, error: event.error } });
    failJob(core, stream, job, event.error);
  } else if (job.outputs.bytes > core.config.maxJobResultBytes || job.outputs.slots.length > MAX_JOB_RESULTS) {
    const { slots, bytes } = job.outputs;
    const limits = `at most ${MAX_JOB_RESULTS}, and maxJobResultBytes, ${core.config.maxJobResultBytes}, can be delivered whole`;
    const message = `gather has made ${slots.length} results of ${bytes} bytes for one job: ${limits}`;
    for (const slot of job.outputs.slots) core.release(slot);
    Object.assign(job.outputs, { slots: [], lengths: [], flags: [], bytes: 0 });
    failJob(core, stream, job, core.error({ code: 'bad-result', message, function: job.function, phase: 'gather' }));
  } else settleJob(core, stream, job);
}
