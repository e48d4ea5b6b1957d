import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DRAFT_BYTES, DRAFT_ITEMS, Drafts } from '../../src/protocol/drafts.ts';
import { NO_FIELDS } from '../../src/protocol/fields.ts';

const NO_COLUMNS = { jobs: [], parts: [], indexes: [], flags: [], slots: [], lengths: [] };

/** One more entry each, as state machines add them; what an entry is known by is the column that tests look at. */
function addResult(drafts: Drafts, stream: number, bytes: number, job: number, whole = false): void {
  const open = drafts.results(stream, bytes, whole);
  if (open !== undefined) open.jobs.push(job);
  else drafts.begin({ kind: 'results', ...NO_COLUMNS, stream, jobs: [job] });
}

function addOutcome(drafts: Drafts, bytes: number, key: number): void {
  const open = drafts.outcomes(bytes);
  if (open === undefined)
    return drafts.begin({ kind: 'outcomes', ...NO_COLUMNS, keys: [key], attempts: [], lengths: [bytes], busyMicros: 0 });
  open.keys.push(key);
  open.lengths.push(bytes);
}

function addPart(drafts: Drafts, stream: number, name: string, key: number): void {
  const open = drafts.parts(stream, name, 1);
  if (open !== undefined) return void open.keys.push(key);
  const about = { id: 's', client: 'c', function: name, fields: NO_FIELDS, partFields: [], allocations: [] };
  drafts.begin({ kind: 'parts', ...NO_COLUMNS, ...about, stream, keys: [key], attempts: [], grants: [], bytes: [] });
}

function addJob(drafts: Drafts, stream: number, index: number): void {
  const open = drafts.jobs(stream, index, 1);
  if (open !== undefined) open.slots.push(index);
  else drafts.begin({ kind: 'jobs', stream, first: index, functions: ['foo'], which: [], fields: [], slots: [index], lengths: [] });
}

/** Bytes of what V8 has found to live long. */
function oldBytes(): number {
  return getHeapSpaceStatistics().find(({ space_name }) => space_name === 'old_space')?.space_used_size ?? NaN;
}

function collector(): NonNullable<typeof globalThis.gc> {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as NonNullable<typeof globalThis.gc>;
}

describe('drafts', () => {
  it('leave what was taken to be collected with what is young, however long they stood empty before', () => {
    const gc = collector();
    const all = Array.from({ length: 1_000 }, () => new Drafts());
    const fill = (drafts: Drafts) => {
      addOutcome(drafts, 1, 0);
      for (let key = 1; key < 1_000; key += 1) addOutcome(drafts, 1, key);
      return drafts.take().length;
    };
    for (const drafts of all) fill(drafts);
    gc();
    const before = oldBytes();
    for (const drafts of all) expect(fill(drafts)).toBe(1);
    for (let i = 0; i < 3; i += 1) gc({ type: 'minor' });
    // Each held two lists of 8,000 bytes.
    expect(oldBytes() - before).toBeLessThan(4_000_000);
  });

  it('are empty until something is added, and after they were taken', () => {
    const drafts = new Drafts();
    expect([drafts.empty, drafts.take()]).toEqual([true, []]);
    drafts.add({ kind: 'goodbye' });
    expect(drafts.empty).toBe(false);
    expect(drafts.take()).toEqual([[{ kind: 'goodbye' }]]);
    expect([drafts.empty, drafts.take()]).toEqual([true, []]);
  });

  it('columns of one kind about one thing grow together; anything between them begins a new record', () => {
    const drafts = new Drafts();
    addResult(drafts, 1, 1, 0);
    addResult(drafts, 1, 1, 1);
    addResult(drafts, 2, 1, 2);
    addOutcome(drafts, 1, 3);
    addOutcome(drafts, 1, 4);
    addPart(drafts, 1, 'foo', 5);
    addPart(drafts, 1, 'foo', 6);
    addPart(drafts, 1, 'bar', 7);
    addPart(drafts, 2, 'foo', 8);
    drafts.add({ kind: 'lent', count: 1 });
    addResult(drafts, 1, 1, 9);
    const [batch = []] = drafts.take();
    expect(
      batch.map((record) => [
        record.kind,
        'jobs' in record && record.kind === 'results' ? record.jobs : 'keys' in record ? record.keys : [],
      ]),
    ).toEqual([
      ['results', [0, 1]],
      ['results', [2]],
      ['outcomes', [3, 4]],
      ['parts', [5, 6]],
      ['parts', [7]],
      ['parts', [8]],
      ['lent', []],
      ['results', [9]],
    ]);
  });

  it('jobs of one stream grow together while their indexes follow each other', () => {
    const drafts = new Drafts();
    for (const [stream, index] of [
      [1, 5],
      [1, 6],
      [1, 8],
      [2, 9],
      [1, 9],
    ] as const) {
      addJob(drafts, stream, index);
    }
    const [batch = []] = drafts.take();
    expect(batch).toMatchObject([
      { stream: 1, first: 5, slots: [5, 6] },
      { stream: 1, first: 8, slots: [8] },
      { stream: 2, first: 9, slots: [9] },
      { stream: 1, first: 9, slots: [9] },
    ]);
  });

  it('a batch is closed when it holds as many items as it may', () => {
    const drafts = new Drafts();
    for (let i = 0; i < 2 * DRAFT_ITEMS + 1; i += 1) addResult(drafts, 1, 0, i);
    const sizes = drafts.take().map((batch) => batch.map((record) => (record.kind === 'results' ? record.jobs.length : -1)));
    expect(sizes).toEqual([[DRAFT_ITEMS], [DRAFT_ITEMS], [1]]);
  });

  it('a batch is closed before it would hold too many bytes; one item is always taken', () => {
    const item = fc.oneof(
      fc.nat({ max: 1_000 }),
      fc.nat({ max: DRAFT_BYTES * 2 }),
      fc.constantFrom(0, DRAFT_BYTES, DRAFT_BYTES + 1, DRAFT_BYTES / 2),
    );
    fc.assert(
      fc.property(fc.array(item, { maxLength: 60 }), (sizes) => {
        const drafts = new Drafts();
        for (const size of sizes) addOutcome(drafts, size, 0);
        const batches = drafts.take().map((batch) => batch.flatMap((record) => (record.kind === 'outcomes' ? record.lengths : [])));
        expect(batches.flat()).toEqual(sizes);
        const sum = (lengths: readonly number[]): number => lengths.reduce((total, length) => total + length, 0);
        for (const batch of batches) expect(batch.length === 1 || sum(batch) <= DRAFT_BYTES).toBe(true);
        batches.slice(1).forEach((batch, i) => expect(sum(batches[i] as number[]) + (batch[0] as number)).toBeGreaterThan(DRAFT_BYTES));
      }),
    );
  });

  it('what must be whole stays in one batch, whatever its size', () => {
    const drafts = new Drafts();
    for (let i = 0; i < DRAFT_ITEMS + 10; i += 1) addResult(drafts, 1, DRAFT_BYTES, i, i > 0);
    expect(drafts.take()).toHaveLength(1);
    addResult(drafts, 1, DRAFT_BYTES, 0);
    addResult(drafts, 1, DRAFT_BYTES, 1);
    addResult(drafts, 1, DRAFT_BYTES, 2, true);
    addResult(drafts, 1, DRAFT_BYTES, 3);
    expect(drafts.take().map((batch) => batch.flatMap((record) => (record.kind === 'results' ? record.jobs : [])))).toEqual([
      [0],
      [1, 2],
      [3],
    ]);
  });
});
