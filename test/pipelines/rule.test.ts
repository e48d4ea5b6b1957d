import { expect, it } from 'vitest';
import { type Verdict, whereToRun, type Wish } from '../../src/pipelines/rule.ts';

const here = (why: string): Verdict => ({ worker: false, why });
const there = (why: string): Verdict => ({ worker: true, why });
const [yes, no, unset] = [true, false, undefined];

/** All 27 cases: what application, pipeline and request say, and what comes of it. */
const CASES: readonly (readonly [Wish, Wish, Wish, Verdict])[] = [
  [unset, unset, unset, here('nobody asked for a worker')],
  [unset, unset, yes, there('request asked for a worker')],
  [unset, yes, unset, there('pipeline asked for a worker')],
  [yes, unset, unset, there('app asked for a worker')],
  [unset, yes, yes, there('pipeline and request asked for a worker')],
  [yes, unset, yes, there('app and request asked for a worker')],
  [yes, yes, unset, there('app and pipeline asked for a worker')],
  [yes, yes, yes, there('app, pipeline and request asked for a worker')],
  [unset, unset, no, here('request said no to workers')],
  [unset, no, unset, here('pipeline said no to workers')],
  [no, unset, unset, here('app said no to workers')],
  [unset, no, no, here('pipeline and request said no to workers')],
  [no, unset, no, here('app and request said no to workers')],
  [no, no, unset, here('app and pipeline said no to workers')],
  [no, no, no, here('app, pipeline and request said no to workers')],
  [unset, yes, no, here('request said no to workers')],
  [yes, unset, no, here('request said no to workers')],
  [yes, yes, no, here('request said no to workers')],
  [unset, no, yes, here('pipeline said no to workers')],
  [yes, no, unset, here('pipeline said no to workers')],
  [yes, no, yes, here('pipeline said no to workers')],
  [no, unset, yes, here('app said no to workers')],
  [no, yes, unset, here('app said no to workers')],
  [no, yes, yes, here('app said no to workers')],
  [no, no, yes, here('app and pipeline said no to workers')],
  [no, yes, no, here('app and request said no to workers')],
  [yes, no, no, here('pipeline and request said no to workers')],
];

it('any explicit false: here; else any true: a worker; else here', () => {
  expect(new Set(CASES.map((wishes) => JSON.stringify(wishes.slice(0, 3).map(String)))).size).toBe(27);
  for (const [app, pipeline, request, verdict] of CASES) expect(whereToRun(app, pipeline, request)).toEqual(verdict);
});
