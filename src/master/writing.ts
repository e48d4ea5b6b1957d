/** How parts get into the record that brings them to a worker. */
import type { Drafts } from '../protocol/drafts.ts';
import { type Fields, fieldsBytes, NO_FIELDS } from '../protocol/fields.ts';
import type { PartsRecord } from '../protocol/part_records.ts';
import type { Allocation } from '../scheduling/policy.ts';
import type { ShapeBook, Stream } from './books.ts';
import type { Core } from './core.ts';
import { small } from './parts.ts';

/** What a part without an allocation has of one. */
const NOTHING = new Uint8Array();

/** Adds parts of one stream and shape, as they were taken. `allocation`: what the only one was given. */
export function write(core: Core, drafts: Drafts, rows: readonly number[], allocation?: Allocation): void {
  const { parts } = core;
  const [first] = rows as [number];
  const stream = core.streams.get(parts.stream[first] as number) as Stream;
  const name = (core.shapes[parts.shape[first] as number] as ShapeBook).function;
  for (const row of rows) {
    const fields = stream.jobFields.size > 0 ? (stream.jobFields.get(parts.job[row] as number) ?? NO_FIELDS) : undefined;
    let bytes = parts.bytes[row] as number;
    if (fields !== undefined) bytes += fieldsBytes(fields);
    if (allocation !== undefined) bytes += allocation.packed.length;
    const record = drafts.parts(stream.number, name, bytes);
    if (record === undefined) drafts.begin(begun(core, stream, name, row, fields, allocation));
    else {
      if (fields !== undefined || record.partFields.length > 0) fill(record.partFields, record.keys.length, NO_FIELDS, fields);
      if (allocation !== undefined || record.allocations.length > 0)
        fill(record.allocations, record.keys.length, NOTHING, allocation?.packed);
      record.keys.push(parts.key[row] as number);
      record.attempts.push(parts.attempt[row] as number);
      record.jobs.push(small(parts.job[row] as number));
      record.parts.push(small(parts.part[row] as number));
      record.grants.push(parts.grant[row] as number);
      record.bytes.push(parts.grantBytes[row] as number);
      record.slots.push(small(parts.slot[row] as number));
      record.lengths.push(small(parts.bytes[row] as number));
    }
  }
}

/** A record of parts with its first. */
function begun(core: Core, stream: Stream, name: string, row: number, fields: Fields | undefined, allocation?: Allocation): PartsRecord {
  const { parts } = core;
  return {
    kind: 'parts',
    stream: stream.number,
    id: stream.id,
    client: stream.session.name,
    function: name,
    fields: stream.fields,
    keys: [parts.key[row] as number],
    attempts: [parts.attempt[row] as number],
    jobs: [small(parts.job[row] as number)],
    parts: [small(parts.part[row] as number)],
    grants: [parts.grant[row] as number],
    bytes: [parts.grantBytes[row] as number],
    partFields: fields === undefined ? [] : [fields],
    allocations: allocation === undefined ? [] : [allocation.packed],
    slots: [small(parts.slot[row] as number)],
    lengths: [small(parts.bytes[row] as number)],
  };
}

/** Adds to a column that is empty while nobody has anything there. */
function fill<T>(column: T[], length: number, nothing: T, value = nothing): void {
  while (column.length < length) column.push(nothing);
  column.push(value);
}
