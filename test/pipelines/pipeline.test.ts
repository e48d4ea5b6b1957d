import { setTimeout as after } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { INPUT, OUTPUT, Pipeline, PipelineError, PipelineNode, type RunOptions } from '../../src/pipelines/index.ts';
import { rejection } from './world.ts';

const addOne = new PipelineNode({ op: (n: number) => n + 1, name: 'addOne', inputs: [INPUT], outputs: ['added'] });
const isOdd = new PipelineNode({ op: async (n: number) => n % 2 === 1, name: 'isOdd', inputs: ['added'], outputs: [OUTPUT] });

/** A promise that the test settles. */
function gate(): { readonly opened: Promise<void>; open(): void } {
  let open!: () => void;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

describe('a pipeline', () => {
  it('runs its nodes on each other’s results, sync or async, in whatever order they are listed', async () => {
    const pipeline = new Pipeline({ name: 'is_odd', nodes: [isOdd, addOne] });
    expect(await Promise.all([pipeline.run(4), pipeline.run(3)])).toEqual([true, false]);
  });

  it('runs side by side what does not wait for each other', async () => {
    const [left, right] = [gate(), gate()];
    const pipeline = new Pipeline({
      name: 'both',
      nodes: [
        // Each waits until the other has begun: one after the other would never end.
        new PipelineNode({ op: async () => (left.open(), await right.opened, 'l'), name: 'left', inputs: [], outputs: ['l'] }),
        new PipelineNode({ op: async () => (right.open(), await left.opened, 'r'), name: 'right', inputs: [], outputs: ['r'] }),
        new PipelineNode({ op: (l: string, r: string) => l + r, inputs: ['l', 'r'], outputs: [OUTPUT] }),
      ],
    });
    expect(await pipeline.run(undefined)).toBe('lr');
  });

  it('gives several outputs of one node to others, and undefined is a value', async () => {
    const pipeline = new Pipeline({
      name: 'split',
      nodes: [
        new PipelineNode({
          op: (text: string) => [text.length, undefined],
          name: 'split',
          inputs: [INPUT],
          outputs: ['length', 'nothing'],
        }),
        new PipelineNode({ op: (...all: unknown[]) => all.slice(0, -1), inputs: ['nothing', 'length', INPUT], outputs: [OUTPUT] }),
      ],
    });
    expect(await pipeline.run('abc')).toEqual([undefined, 3, 'abc']);
  });

  it('tells an operation where it is', async () => {
    const node = new PipelineNode({ op: (_: unknown, about: object) => ({ ...about }), name: 'look', inputs: [INPUT], outputs: [OUTPUT] });
    expect(await new Pipeline({ name: 'p', nodes: [node] }).run(1)).toEqual({
      pipeline: 'p',
      node: 'look',
      signal: expect.any(AbortSignal),
    });
  });

  it('nests as a node of another', async () => {
    const inner = new Pipeline({ name: 'is_odd', nodes: [addOne, isOdd] });
    const outer = new Pipeline({
      name: 'outer',
      nodes: [
        new PipelineNode({ op: (text: string) => Number(text), inputs: [INPUT], outputs: ['number'] }),
        new PipelineNode({ op: inner, inputs: ['number'], outputs: ['odd'] }),
        new PipelineNode({ op: (odd: boolean) => (odd ? 'odd' : 'even'), inputs: ['odd'], outputs: [OUTPUT] }),
      ],
    });
    expect(await outer.run('4')).toBe('odd');
  });

  it('can run many times at once', async () => {
    const slow = new PipelineNode({ op: async (n: number) => (await after(n % 3), n + 1), inputs: [INPUT], outputs: ['added'] });
    const pipeline = new Pipeline({ name: 'p', nodes: [slow, isOdd] });
    const results = await Promise.all(Array.from({ length: 50 }, (_, n) => pipeline.run(n)));
    expect(results).toEqual(Array.from({ length: 50 }, (_, n) => n % 2 === 0));
  });
});

describe('a failure', () => {
  const boom = new TypeError('boom');
  const failing = new PipelineNode({
    op: () => {
      throw boom;
    },
    name: 'fails',
    inputs: [INPUT],
    outputs: ['never'],
  });

  it('says which node, keeps what was thrown, and where', async () => {
    const last = new PipelineNode({ op: () => 1, name: 'last', inputs: ['never'], outputs: [OUTPUT] });
    const error = await rejection(new Pipeline({ name: 'p', nodes: [failing, last] }).run(1));
    expect(error).toBeInstanceOf(PipelineError);
    expect(error).toMatchObject({
      code: 'node-failed',
      message: "pipeline 'p', node 'fails': boom",
      pipeline: 'p',
      node: 'fails',
      cause: boom,
    });
    expect((error as Error).stack).toMatch(
      /^PipelineError: pipeline 'p', node 'fails': boom\n {2}caused by TypeError: boom\n +at .*pipeline\.test\.ts/,
    );
  });

  it('of a nested pipeline names the way to it, once', async () => {
    const inner = new Pipeline({
      name: 'inner',
      nodes: [failing, new PipelineNode({ op: () => 1, inputs: ['never'], outputs: [OUTPUT] })],
    });
    const outer = new Pipeline({ name: 'outer', nodes: [new PipelineNode({ op: inner, inputs: [INPUT], outputs: [OUTPUT] })] });
    expect(await rejection(outer.run(1))).toMatchObject({ message: "pipeline 'outer', node 'inner › fails': boom", cause: boom });
  });

  it('aborts the others, begins nothing more, surfaces once, and not before all has ended', async () => {
    const heard: unknown[] = [];
    const ended: string[] = [];
    const waits = new PipelineNode({
      op: (_: unknown, { signal }: { signal: AbortSignal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            heard.push(signal.reason);
            ended.push('waits');
            reject(new Error('another error'));
          });
        }),
      name: 'waits',
      inputs: [INPUT],
      outputs: ['b'],
    });
    const deaf = new PipelineNode({ op: async () => (await after(20), ended.push('deaf')), name: 'deaf', inputs: [], outputs: ['c'] });
    const next = new PipelineNode({ op: () => ended.push('next'), name: 'next', inputs: ['c'], outputs: ['d'] });
    const last = new PipelineNode({ op: () => 1, name: 'last', inputs: ['never', 'b', 'd'], outputs: [OUTPUT] });
    const error = await rejection(new Pipeline({ name: 'p', nodes: [waits, deaf, next, failing, last] }).run(1));
    expect(error).toMatchObject({ message: "pipeline 'p', node 'fails': boom" });
    expect(ended).toEqual(['waits', 'deaf']);
    expect(heard).toEqual([error]);
  });

  it('of a nested pipeline’s neighbour stops the nested one', async () => {
    const hangs = new PipelineNode({
      op: (_: unknown, { signal }: { signal: AbortSignal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason));
        }),
      inputs: [INPUT],
      outputs: [OUTPUT],
    });
    const inner = new Pipeline({ name: 'inner', nodes: [hangs] });
    const nodes = [
      new PipelineNode({ op: inner, inputs: [INPUT], outputs: ['a'] }),
      failing,
      new PipelineNode({ op: () => 1, inputs: ['a', 'never'], outputs: [OUTPUT] }),
    ];
    expect(await rejection(new Pipeline({ name: 'p', nodes }).run(1))).toMatchObject({ node: 'fails' });
  });

  it('is a node that gives too few results, or throws what is no error', async () => {
    const few = new PipelineNode({ op: () => [1], name: 'few', inputs: [], outputs: [OUTPUT, 'x'] });
    expect(await rejection(new Pipeline({ name: 'p', nodes: [few] }).run(1))).toMatchObject({
      message: "pipeline 'p', node 'few': expected an array of 2 results (OUTPUT, 'x'), got an array of 1",
    });
    const reason: unknown = 'text';
    const odd = new PipelineNode({ op: () => Promise.reject(reason), name: 'odd', inputs: [], outputs: [OUTPUT] });
    expect(await rejection(new Pipeline({ name: 'p', nodes: [odd] }).run(1))).toMatchObject({
      message: "pipeline 'p', node 'odd': text",
    });
  });

  it('is a node that throws what cannot be looked at', async () => {
    const no = (): never => {
      throw new Error('no');
    };
    const things: [unknown, string][] = [
      [Object.defineProperty(new Error('seen'), 'stack', { get: no }), 'threw something that cannot be looked at'],
      [Object.defineProperty(new Error('seen'), 'remoteStack', { get: no }), 'seen'],
      [Object.defineProperty(new Error('seen'), 'stack', { value: 5 }), 'seen'],
      [new Proxy({}, { get: no, getPrototypeOf: no }), 'threw something that cannot be looked at'],
      [Object.defineProperty(new PipelineError('node-failed', 'seen', { node: 'n' }), 'code', { get: no }), 'seen'],
      [Object.defineProperty(new PipelineError('node-failed', 'seen', { node: 'n' }), 'cause', { get: no }), 'seen'],
      [Object.assign(new PipelineError('node-failed', 'seen'), { node: Symbol('n') }), 'seen'],
    ];
    for (const [thing, text] of things) {
      const odd = new PipelineNode({ op: () => Promise.reject(thing), name: 'odd', inputs: [], outputs: [OUTPUT] });
      const message = `pipeline 'p', node 'odd': ${text}`;
      expect(await rejection(new Pipeline({ name: 'p', nodes: [odd] }).run(1))).toMatchObject({ message });
    }
  });

  it('is told apart where nodes have the same name', async () => {
    const nodes = [
      new PipelineNode({ op: (n: number) => n, name: 'step', inputs: [INPUT], outputs: ['x'] }),
      new PipelineNode({ op: () => Promise.reject(boom), name: 'step', inputs: ['x'], outputs: [OUTPUT] }),
    ];
    expect(await rejection(new Pipeline({ name: 'p', nodes }).run(1))).toMatchObject({ node: 'step #2' });
  });
});

describe('an aborted run', () => {
  it('rejects with the signal’s reason, and the nodes are told it', async () => {
    const controller = new AbortController();
    const heard: unknown[] = [];
    const node = new PipelineNode({
      op: (_: unknown, { signal }: { signal: AbortSignal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            heard.push(signal.reason);
            reject(new Error('because of that'));
          });
          controller.abort('enough');
        }),
      inputs: [INPUT],
      outputs: [OUTPUT],
    });
    expect(await rejection(new Pipeline({ name: 'p', nodes: [node] }).run(1, { signal: controller.signal }))).toBe('enough');
    expect(heard).toEqual(['enough']);
  });

  it('that was aborted before begins nothing', async () => {
    const node = new PipelineNode({ op: () => expect.unreachable('it ran'), inputs: [INPUT], outputs: [OUTPUT] });
    expect(await rejection(new Pipeline({ name: 'p', nodes: [node] }).run(1, { signal: AbortSignal.abort('no') }))).toBe('no');
  });
});

describe('a node that names a worker function', () => {
  const payloads: unknown[] = [];
  const call: RunOptions['call'] = async (name, payload) => {
    payloads.push([name, payload]);
    return name === 'echo' ? Buffer.from(payload) : Buffer.from('{"a":[1]}');
  };

  it.each([
    ['json', [INPUT], { n: 1 }, '{"n":1}', 'made', { a: [1] }],
    ['json', [INPUT, INPUT], 4, '[4,4]', 'made', { a: [1] }],
    ['json', [], 4, '[]', 'made', { a: [1] }],
    ['text', [INPUT], 'ä', 'ä', 'echo', 'ä'],
    ['bytes', [INPUT], Buffer.from([255, 0]), Buffer.from([255, 0]), 'echo', Buffer.from([255, 0])],
  ] as const)('calls it with %s of %j', async (format, inputs, input, payload, op, result) => {
    payloads.length = 0;
    const pipeline = new Pipeline({ name: 'p', nodes: [new PipelineNode({ op, inputs, outputs: [OUTPUT], format })] });
    expect(await pipeline.run(input, { call })).toEqual(result);
    expect(payloads).toEqual([[op, payload]]);
    expect(pipeline.workerFunctions).toEqual([op]);
  });

  it('fails without anybody to call, for a result that is no JSON, and for input that it cannot send', async () => {
    const node = (format: 'json' | 'text'): Pipeline<unknown> =>
      new Pipeline({ name: 'p', nodes: [new PipelineNode({ op: 'foo', inputs: [INPUT], outputs: [OUTPUT], format })] });
    const messages = await Promise.all(
      [
        node('json').run(1),
        node('json').run(1, { call: async () => Buffer.from('no json') }),
        node('json').run(1n, { call }),
        node('text').run(1, { call }),
      ].map(rejection),
    );
    expect(messages.map((error) => (error as Error).message)).toEqual([
      "pipeline 'p', node 'foo': 'foo' is a worker function, and there are no workers to call it",
      "pipeline 'p', node 'foo': the result of worker function 'foo': expected JSON, got \"no json\"",
      "pipeline 'p', node 'foo': its input: expected a value that JSON can say: Do not know how to serialize a BigInt",
      "pipeline 'p', node 'foo': its input: expected text or bytes (format 'text'), got 1",
    ]);
  });

  it('is called by a nested pipeline, too', async () => {
    const inner = new Pipeline({ name: 'inner', nodes: [new PipelineNode({ op: 'made', inputs: [INPUT], outputs: [OUTPUT] })] });
    const outer = new Pipeline({ name: 'outer', nodes: [new PipelineNode({ op: inner, inputs: [INPUT], outputs: [OUTPUT] })] });
    expect(await outer.run(1, { call })).toEqual({ a: [1] });
    expect(outer.workerFunctions).toEqual(['made']);
  });
});

describe('wrong arguments', () => {
  const node = { op: () => 1, inputs: [INPUT], outputs: [OUTPUT] };
  const inner = new Pipeline({ name: 'inner', nodes: [new PipelineNode(node)] });
  const make = (options: object) => () => new PipelineNode({ ...node, ...options });
  it.each([
    ['no operation', make({ op: 5 }), 'PipelineNode: op: expected a function, a pipeline or the name of a worker function, got 5'],
    ['an unknown option', make({ input: [] }), "PipelineNode: unknown option 'input'; known are op, inputs, outputs, name, format"],
    [
      'inputs that are no array',
      make({ name: 'n', inputs: INPUT }),
      `PipelineNode 'n': inputs: expected an array of names, got "${INPUT}"`,
    ],
    ['a name that is none', make({ name: 'n', outputs: [5] }), "PipelineNode 'n': outputs: expected a string, got 5"],
    ['no outputs', make({ name: 'n', outputs: [] }), "PipelineNode 'n': outputs: expected at least one name, got an empty array"],
    [
      'a format for a function',
      make({ name: 'n', format: 'text' }),
      "PipelineNode 'n': format 'text' is for worker functions of one input and one output",
    ],
    ['a format that is none', make({ name: 'n', format: 'xml' }), 'PipelineNode \'n\': format: expected json, text, bytes, got "xml"'],
    [
      'a pipeline with two inputs',
      make({ op: inner, inputs: [INPUT, INPUT] }),
      "PipelineNode 'inner': a pipeline as a node has one input and one output, got 2 and 1",
    ],
    [
      'a pipeline’s name',
      () => new Pipeline({ name: 'a b', nodes: [] }),
      "Pipeline: name: expected up to 100 letters, digits, '_' and '-', got \"a b\"",
    ],
    [
      'what is no node',
      () => new Pipeline({ name: 'p', nodes: [node as unknown as PipelineNode] }),
      "Pipeline 'p': nodes: expected a PipelineNode at 0, got an object of class Object",
    ],
    ['no nodes', () => new Pipeline({ name: 'p', nodes: [] }), "Pipeline 'p': no node gives OUTPUT"],
    [
      'useWorker',
      () => new Pipeline({ name: 'p', nodes: [], useWorker: 'yes' as unknown as boolean }),
      'Pipeline \'p\': useWorker: expected true or false, got "yes"',
    ],
  ] as const)('%s', (_what, act, message) => {
    expect(act).toThrow(message);
  });
});
