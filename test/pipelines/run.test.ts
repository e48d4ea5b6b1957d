import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Graph, graphOf, INPUT, OUTPUT } from '../../src/pipelines/graph.ts';
import { Run, type RunEvent, type RunInstruction } from '../../src/pipelines/run.ts';
import { arbitraryGraph } from './graphs.ts';

/** a and b side by side, then c. */
function forked(): Graph {
  return graphOf('p', [
    { label: 'a', inputs: [INPUT], outputs: ['a'] },
    { label: 'b', inputs: [INPUT], outputs: ['b'] },
    { label: 'c', inputs: ['a', 'b'], outputs: [OUTPUT] },
  ]);
}

function told(run: Run, ...events: readonly RunEvent[]): RunInstruction[][] {
  return events.map((event) => run.handle(event));
}

describe('a run', () => {
  it('begins what waits for nothing, then what has all it waits for, and is settled when all has ended', () => {
    const ends: RunEvent[] = [1, 0, 2].map((step) => ({ type: 'ended', step }));
    expect(told(new Run(forked()), { type: 'start' }, ...ends)).toEqual([
      [
        { type: 'run', step: 0 },
        { type: 'run', step: 1 },
      ],
      [],
      [{ type: 'run', step: 2 }],
      [{ type: 'settle', outcome: { type: 'done' } }],
    ]);
  });

  it('tells the others once when one fails, begins nothing more, and is settled when they have ended', () => {
    const run = new Run(forked());
    expect(told(run, { type: 'start' }, { type: 'failed', step: 1 }, { type: 'failed', step: 0 }).slice(1)).toEqual([
      [{ type: 'abort' }],
      [{ type: 'settle', outcome: { type: 'failed', step: 1 } }],
    ]);
    expect(run.handle({ type: 'aborted' })).toEqual([]);
  });

  it('begins nothing after a failure, though what was waited for has come', () => {
    const graph = graphOf('p', [
      { label: 'a', inputs: [], outputs: ['a'] },
      { label: 'b', inputs: [], outputs: ['b'] },
      { label: 'c', inputs: ['a'], outputs: [OUTPUT] },
    ]);
    expect(told(new Run(graph), { type: 'start' }, { type: 'failed', step: 1 }, { type: 'ended', step: 0 }).slice(1)).toEqual([
      [{ type: 'abort' }],
      [{ type: 'settle', outcome: { type: 'failed', step: 1 } }],
    ]);
  });

  it('that is aborted is settled when what runs has ended; before it has begun, at once', () => {
    expect(
      told(new Run(forked()), { type: 'start' }, { type: 'aborted' }, { type: 'failed', step: 0 }, { type: 'ended', step: 1 }).slice(1),
    ).toEqual([[{ type: 'abort' }], [], [{ type: 'settle', outcome: { type: 'aborted' } }]]);
    expect(told(new Run(forked()), { type: 'aborted' })).toEqual([[{ type: 'abort' }, { type: 'settle', outcome: { type: 'aborted' } }]]);
  });

  it('throws for what cannot be, and its state is untouched', () => {
    const run = new Run(forked());
    expect(() => run.handle({ type: 'ended', step: 0 })).toThrow("a run that is new was told 'ended'");
    run.handle({ type: 'start' });
    expect(() => run.handle({ type: 'start' })).toThrow("a run that is running was told 'start'");
    expect(() => run.handle({ type: 'failed', step: 2 })).toThrow("step 2 was told 'failed', but it does not run");
    expect(run.phase).toBe('running');
    expect(run.handle({ type: 'ended', step: 0 })).toEqual([]);
  });
});

/** Which steps could run by now, found by looking at all of them: not begun, and all that they read is there. */
function simplyReady(graph: Graph, begun: ReadonlySet<number>, ended: ReadonlySet<number>): number[] {
  const known = new Set([INPUT, ...[...ended].flatMap((step) => graph.steps[step]?.outputs ?? [])]);
  return [...graph.steps.keys()].filter((step) => !begun.has(step) && graph.steps[step]?.inputs.every((name) => known.has(name)));
}

it('at random, runs exactly what is ready, each once, and ends as the first failure says', () => {
  const property = fc.property(
    arbitraryGraph({ cycles: false }),
    fc.infiniteStream(fc.nat()),
    fc.option(fc.nat()),
    (steps, picks, failing) => {
      const graph = graphOf('p', steps);
      const fails = failing === null ? undefined : failing % steps.length;
      const run = new Run(graph);
      const [begun, ended, running] = [new Set<number>(), new Set<number>(), new Set<number>()];
      let failed = false;
      const take = (instructions: readonly RunInstruction[]): RunInstruction | undefined => {
        const begins = instructions.flatMap((instruction) => (instruction.type === 'run' ? [instruction.step] : []));
        expect(begins.toSorted((a, b) => a - b)).toEqual(failed ? [] : simplyReady(graph, begun, ended));
        for (const step of begins) {
          begun.add(step);
          running.add(step);
        }
        return instructions.find(({ type }) => type === 'settle');
      };
      let settled = take(run.handle({ type: 'start' }));
      while (settled === undefined) {
        const step = [...running][(picks.next().value as number) % running.size] as number;
        running.delete(step);
        failed ||= step === fails;
        if (step !== fails) ended.add(step);
        settled = take(run.handle({ type: step === fails ? 'failed' : 'ended', step }));
      }
      expect(running.size).toBe(0);
      expect(settled).toEqual({ type: 'settle', outcome: fails === undefined ? { type: 'done' } : { type: 'failed', step: fails } });
      expect(ended.size === steps.length).toBe(fails === undefined);
    },
  );
  fc.assert(property);
});
