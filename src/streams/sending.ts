/** How a job gets into a record. */
import type { Drafts, Growing } from '../protocol/drafts.ts';
import { NO_FIELDS } from '../protocol/fields.ts';
import type { JobsRecord } from '../protocol/stream_records.ts';
import type { Jobs } from './jobs.ts';

/** Adds a job of a stream to what is sent. The columns `which` and `fields` stay empty while all jobs are for one function and have no fields. */
export function addJob(drafts: Drafts, stream: number, name: string, jobs: Jobs, job: number): void {
  const open = drafts.jobs(stream, job, jobs.weight(job));
  if (open !== undefined) return append(drafts, open, name, jobs, job);
  const fields = jobs.fields(job) ?? NO_FIELDS;
  drafts.begin({
    kind: 'jobs',
    stream,
    first: job,
    functions: [name],
    which: [],
    fields: fields.length > 0 ? [fields] : [],
    slots: [jobs.slot(job)],
    lengths: [jobs.length(job)],
  });
}

function append(drafts: Drafts, record: Growing<JobsRecord>, name: string, jobs: Jobs, job: number): void {
  const count = record.slots.length;
  let at = record.functions.lastIndexOf(name);
  if (at < 0) {
    at = record.functions.push(name) - 1;
    drafts.addText(name);
  }
  if (at > 0 || record.which.length > 0) {
    for (let i = record.which.length; i < count; i += 1) record.which.push(0);
    record.which.push(at);
  }
  const fields = jobs.fields(job) ?? NO_FIELDS;
  if (fields.length > 0 || record.fields.length > 0) {
    for (let i = record.fields.length; i < count; i += 1) record.fields.push(NO_FIELDS);
    record.fields.push(fields);
  }
  record.slots.push(jobs.slot(job));
  record.lengths.push(jobs.length(job));
}
