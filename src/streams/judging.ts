/** What to make of an entry for a job that was sent and has not ended. Pure. */
import { ENTRY } from '../protocol/stream_records.ts';
import type { Jobs } from './jobs.ts';
import { PartProgress, type Verdict } from './parts.ts';

/** Compares an entry with what has come of its job, and remembers it. Of a job that one entry ends, nothing need be remembered. */
export function judge(jobs: Jobs, job: number, part: number, index: number, flags: number): Verdict {
  let progress = jobs.progress(job);
  const endsJob = (flags & ENTRY.jobEnd) !== 0;
  if (progress === undefined) {
    if (endsJob) return 'fresh';
    progress = new PartProgress();
    jobs.setProgress(job, progress);
  }
  const endsPart = (flags & ENTRY.partEnd) !== 0;
  let verdict: Verdict = 'fresh';
  if ((flags & ENTRY.result) !== 0) verdict = progress.result(part, index, endsPart);
  else if (endsPart) verdict = progress.partEnd(part, index);
  if (!endsJob || verdict === 'contradiction' || (flags & ENTRY.error) !== 0) return verdict;
  const alone = (flags & (ENTRY.result | ENTRY.partEnd)) === 0;
  return progress.jobEnd(alone ? index : undefined) === 'contradiction' ? 'contradiction' : verdict;
}
