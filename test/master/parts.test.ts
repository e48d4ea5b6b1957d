import { expect, it } from 'vitest';
import { MOVE, Parts, type RowList, rowList } from '../../src/master/parts.ts';

const LATER = ['attempt', 'strikes', 'failures', 'worker', 'given', 'grant', 'index', 'grantBytes'] as const;

it('what happened to a part is kept as the table grows, and nothing of it is there when its row is used again', () => {
  const parts = new Parts();
  const rows: number[] = [];
  const [all, placed] = [rowList(), rowList()];
  const listed = (list: RowList, next: Int32Array): number[] => {
    const found: number[] = [];
    for (let row = list.head; row >= 0; row = next[row] as number) found.push(row);
    return found;
  };
  const add = (count: number): void => {
    for (let i = 0; i < count; i += 1) {
      const row = parts.create(1, rows.length, 0, 3, rows.length, 9);
      rows.push(row);
      parts.ofStream.add(all, row);
    }
  };
  add(200);
  for (const row of rows.filter((one) => one % 3 === 0)) {
    parts.move(row, MOVE.place);
    parts.ofWorker.add(placed, row);
    for (const [at, name] of LATER.entries()) parts[name][row] = 1_000 * row + at + 1;
  }
  add(5_000);
  for (const row of rows) {
    const isPlaced = row < 200 && row % 3 === 0;
    expect(LATER.map((name) => parts[name][row])).toEqual(LATER.map((_, at) => (isPlaced ? 1_000 * row + at + 1 : 0)));
    expect([parts.stream[row], parts.job[row], parts.shape[row], parts.allocation[row], parts.bytes[row]]).toEqual([1, row, 3, -1, 9]);
  }
  expect(listed(all, parts.ofStream.next)).toEqual(rows);
  expect(listed(placed, parts.ofWorker.next)).toEqual(rows.slice(0, 200).filter((row) => row % 3 === 0));
  for (const row of rows.slice(0, 200)) {
    parts.ofStream.remove(all, row);
    if (row % 3 === 0) parts.ofWorker.remove(placed, row);
    parts.end(row);
  }
  expect([all.size, all.head, placed.size, placed.head, placed.tail]).toEqual([5_000, 200, 0, -1, -1]);
  rows.length = 0;
  add(200);
  expect(new Set(rows).size).toBe(200);
  for (const row of rows) expect(LATER.map((name) => parts[name][row])).toEqual(LATER.map(() => 0));
});

it('keys are no small integers from the first on, and a key finds its part, and no other, until that ends', () => {
  const parts = new Parts();
  const given = new Set<number>();
  for (let use = 0; use < 300; use += 1) {
    const rows = Array.from({ length: 3 }, (_, job) => parts.create(1, job, 0, 0, job, 9));
    const keys = rows.map((row) => parts.key[row] as number);
    expect(keys.map((key) => parts.find(key))).toEqual(rows);
    for (const key of keys) {
      expect(key).toBeGreaterThan(2 ** 31 - 1);
      expect(given.has(key)).toBe(false);
      given.add(key);
    }
    for (const row of rows) parts.move(row, MOVE.place);
    for (const row of rows) parts.end(row);
    expect(keys.map((key) => parts.find(key))).toEqual([-1, -1, -1]);
  }
  for (const never of [0, -1, 1, 2 ** 24, 2 ** 32 - 1, 2 ** 32 + 0.5, 2 ** 53, NaN, Infinity]) expect(parts.find(never)).toBe(-1);
});

it('a row whose next key would be beyond the safe integers is not used again', () => {
  const parts = new Parts();
  const [first] = [0, 1].map((job) => parts.create(1, job, 0, 0, job, 9));
  const row = first as number;
  const last = Math.floor(Number.MAX_SAFE_INTEGER / 2 ** 24) * 2 ** 24 + row;
  parts.key[row] = last - 2 ** 24;
  parts.end(row);
  expect(parts.create(1, 2, 0, 0, 2, 9)).toBe(row);
  expect([parts.key[row], Number.isSafeInteger(last), parts.find(last)]).toEqual([last, true, row]);
  parts.end(row);
  expect(parts.create(1, 3, 0, 0, 3, 9)).not.toBe(row);
});
