/** Which events and instructions belong to the story of a job. */
import type { WireRecord } from '../protocol/messages.ts';

interface Told {
  readonly type: string;
  readonly stream?: number;
  readonly first?: number;
  readonly slots?: readonly number[];
  readonly jobs?: readonly number[] | number;
  readonly records?: readonly WireRecord[];
}

/** Whether a thing in the history is about a job of a stream; without a job, about the stream. */
export function concerns(thing: object, stream: number, job: number | undefined): boolean {
  const told = thing as Told;
  if (told.records !== undefined) return told.records.some((record) => recordConcerns(record, stream, job));
  if (told.stream !== stream) return false;
  if (job === undefined) return true;
  switch (told.type) {
    case 'pull':
    case 'taken':
      return false;
    case 'pulled':
      return job - (told.first ?? 0) >= 0 && job - (told.first ?? 0) < (told.slots?.length ?? 0);
    case 'deliver':
    case 'dropped':
      return Array.isArray(told.jobs) && told.jobs.includes(job);
    default:
      return true;
  }
}

function recordConcerns(record: WireRecord, stream: number, job: number | undefined): boolean {
  if (!('stream' in record) || record.stream !== stream) return false;
  if (job === undefined) return true;
  switch (record.kind) {
    case 'jobs':
      return job >= record.first && job < record.first + record.slots.length;
    case 'results':
      return record.jobs.includes(job);
    case 'cancel':
      return record.job === -1 || record.job === job;
    default:
      return record.kind === 'open';
  }
}
