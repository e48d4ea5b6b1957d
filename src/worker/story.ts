/** Which events and instructions of a worker's history are about one part, or one job. Pure. */
import type { HistoryEntry } from '../machine/history.ts';
import type { WireRecord } from '../protocol/messages.ts';
import type { WorkerEvent } from './events.ts';
import type { RunInstruction, WorkerInstruction } from './instructions.ts';

/** A part by its key, or a job by its stream's public name and its index there. */
export type PartName = number | { readonly stream: string; readonly job: number };

type Thing = WorkerEvent | WorkerInstruction;

/** A test for what is about them. It must be asked about the entries in their order: local numbers are used again. */
export function aboutParts(entries: readonly HistoryEntry<WorkerEvent, WorkerInstruction>[], name: PartName): (thing: Thing) => boolean {
  const keys = typeof name === 'number' ? new Set([name]) : keysOf(entries, name.stream, name.job);
  const locals = new Set<number>();
  const among = (list: readonly number[]): boolean => list.some((local) => locals.has(local));
  const learn = (run: RunInstruction): boolean => {
    run.locals.forEach((local, at) => {
      if (keys.has(run.records[at]?.keys[run.rows[at] as number] as number)) locals.add(local);
      else locals.delete(local);
    });
    return among(run.locals) || among(run.ready);
  };
  return (thing) => {
    if (thing.type === 'run') return learn(thing);
    if (thing.type === 'ran') return [thing.locals, thing.waits, thing.lends, thing.goesOn].some(among);
    if (thing.type === 'abort' || thing.type === 'grant') return among(thing.locals);
    return recordsOf(thing).some((record) => 'keys' in record && record.keys.some((key) => keys.has(key)));
  };
}

function keysOf(entries: readonly HistoryEntry<WorkerEvent, WorkerInstruction>[], stream: string, job: number): Set<number> {
  const keys = new Set<number>();
  for (const { event } of entries) {
    for (const record of recordsOf(event)) {
      if (record.kind !== 'parts' || record.id !== stream) continue;
      record.keys.forEach((key, row) => record.jobs[row] === job && keys.add(key));
    }
  }
  return keys;
}

function recordsOf(thing: Thing): readonly WireRecord[] {
  return thing.type === 'batch' || thing.type === 'send' ? thing.records : [];
}
