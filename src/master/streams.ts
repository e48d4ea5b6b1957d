/** What consumers say of their streams. */
import { type Fields, fieldsBytes, mergeFields, NO_FIELDS } from '../protocol/fields.ts';
import { INITIAL_JOB_BYTES, INITIAL_JOBS, MAX_FIELDS_BYTES } from '../protocol/limits.ts';
import { moved } from '../protocol/session.ts';
import type { CancelRecord, CreditRecord, EndRecord, JobsRecord, OpenRecord } from '../protocol/stream_records.ts';
import { newJob, newStream, type Session, type ShapeBook, type Stream, STREAM_MOVES } from './books.ts';
import { cancelJob, cancelStream } from './closing.ts';
import type { Core } from './core.ts';
import { MIN_SHARE } from './delivering.ts';
import { enqueueAll } from './queueing.ts';
import { retryRule } from './retrying.ts';
import { addPart } from './scattering.ts';

export function onOpen(core: Core, session: Session, record: OpenRecord): void {
  if (session.streams.has(record.stream) || core.stopping) return;
  const reason = record.id.length > MAX_ID ? `the id of a stream has ${record.id.length} characters` : excess('a stream', record.fields);
  if (reason !== undefined) return giveUp(core, session, record.stream, reason);
  core.lastStream += 1;
  const stream = newStream(core.lastStream, session, record, retryRule(record.fields));
  stream.windowJobs = INITIAL_JOBS;
  stream.windowBytes = INITIAL_JOB_BYTES;
  stream.share = MIN_SHARE;
  core.shared += stream.share + fieldsBytes(stream.fields);
  core.streams.set(stream.number, stream);
  session.streams.set(record.stream, stream);
  // A worker that is kept for one part has room for what that part calls.
  if (session.worker !== undefined) core.dirty(session.worker);
}

/** No id of ours is as long: a name, and some more. */
const MAX_ID = 4_096;

/** Ends a stream that cannot be taken as its client sent it, and says why. */
function giveUp(core: Core, session: Session, theirs: number, reason: string): void {
  core.out.push({ type: 'reject', peer: session.name, reason });
  session.drafts.add({ kind: 'giveUp', stream: theirs, text: reason });
  core.touched.add(session);
}

function excess(whose: string, fields: Fields): string | undefined {
  const bytes = fieldsBytes(fields);
  return bytes > MAX_FIELDS_BYTES ? `the fields of ${whose} have ${bytes} bytes, over ${MAX_FIELDS_BYTES}` : undefined;
}

/** What a job counts for credit, as its client counts it. */
function weight(record: JobsRecord, i: number): number {
  return (record.lengths[i] as number) + (record.fields.length === 0 ? 0 : fieldsBytes(record.fields[i] as Fields));
}

/** Why jobs cannot be taken, or undefined. A client of ours never does any of this. */
function refusal(core: Core, stream: Stream, record: JobsRecord): string | undefined {
  if (stream.state !== 'open') return 'jobs came after the end of their stream';
  if (record.first < stream.nextJob) return 'jobs of a stream are not in order';
  let bytes = 0;
  for (let i = 0; i < record.lengths.length; i += 1) {
    const length = record.lengths[i] as number;
    if (length > core.config.maxMessageBytes)
      return `a payload has ${length} bytes, over the master's maxMessageBytes (${core.config.maxMessageBytes})`;
    bytes += weight(record, i);
  }
  for (const fields of record.fields) {
    const reason = excess('a job', fields);
    if (reason !== undefined) return reason;
  }
  const fits = stream.jobs + record.slots.length <= stream.windowJobs && stream.jobBytes + bytes <= stream.windowBytes;
  return fits || (record.slots.length === 1 && stream.ended === stream.jobs) ? undefined : 'jobs came without credit';
}

export function onJobs(core: Core, session: Session, record: JobsRecord): void {
  const stream = session.streams.get(record.stream);
  const reason = stream === undefined ? undefined : refusal(core, stream, record);
  if (stream === undefined || reason !== undefined) {
    for (const slot of record.slots) core.release(slot);
    if (stream === undefined || reason === undefined) return;
    giveUp(core, session, stream.theirs, reason);
    cancelStream(core, stream);
    return;
  }
  const count = record.slots.length;
  stream.jobs += count;
  stream.nextJob = record.first + count;
  for (let i = 0; i < count; i += 1) {
    const bytes = weight(record, i);
    stream.jobBytes += bytes;
    if (bytes > stream.largest) stream.largest = bytes;
  }
  core.changed.add(stream);
  if (core.config.scatter || core.config.gather) addBooks(core, stream, record);
  else addJobs(core, stream, record);
}

/** The usual case: a job is one part. Neighbours of one shape are queued together. */
function addJobs(core: Core, stream: Stream, record: JobsRecord): void {
  const { parts } = core;
  const shapeOf = (which: number): ShapeBook => core.shape(record.functions[which] as string, stream.fields);
  const shapes = record.functions.length === 1 ? [shapeOf(0)] : record.functions.map((_, which) => shapeOf(which));
  let shape = shapes[record.which[0] ?? 0] as ShapeBook;
  let rows: number[] = [];
  for (let i = 0; i < record.slots.length; i += 1) {
    const index = record.first + i;
    const which = record.which[i] ?? 0;
    const fields = record.fields[i];
    let own = shapes[which] as ShapeBook;
    let { retry } = stream;
    if (fields !== undefined && fields.length > 0) {
      stream.jobFields.set(index, fields);
      const merged = mergeFields(stream.fields, fields);
      own = core.shape(record.functions[which] as string, merged);
      retry = retryRule(merged);
    }
    if (own !== shape) {
      enqueueAll(core, stream, shape, rows);
      shape = own;
      rows = [];
    }
    const row = parts.create(stream.number, index, 0, shape.id, record.slots[i] as number, record.lengths[i] as number);
    if (retry !== undefined) parts.setRetry(row, retry);
    parts.ofStream.add(stream.parts, row);
    if (rows.length === 0) rows = [row];
    else rows.push(row);
  }
  enqueueAll(core, stream, shape, rows);
}

function addBooks(core: Core, stream: Stream, record: JobsRecord): void {
  for (let i = 0; i < record.slots.length; i += 1) {
    const index = record.first + i;
    const own = record.fields[i] ?? NO_FIELDS;
    const name = record.functions[record.which[i] ?? 0] as string;
    const bytes = record.lengths[i] as number;
    if (own.length > 0) stream.jobFields.set(index, own);
    const job = newJob(index, name, mergeFields(stream.fields, own), record.slots[i] as number, bytes);
    stream.books.set(index, job);
    if (core.config.scatter) stream.toScatter.push(job);
    else {
      const { slot } = job;
      job.slot = -1;
      job.scatter = 'ended';
      addPart(core, stream, job, name, slot, bytes);
    }
  }
}

export function onEnd(core: Core, session: Session, record: EndRecord): void {
  const stream = session.streams.get(record.stream);
  if (stream === undefined || stream.state !== 'open') return;
  stream.state = moved(STREAM_MOVES, 'stream', stream.state, 'end');
  stream.total = stream.jobs;
  core.changed.add(stream);
}

export function onCredit(core: Core, session: Session, record: CreditRecord): void {
  const stream = session.streams.get(record.stream);
  if (stream === undefined) return;
  stream.results = Math.max(stream.results, record.results);
  stream.resultBytes = Math.max(stream.resultBytes, record.bytes);
  core.changed.add(stream);
}

export function onCancel(core: Core, session: Session, record: CancelRecord): void {
  const stream = session.streams.get(record.stream);
  if (stream === undefined) return;
  if (record.job < 0) cancelStream(core, stream);
  else cancelJob(core, stream, record.job);
}
