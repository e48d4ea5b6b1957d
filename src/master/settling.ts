/** What becomes of results: straight to the consumer, or through the user's gather; and when a job is over. */
import { ENTRY, flagsOf } from '../protocol/stream_records.ts';
import { closeJob, closePart } from './closing.ts';
import type { Job, Raw, Stream, WorkerBook } from './books.ts';
import type { Core } from './core.ts';
import { deliver, jobEnded } from './delivering.ts';

/** A result of a part has come, in its turn; with `ended` it is the part's last. */
export function takeResult(
  core: Core,
  stream: Stream,
  row: number,
  slot: number,
  bytes: number,
  ended: boolean,
  by: WorkerBook | undefined,
): void {
  const { parts } = core;
  const job = parts.job[row] as number;
  const part = parts.part[row] as number;
  const index = parts.index[row] as number;
  const jobBytes = parts.bytes[row] as number;
  const attempt = parts.attempt[row] as number;
  parts.index[row] = index + 1;
  const book = stream.books.size === 0 ? undefined : stream.books.get(job);
  if (core.config.gather && book !== undefined) {
    hold(stream, book, {
      job: book,
      part,
      index,
      slot,
      function: (core.shapes[parts.shape[row] as number] as { function: string }).function,
      last: false,
    });
    if (ended) closePart(core, stream, row, by);
    settleJob(core, stream, book);
    return;
  }
  if (ended) closePart(core, stream, row, by);
  const over = ended && (book === undefined || isOver(book));
  const flags = ENTRY.result | (ended ? ENTRY.partEnd : 0) | (over ? ENTRY.jobEnd : 0);
  deliver(core, stream, job, part, index, flagsOf(flags, attempt), slot, bytes);
  if (!over) return;
  if (book !== undefined) stream.books.delete(job);
  jobEnded(core, stream, job, book?.bytes ?? jobBytes);
}

/** A part has ended with no more results; `error`: with this error (a slot), or -1. */
export function endPart(core: Core, stream: Stream, row: number, error: number, errorBytes: number, by: WorkerBook | undefined): void {
  const { parts } = core;
  const job = parts.job[row] as number;
  const part = parts.part[row] as number;
  const index = parts.index[row] as number;
  const jobBytes = parts.bytes[row] as number;
  const book = stream.books.get(job);
  closePart(core, stream, row, by);
  if (core.config.gather && book !== undefined) {
    if (error >= 0) failJob(core, stream, book, error);
    else settleJob(core, stream, book);
    return;
  }
  const over = book === undefined || isOver(book);
  const flags = (error >= 0 ? ENTRY.error : 0) | ENTRY.partEnd | (over ? ENTRY.jobEnd : 0);
  deliver(core, stream, job, part, index, flags, error, errorBytes);
  if (!over) return;
  if (book !== undefined) stream.books.delete(job);
  jobEnded(core, stream, job, book?.bytes ?? jobBytes);
}

function isOver(job: Job): boolean {
  return job.scatter === 'ended' && job.open.size === 0 && job.gathering === 0 && job.held === undefined;
}

/** Keeps the newest result back, so that the job's last one is known when gather gets it. */
function hold(stream: Stream, job: Job, raw: Raw): void {
  if (job.held !== undefined) {
    stream.toGather.push(job.held);
    job.gathering += 1;
  }
  job.held = raw;
}

/** Looks whether a job with a book has come to its end, or its last result may go to gather. */
export function settleJob(core: Core, stream: Stream, job: Job): void {
  core.changed.add(stream);
  if (job.scatter !== 'ended' || job.open.size > 0) return;
  if (job.held !== undefined) {
    job.held.last = true;
    stream.toGather.push(job.held);
    job.gathering += 1;
    job.held = undefined;
  }
  if (!isOver(job)) return;
  if (core.config.gather) {
    stream.books.delete(job.index);
    stream.whole.push(job);
    return;
  }
  stream.books.delete(job.index);
  deliver(core, stream, job.index, 0, job.parts, ENTRY.jobEnd, -1, 0);
  jobEnded(core, stream, job.index, job.bytes);
}

/** A job with a book fails as a whole, with this error (a slot): what it has gathered goes first. */
export function failJob(core: Core, stream: Stream, job: Job, error: number): void {
  closeJob(core, stream, job);
  core.changed.add(stream);
  if (core.config.gather) {
    job.error = error;
    stream.whole.push(job);
    return;
  }
  deliver(core, stream, job.index, 0, 0, ENTRY.error | ENTRY.jobEnd, error, 0);
  jobEnded(core, stream, job.index, job.bytes);
}

/** Starts the user's gather for the next result, one at a time for each stream, in the order in which results came. */
export function feedGather(core: Core, stream: Stream): void {
  if (stream.gathering !== undefined) return;
  const raw = stream.toGather.shift();
  if (raw === undefined) return;
  stream.gathering = raw;
  const message = { function: raw.function, client: stream.session.name, id: stream.id, part: raw.part, last: raw.last, slot: raw.slot };
  core.out.push({ type: 'gather', stream: stream.number, job: raw.job.index, message });
  core.release(raw.slot);
}
