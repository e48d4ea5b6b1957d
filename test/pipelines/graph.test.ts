import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Graph, graphOf, INPUT, OUTPUT, type Step } from '../../src/pipelines/graph.ts';
import { arbitraryGraph, type Steps } from './graphs.ts';

function step(label: string, inputs: readonly string[], outputs: readonly string[]): Step {
  return { label, inputs, outputs };
}

describe('a graph that is wrong is refused with the names', () => {
  const cases: readonly (readonly [string, readonly Step[], string])[] = [
    ['no node', [], 'no node gives OUTPUT'],
    ['no output', [step('a', [INPUT], ['x'])], 'no node gives OUTPUT'],
    [
      'a name that nobody gives',
      [step('a', [INPUT], ['x']), step('b', ['y'], [OUTPUT])],
      "node 'b' reads 'y', which no node gives; there is INPUT, 'x'",
    ],
    [
      'a name that is given twice',
      [step('a', [INPUT], ['x']), step('b', [INPUT], ['x']), step('c', ['x'], [OUTPUT])],
      "'x' is given twice, by node 'a' and by node 'b'",
    ],
    ['a name that one node gives twice', [step('a', [INPUT], ['x', 'x'])], "'x' is given twice, by node 'a' and by node 'a'"],
    ['two outputs', [step('a', [INPUT], [OUTPUT]), step('b', [INPUT], [OUTPUT])], "OUTPUT is given twice, by node 'a' and by node 'b'"],
    ['one that gives INPUT', [step('a', [], [INPUT])], "node 'a' gives INPUT, which is what the pipeline is given"],
    [
      'one that reads OUTPUT',
      [step('a', [INPUT], [OUTPUT]), step('b', [OUTPUT], ['x'])],
      "node 'b' reads OUTPUT; give what it needs another name besides",
    ],
    ['one that reads itself', [step('a', ['x'], ['x', OUTPUT])], "a cycle: 'a' gives 'x' to 'a'"],
    [
      'a cycle behind other nodes, with a node behind it',
      [
        step('after', ['z'], [OUTPUT]),
        step('first', [INPUT], ['x']),
        step('b', ['x', 'c'], ['z', 'b']),
        step('c', ['d'], ['c']),
        step('d', ['b'], ['d']),
      ],
      "a cycle: 'b' gives 'b' to 'd', 'd' gives 'd' to 'c', 'c' gives 'c' to 'b'",
    ],
  ];
  it.each(cases)('%s', (_what, steps, message) => {
    expect(() => graphOf("Pipeline 'p'", steps)).toThrow(new RangeError(`Pipeline 'p': ${message}`));
  });
});

it('a node waits once for another that gives it several values', () => {
  const graph = graphOf('p', [step('a', [INPUT], ['x', 'y']), step('b', ['x', 'y', 'x', INPUT], [OUTPUT])]);
  expect(graph.waits).toEqual([0, 1]);
  expect(graph.readers).toEqual([[1], []]);
});

/** Who waits for whom, found by looking at each pair. */
function simpleWaits(steps: Steps): number[] {
  return steps.map(({ inputs }) => steps.filter(({ outputs }) => inputs.some((name) => outputs.includes(name))).length);
}

/** Whether every step comes to run, found by trying each again and again. */
function simplyEnds(steps: Steps): boolean {
  const known = new Set([INPUT]);
  for (let round = 0; round < steps.length; round += 1) {
    for (const { inputs, outputs } of steps) if (inputs.every((name) => known.has(name))) for (const name of outputs) known.add(name);
  }
  return steps.every(({ outputs }) => outputs.every((name) => known.has(name)));
}

describe('of graphs at random', () => {
  it('those without a cycle are accepted, with the edges that looking at each pair finds', () => {
    fc.assert(
      fc.property(arbitraryGraph({ cycles: false }), (steps) => {
        const graph: Graph = graphOf('p', steps);
        expect(graph.waits).toEqual(simpleWaits(steps));
        expect(graph.readers.flat().length).toBe(graph.waits.reduce((sum, count) => sum + count, 0));
      }),
    );
  });

  it('exactly those are refused for a cycle that do not end, and the cycle is one', () => {
    fc.assert(
      fc.property(arbitraryGraph({ cycles: true }), (steps) => {
        const message = messageOf(() => graphOf('p', steps));
        expect(message === '').toBe(simplyEnds(steps));
        const edges = [...message.matchAll(/'(\w+)' gives '(\w+)' to '(\w+)'/g)].map(([, giver, name, reader]) => ({
          giver,
          name,
          reader,
        }));
        expect(edges.length > 0).toBe(message !== '');
        for (const [index, { giver, name, reader }] of edges.entries()) {
          expect(steps.find(({ label }) => label === giver)?.outputs).toContain(name);
          expect(steps.find(({ label }) => label === reader)?.inputs).toContain(name);
          expect(edges[(index + 1) % edges.length]?.giver).toBe(reader);
        }
      }),
    );
  });
});

function messageOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    return (error as Error).message;
  }
  return '';
}
