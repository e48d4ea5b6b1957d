/** Parts that wait: each stream has a queue for each shape, and a shape serves its queues in turn. */
import { Deque } from '../machine/deque.ts';
import type { Queue, ShapeBook, Stream, WorkerBook } from './books.ts';
import type { Core } from './core.ts';
import { mayPlace, reserve } from './credit.ts';
import { MOVE, PART } from './parts.ts';
import { NOTICE_AFTER_MS } from '../protocol/limits.ts';
import { endPart } from './settling.ts';
import { runsAlone } from './suspicion.ts';

/** Peers of an earlier master have so many times the grace of a worker to come back. */
const REUNION = 10;

/** Puts a part in its queue; `again`: it was placed before, and goes first. */
export function enqueue(core: Core, row: number, again = false): void {
  const { parts } = core;
  const shape = core.shapes[parts.shape[row] as number] as ShapeBook;
  const key = parts.key[row] as number;
  if (!again) parts.lostBefore[row] = core.lostWorkers;
  if (!expect(core, shape, 1)) return failAtOnce(core, shape, row);
  const solo = runsAlone(core, row);
  parts.solo[row] = solo ? 1 : 0;
  if (solo) return shape.solo.push(key);
  const queue = queueOf(core.streams.get(parts.stream[row] as number) as Stream, shape);
  if (again) queue.rows.unshift(key);
  else queue.rows.push(key);
  list(core, queue);
}

/** Puts new parts of one stream and shape in their queue. */
export function enqueueAll(core: Core, stream: Stream, shape: ShapeBook, rows: readonly number[]): void {
  if (rows.length === 0) return;
  for (const row of rows) core.parts.lostBefore[row] = core.lostWorkers;
  if (!expect(core, shape, rows.length)) {
    for (const row of rows) failAtOnce(core, shape, row);
    return;
  }
  const queue = queueOf(stream, shape);
  for (const row of rows) queue.rows.push(core.parts.key[row] as number);
  list(core, queue);
}

/** So many more parts of a shape wait. Returns false if that is in vain: it makes no sense, or nobody serves it, nor ever will. */
function expect(core: Core, shape: ShapeBook, count: number): boolean {
  shape.waiting += count;
  core.active.add(shape);
  if (shape.refusal !== undefined || (!shape.served && isSettled(core))) return false;
  if (core.policy.serving(shape.function) === 0) core.timers.ensure('waiting', core.now + NOTICE_AFTER_MS);
  return true;
}

function queueOf(stream: Stream, shape: ShapeBook): Queue {
  let queue = stream.queues.get(shape.id);
  if (queue === undefined) stream.queues.set(shape.id, (queue = { stream, shape, rows: new Deque(), listed: false }));
  return queue;
}

/**
 * Whether a function that nobody has served in this epoch is unknown: when an epoch begins, who serves it may still be on the way. Where
 * peers come from an earlier master, its workers may take as long as they need to dial again, and some may have been cut off.
 */
function isSettled(core: Core): boolean {
  const { workerGraceMs } = core.config;
  const settledAtMs = core.bornMs + (core.reunites ? REUNION * workerGraceMs : workerGraceMs);
  if (core.now < settledAtMs) core.timers.set('settled', settledAtMs);
  return core.now >= settledAtMs && core.workers.size > 0;
}

/** Fails what waits for functions that are unknown. */
export function failUnserved(core: Core): void {
  for (const shape of core.active) {
    if (shape.served || shape.waiting === 0) continue;
    if (!isSettled(core)) return;
    for (const stream of core.streams.values()) {
      for (const row of queuedRows(core, stream, shape)) failUnknown(core, shape, row);
    }
  }
}

/** A part that nobody serves fails; the error names what is served. */
function failUnknown(core: Core, shape: ShapeBook, row: number): void {
  const served = new Set([...core.workers.values()].flatMap((worker) => worker.functions));
  const names = [...served].sort().join(', ');
  const message = `no worker has a function '${shape.function}'; there are: ${names}`;
  const stream = core.streams.get(core.parts.stream[row] as number) as Stream;
  fail(core, stream, row, core.error({ code: 'unknown-function', message, function: shape.function }), 0, undefined);
}

/** What was waited for is served now; what is not, never will be by those present. */
export function serve(core: Core, functions: readonly string[]): void {
  for (const name of functions) core.served.add(name);
  for (const shape of core.shapeIds.values()) {
    if (!functions.includes(shape.function)) continue;
    shape.served = true;
    shape.warned = false;
  }
  failUnserved(core);
}

/** Takes the rows of all parts of a shape that wait out of their queue of a stream. */
function queuedRows(core: Core, stream: Stream, shape: ShapeBook): number[] {
  const rows: number[] = [];
  const queue = stream.queues.get(shape.id);
  for (let key = queue?.rows.shift(); key !== undefined; key = queue?.rows.shift()) {
    const row = core.parts.find(key);
    if (row >= 0 && core.parts.state[row] === PART.queued) rows.push(row);
  }
  return rows;
}

/** Fails the parts of a shape that were not to wait for a worker that could ever run them. */
export function failHasty(core: Core, shape: ShapeBook, reason: string): void {
  for (const stream of core.streams.values()) {
    for (const row of queuedRows(core, stream, shape)) failUnsatisfiable(core, stream, shape, row, reason);
  }
}

/** A part that waits in vain: what it asks for makes no sense here, or nobody serves it. */
function failAtOnce(core: Core, shape: ShapeBook, row: number): void {
  if (shape.refusal === undefined) return failUnknown(core, shape, row);
  const stream = core.streams.get(core.parts.stream[row] as number) as Stream;
  failUnsatisfiable(core, stream, shape, row, shape.refusal);
}

/** What the part asks for makes no sense here, or nobody can give it. */
function failUnsatisfiable(core: Core, stream: Stream, shape: ShapeBook, row: number, reason: string): void {
  const about = { function: shape.function, message: `${shape.function}: ${reason}` };
  fail(core, stream, row, core.error({ code: 'unsatisfiable', ...about }), 0, undefined);
}

/** Ends a part with an error (a slot), and tells who listens. `by`: the worker that said so. */
export function fail(core: Core, stream: Stream, row: number, error: number, bytes: number, by: WorkerBook | undefined): void {
  core.out.push({ type: 'news', name: 'jobFailed', what: { stream: stream.id, job: core.parts.job[row] as number, error } });
  endPart(core, stream, row, error, bytes, by);
}

/** Lists a queue as ready if it has parts and credit for one. */
function list(core: Core, queue: Queue): void {
  if (queue.listed || queue.rows.size === 0) return;
  const row = first(core, queue);
  if (row < 0 || !mayPlace(core, queue.stream, row)) return;
  queue.listed = true;
  // Children go first: a part that waits for them lends its slot, and is done the sooner.
  if (queue.stream.session.worker === undefined) queue.shape.ready.push(queue);
  else queue.shape.ready.unshift(queue);
}

/** Lists what became ready since the stream's credit changed. */
export function relist(core: Core, stream: Stream): void {
  for (const queue of stream.queues.values()) list(core, queue);
}

/**
 * The row of the first part that still waits, or -1; what was cancelled meanwhile is passed over. In an ordered stream the oldest part
 * comes first wherever it stands (workers give parts back in any order): nothing else may move before it.
 */
function first(core: Core, queue: Queue): number {
  const { head } = queue.stream.parts;
  if (queue.stream.ordered && head >= 0 && waitsIn(core, queue, head)) return head;
  for (;;) {
    const key = queue.rows.peek();
    if (key === undefined) return -1;
    const row = core.parts.find(key);
    if (row >= 0 && waitsIn(core, queue, row)) return row;
    queue.rows.shift();
  }
}

/** Whether a part waits here. Its key may still stand here from before, while it waits out a delay, or for a worker of its own. */
function waitsIn({ parts, delayed }: Core, queue: Queue, row: number): boolean {
  if (parts.state[row] !== PART.queued || parts.shape[row] !== queue.shape.id || parts.solo[row] === 1) return false;
  return delayed.size === 0 || !delayed.has(parts.key[row] as number);
}

/**
 * Takes up to `count` parts of a shape, from one queue; the next call goes on with the next. Their first results are reserved.
 * @returns rows, moved already: the caller says at once who gets them.
 */
export function take(core: Core, shape: ShapeBook, count: number, move: number = MOVE.place): number[] {
  let rows: number[] = [];
  while (rows.length === 0) {
    const queue = shape.ready.shift();
    if (queue === undefined) return rows;
    queue.listed = false;
    const { stream } = queue;
    for (let row = first(core, queue); row >= 0 && rows.length < count && mayPlace(core, stream, row); row = first(core, queue)) {
      if (queue.rows.peek() === core.parts.key[row]) queue.rows.shift();
      shape.waiting -= 1;
      reserve(core, stream, row);
      if (rows.length === 0) rows = [row];
      else rows.push(row);
      core.parts.attempt[row] = (core.parts.attempt[row] as number) + 1;
      core.parts.move(row, move);
    }
    list(core, queue);
  }
  return rows;
}
