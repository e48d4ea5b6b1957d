import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DRAFT_BYTES, DRAFT_ITEMS, Drafts } from '../../src/protocol/drafts.ts';
import { NO_FIELDS } from '../../src/protocol/fields.ts';

const ABOUT = { stream: 1, id: 's', client: 'c', function: 'foo', fields: NO_FIELDS };

describe('drafts', () => {
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
    drafts.results(1, 1).jobs.push(0);
    drafts.results(1, 1).jobs.push(1);
    drafts.results(2, 1).jobs.push(2);
    drafts.outcomes(1).keys.push(3);
    drafts.outcomes(1).keys.push(4);
    drafts.parts(ABOUT, 1).keys.push(5);
    drafts.parts(ABOUT, 1).keys.push(6);
    drafts.parts({ ...ABOUT, function: 'bar' }, 1).keys.push(7);
    drafts.parts({ ...ABOUT, stream: 2 }, 1).keys.push(8);
    drafts.add({ kind: 'lent', count: 1 });
    drafts.results(1, 1).jobs.push(9);
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
      drafts.jobs(stream, index, 1).slots.push(index);
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
    for (let i = 0; i < 2 * DRAFT_ITEMS + 1; i += 1) drafts.results(1, 0).jobs.push(i);
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
        for (const size of sizes) drafts.outcomes(size).lengths.push(size);
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
    for (let i = 0; i < DRAFT_ITEMS + 10; i += 1) drafts.results(1, DRAFT_BYTES, i > 0).jobs.push(i);
    expect(drafts.take()).toHaveLength(1);
    drafts.results(1, DRAFT_BYTES).jobs.push(0);
    drafts.results(1, DRAFT_BYTES).jobs.push(1);
    drafts.results(1, DRAFT_BYTES, true).jobs.push(2);
    drafts.results(1, DRAFT_BYTES).jobs.push(3);
    expect(drafts.take().map((batch) => batch.flatMap((record) => (record.kind === 'results' ? record.jobs : [])))).toEqual([
      [0],
      [1, 2],
      [3],
    ]);
  });
});
