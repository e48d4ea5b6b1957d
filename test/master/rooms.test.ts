import { expect, it } from 'vitest';
import { newWorker } from '../../src/master/books.ts';
import type { Core } from '../../src/master/core.ts';
import { Parts } from '../../src/master/parts.ts';
import { addPlaced, removePlaced, shapeLoad } from '../../src/master/rooms.ts';

it('what a worker has of a shape is counted, but not what was given resources: there may be as many shapes of those as jobs', () => {
  const core = { parts: new Parts() } as Core;
  const worker = newWorker(1, ['foo'], 1, 0);
  const rows = [3, 3, 4].map((shape, job) => core.parts.create(1, job, 0, shape, -1, 9));
  core.parts.allocation[rows[2] as number] = 7;
  for (const row of rows) addPlaced(core, worker, row);
  expect(shapeLoad(worker, 3).placed).toBe(2);
  expect([...worker.loads.keys()]).toEqual([3]);
  for (const row of rows) removePlaced(core, worker, row);
  expect(shapeLoad(worker, 3).placed).toBe(0);
  expect([...worker.loads.keys()]).toEqual([3]);
});
