/** Which events and instructions of a master's history are about one job. */
import type { HistoryEntry } from '../machine/history.ts';
import type { WireRecord } from '../protocol/messages.ts';
import type { MasterEvent } from './events.ts';
import type { MasterInstruction } from './instructions.ts';

type Thing = MasterEvent | MasterInstruction;

/** A test for what is about job `job` of the stream with this public name, as far as the entries tell. */
export function mentions(
  entries: readonly HistoryEntry<MasterEvent, MasterInstruction>[],
  id: string,
  job: number,
): (thing: Thing) => boolean {
  const keys = new Set<number>();
  const numbers = new Set<number>();
  const theirs = new Set<number>();
  for (const { event, instructions } of entries) {
    for (const record of [event, ...instructions].flatMap(recordsOf)) {
      if (record.kind === 'open' && record.id === id) theirs.add(record.stream);
      if (record.kind !== 'parts' || record.id !== id) continue;
      numbers.add(record.stream);
      record.keys.forEach((key, i) => record.jobs[i] === job && keys.add(key));
    }
  }
  const about = (record: WireRecord): boolean => {
    if ('keys' in record) return record.keys.some((key) => keys.has(key));
    if (record.kind === 'jobs') return theirs.has(record.stream) && record.first <= job && job < record.first + record.slots.length;
    if (record.kind === 'results') return theirs.has(record.stream) && record.jobs.includes(job);
    if (record.kind === 'cancel') return theirs.has(record.stream) && (record.job === job || record.job < 0);
    return record.kind === 'open' && record.id === id;
  };
  return (thing) => {
    if (thing.type === 'scatter' || thing.type === 'gather') return thing.message.id === id && thing.job === job;
    if (thing.type === 'scattered' || thing.type === 'gathered') return numbers.has(thing.stream) && thing.job === job;
    if (thing.type === 'news') return 'job' in thing.what && thing.what.stream === id && thing.what.job === job;
    return recordsOf(thing).some(about);
  };
}

function recordsOf(thing: Thing): readonly WireRecord[] {
  return 'records' in thing ? thing.records : [];
}
