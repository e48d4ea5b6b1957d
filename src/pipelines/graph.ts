/**
 * The graph of a pipeline: which node reads what which other gives. Pure.
 *
 * Laws of a graph that was accepted: every name that is read is INPUT or given by exactly one node; exactly one node gives OUTPUT, which
 * nobody reads; there is no cycle, so that each node comes to run.
 */

/** The name of the pipeline's input. */
export const INPUT = '__pipeline_input__';
/** The name of the pipeline's output. */
export const OUTPUT = '__pipeline_output__';

/** A node as the graph sees it. */
export interface Step {
  /** What messages call it; unique in its pipeline. */
  readonly label: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

/** A graph that was accepted. Steps are named by their index. */
export interface Graph {
  readonly steps: readonly Step[];
  /** Of each step: the steps that read something of it, each once, in the order of the pipeline. */
  readonly readers: readonly (readonly number[])[];
  /** Of each step: on how many other steps it waits. */
  readonly waits: readonly number[];
}

/**
 * Checks a graph.
 * @param what how messages begin, as `Pipeline 'is_odd'`
 * @throws RangeError that says what is wrong, with the names
 */
export function graphOf(what: string, steps: readonly Step[]): Graph {
  const givers = giversOf(what, steps);
  const needs = steps.map((step) => needsOf(what, step, givers));
  if (!givers.has(OUTPUT)) throw new RangeError(`${what}: no node gives OUTPUT`);
  const readers = steps.map((_, giver) => [...steps.keys()].filter((reader) => needs[reader]?.has(giver)));
  const graph = { steps, readers, waits: needs.map(({ size }) => size) };
  const stuck = stuckIn(graph);
  if (stuck.size > 0) throw new RangeError(`${what}: a cycle: ${cycleAmong(stuck, steps, needs)}`);
  return graph;
}

/** Which step gives a name. */
function giversOf(what: string, steps: readonly Step[]): Map<string, number> {
  const givers = new Map<string, number>();
  for (const [index, { label, outputs }] of steps.entries()) {
    for (const name of outputs) {
      if (name === INPUT) throw new RangeError(`${what}: node '${label}' gives INPUT, which is what the pipeline is given`);
      const other = givers.get(name);
      if (other !== undefined)
        throw new RangeError(`${what}: ${shownName(name)} is given twice, by node '${steps[other]?.label}' and by node '${label}'`);
      givers.set(name, index);
    }
  }
  return givers;
}

/** The steps that a step waits for. */
function needsOf(what: string, { label, inputs }: Step, givers: ReadonlyMap<string, number>): Set<number> {
  const needs = new Set<number>();
  for (const name of inputs) {
    if (name === INPUT) continue;
    if (name === OUTPUT) throw new RangeError(`${what}: node '${label}' reads OUTPUT; give what it needs another name besides`);
    const giver = givers.get(name);
    if (giver === undefined) {
      const known = ['INPUT', ...[...givers.keys()].filter((given) => given !== OUTPUT).map((given) => shownName(given))];
      throw new RangeError(`${what}: node '${label}' reads ${shownName(name)}, which no node gives; there is ${known.join(', ')}`);
    }
    needs.add(giver);
  }
  return needs;
}

/** What never comes to run: the steps of cycles, and those behind them. */
function stuckIn({ steps, readers, waits }: Graph): Set<number> {
  const left = Array.from(waits);
  const stuck = new Set(steps.keys());
  const ready = [...steps.keys()].filter((step) => waits[step] === 0);
  for (let step = ready.pop(); step !== undefined; step = ready.pop()) {
    stuck.delete(step);
    for (const reader of readers[step] as readonly number[]) {
      left[reader] = (left[reader] as number) - 1;
      if (left[reader] === 0) ready.push(reader);
    }
  }
  return stuck;
}

/** One cycle in words. Whoever is stuck waits for another that is, so the way back never ends: it comes to where it has been. */
function cycleAmong(stuck: ReadonlySet<number>, steps: readonly Step[], needs: readonly ReadonlySet<number>[]): string {
  const way: number[] = [];
  let at = Math.min(...stuck);
  while (!way.includes(at)) {
    way.push(at);
    at = [...(needs[at] as ReadonlySet<number>)].find((need) => stuck.has(need)) as number;
  }
  const cycle = [at, ...way.slice(way.indexOf(at) + 1).toReversed(), at].map((step) => steps[step] as Step);
  return cycle
    .slice(1)
    .map((reader, index) => {
      const giver = cycle[index] as Step;
      const name = reader.inputs.find((input) => giver.outputs.includes(input)) as string;
      return `'${giver.label}' gives ${shownName(name)} to '${reader.label}'`;
    })
    .join(', ');
}

function shownName(name: string): string {
  return name === OUTPUT ? 'OUTPUT' : name === INPUT ? 'INPUT' : `'${name}'`;
}
