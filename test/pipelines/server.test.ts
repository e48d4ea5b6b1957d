/** The server over real HTTP: what it answers, and what it refuses. */
import { describe, expect, it } from 'vitest';
import { INPUT, OUTPUT, Pipeline, PipelineNode, PipelinesServer } from '../../src/pipelines/index.ts';
import { MasterPool } from '../../src/pools/master_pool.ts';
import { MemoryNetwork } from '../../src/transport/memory.ts';
import { ask, echo, fails, type Got, Held, isOdd, post, rejection, startWorld } from './world.ts';

describe('a server answers', () => {
  it('a call with the value, and why it ran where it ran', async () => {
    await using world = await startWorld();
    const answer = { status: 200, body: { status: 'done', value: false, why: 'nobody asked for a worker' } };
    expect(await post(`${world.url}/pipelines/is_odd/main`, { input: 3 })).toEqual(answer);
    expect(await post(`${world.url}/pipelines/is_odd/main`, { input: 4, useWorker: null })).toMatchObject({ body: { value: true } });
    const none = await post(`${world.url}/pipelines/is_odd/main`, { input: 4, useWorker: false });
    expect(none).toMatchObject({ body: { value: true, why: 'request said no to workers' } });
  });

  it.each([null, 0, '', 'ümläut\u0000', [], {}, { a: [1, { b: null }] }, true])('%j with the same', async (value) => {
    await using world = await startWorld();
    expect(await post(`${world.url}/pipelines/echo/main`, { input: value })).toMatchObject({ status: 200, body: { value } });
  });

  it('a call that fails with what was thrown', async () => {
    await using world = await startWorld();
    const { status, body } = await post(`${world.url}/pipelines/fails/main`, { input: 'boom' });
    expect(status).toBe(500);
    expect(body).toEqual({
      status: 'failed',
      error: {
        code: 'node-failed',
        message: "pipeline 'fails', node 'thrower': boom",
        stack: expect.stringMatching(/caused by RangeError: boom\n +at .*world\.ts/),
        attempts: 1,
      },
      why: 'nobody asked for a worker',
    });
  });

  it('that an output is no JSON', async () => {
    const big = new Pipeline({ name: 'big', nodes: [new PipelineNode({ op: () => 1n, inputs: [], outputs: [OUTPUT] })] });
    const fn = new Pipeline({ name: 'fn', nodes: [new PipelineNode({ op: () => () => 1, inputs: [], outputs: [OUTPUT] })] });
    const none = new Pipeline({ name: 'none', nodes: [new PipelineNode({ op: () => undefined, inputs: [], outputs: [OUTPUT] })] });
    await using world = await startWorld({ pipelines: [big, fn, none] });
    expect(await post(`${world.url}/pipelines/big/main`, {})).toMatchObject({
      status: 500,
      body: {
        status: 'failed',
        error: { message: "pipeline 'big': its output: expected a value that JSON can say: Do not know how to serialize a BigInt" },
      },
    });
    expect(await post(`${world.url}/pipelines/fn/main`, {})).toMatchObject({
      body: { error: { message: "pipeline 'fn': its output: expected a value that JSON can say, got function (anonymous)" } },
    });
    expect(await post(`${world.url}/pipelines/none/main`, {})).toMatchObject({ status: 200, body: { value: null } });
  });

  it('what pipelines there are, and that it is well', async () => {
    await using world = await startWorld({
      withPool: true,
      pipelines: [
        isOdd,
        new Pipeline({ name: 'w', useWorker: true, nodes: [new PipelineNode({ op: 'foo', inputs: [INPUT], outputs: [OUTPUT] })] }),
      ],
    });
    const get = (path: string): Promise<Got> => ask(world.url + path, 'GET');
    const pipelines = [
      { name: 'is_odd', useWorker: null },
      { name: 'w', useWorker: true },
    ];
    expect(await get('/available_pipelines')).toEqual({ status: 200, body: { pipelines } });
    expect(await get('/health_check')).toEqual({ status: 200, body: { status: 'ok', workers: 0 } });
    await world.worker([isOdd]);
    expect(await get('/pipelines/is_odd/health_check')).toEqual({ status: 200, body: { status: 'ok', pipeline: 'is_odd', workers: 1 } });
    expect(await get('/pipelines/nope/health_check')).toMatchObject({ status: 404, body: { error: { code: 'unknown-pipeline' } } });
  });

  it('that its pool does not answer', async () => {
    // A pool of a master that is not there.
    await using pool = new MasterPool({ address: 'memory://nobody', transport: new MemoryNetwork().transport(), logger: false });
    await using server = new PipelinesServer({ pipelines: [isOdd], pool, poolTimeoutMs: 30, logger: false });
    await server.start();
    const refusal = { status: 503, body: { error: { code: 'unavailable', message: 'the pool of workers: no answer within 30 ms' } } };
    expect(await ask(`${server.url}/health_check`, 'GET')).toEqual(refusal);
    expect(await post(`${server.url}/pipelines/is_odd/main`, { input: 4, useWorker: true })).toEqual(refusal);
    expect(await post(`${server.url}/pipelines/is_odd/main`, { input: 4 })).toMatchObject({ status: 200 });
  });
});

describe('a server refuses', () => {
  const main = '/pipelines/is_odd/main';
  const json = { 'content-type': 'application/json' };
  it.each([
    ['malformed JSON', 'POST', main, '{"input":', json, 400, 'bad-request', /^bad request: .*JSON/],
    ['an empty body', 'POST', main, '', json, 400, 'bad-request', /^bad request: .*[Bb]ody/],
    ['no body', 'POST', main, undefined, {}, 400, 'bad-request', /^bad request: expected a JSON object with input, useWorker, got no body/],
    ['an array', 'POST', main, '[4]', json, 400, 'bad-request', /expected a JSON object with input, useWorker, got an array of 1/],
    ['a bare value', 'POST', main, '4', json, 400, 'bad-request', /expected a JSON object with input, useWorker, got 4/],
    ['an unknown field', 'POST', main, '{"inptu":4}', json, 400, 'bad-request', /unknown field "inptu"; known are input, useWorker/],
    ['a prototype', 'POST', main, '{"input":1,"__proto__":{"x":1}}', json, 400, 'bad-request', /^bad request: /],
    [
      'a wish that is none',
      'POST',
      main,
      '{"useWorker":"yes"}',
      json,
      400,
      'bad-request',
      /useWorker: expected true, false or null, got "yes"/,
    ],
    [
      'another content type',
      'POST',
      main,
      '{"input":4}',
      { 'content-type': 'text/plain' },
      415,
      'bad-request',
      /^bad request: its content type: expected application\/json$/,
    ],
    ['a form', 'POST', main, 'input=4', { 'content-type': 'application/x-www-form-urlencoded' }, 415, 'bad-request', /^bad request: /],
    ['too large a body', 'POST', main, `{"input":"${'x'.repeat(1_000)}"}`, json, 413, 'bad-request', /^bad request: .*too large/],
    [
      'an unknown pipeline',
      'POST',
      '/pipelines/nope/main',
      '{}',
      json,
      404,
      'unknown-pipeline',
      /^there is no pipeline "nope"; there is is_odd, echo, fails$/,
    ],
    ['a name of Object', 'POST', '/pipelines/__proto__/main', '{}', json, 404, 'unknown-pipeline', /^there is no pipeline "__proto__"/],
    ['an odd name', 'POST', '/pipelines/%2e%2e%2fx/main', '{}', json, 404, 'unknown-pipeline', /^there is no pipeline "..\/x"/],
    ['a bad escape', 'POST', '/pipelines/%zz/main', '{}', json, 400, 'bad-request', /^bad request: /],
    ['another path', 'GET', '/pipelines', undefined, {}, 404, 'bad-request', /^bad request: there is nothing at "\/pipelines"$/],
    [
      'another method',
      'GET',
      main,
      undefined,
      {},
      405,
      'bad-request',
      /^bad request: GET is not for "\/pipelines\/is_odd\/main"; use POST$/,
    ],
    ['another method with a body', 'PUT', main, 'x', {}, 405, 'bad-request', /PUT is not for .*; use POST$/],
    ['a post where there is a get', 'POST', '/health_check', '{}', json, 405, 'bad-request', /POST is not for "\/health_check"; use GET$/],
    [
      'a job without an id',
      'POST',
      '/jobs/fetch',
      '{"pipeline":"is_odd"}',
      json,
      400,
      'bad-request',
      /jobId: expected a string, got undefined/,
    ],
    [
      'a job without a pipeline',
      'POST',
      '/jobs/fetch',
      '{"jobId":"x"}',
      json,
      400,
      'bad-request',
      /pipeline: expected the name of a pipeline, got undefined/,
    ],
    [
      'too long a wait',
      'POST',
      '/jobs/fetch',
      '{"jobId":"x","pipeline":"is_odd","waitMs":60001}',
      json,
      400,
      'bad-request',
      /waitMs: expected milliseconds from 0 to 60000, got 60001/,
    ],
    [
      'a wait that is none',
      'POST',
      '/jobs/fetch',
      '{"jobId":"x","pipeline":"is_odd","waitMs":"5"}',
      json,
      400,
      'bad-request',
      /waitMs: .*got "5"/,
    ],
    [
      'a job without a pool',
      'POST',
      '/jobs/fetch',
      '{"jobId":"x","pipeline":"is_odd"}',
      json,
      409,
      'no-pool',
      /^job 'x': the server has no pool of workers$/,
    ],
    [
      'a call for a worker without a pool',
      'POST',
      main,
      '{"input":4,"useWorker":true}',
      json,
      409,
      'no-pool',
      /^pipeline 'is_odd': request asked for a worker, but the server has no pool of workers$/,
    ],
  ] as const)('%s', async (_what, method, path, body, headers, status, code, message) => {
    await using world = await startWorld({ maxBodyBytes: 500 });
    const got = await ask(world.url + path, method, body, headers);
    expect(got).toEqual({ status, body: { error: { code, message: expect.stringMatching(message) } } });
    // And nothing else is disturbed.
    expect(await post(world.url + main, { input: 4 })).toMatchObject({ status: 200, body: { value: true } });
  });

  it('a wrong method with the right one', async () => {
    await using world = await startWorld();
    const response = await fetch(world.url + main);
    expect(response.headers.get('allow')).toBe('POST');
  });

  it.each([
    ['what is no HTTP', 'hello\r\n\r\n', /^HTTP\/1\.1 400 Bad Request\r\n/, 'bad request: it is no HTTP'],
    ['a binary greeting', '\u0016\u0003\u0001', /^HTTP\/1\.1 400 Bad Request\r\n/, 'bad request: it is no HTTP'],
    [
      'headers without end',
      `GET / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`,
      /^HTTP\/1\.1 431 /,
      'bad request: its headers are too large',
    ],
    [
      'a length that is none',
      `POST ${main} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: -1\r\n\r\n{}`,
      /^HTTP\/1\.1 400 /,
      'bad request: it is no HTTP',
    ],
    [
      'two lengths',
      `POST ${main} HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n{}`,
      /^HTTP\/1\.1 400 /,
      'bad request: it is no HTTP',
    ],
  ])('%s', async (_what, text, head, message) => {
    await using world = await startWorld();
    const answer = await world.raw(text);
    expect(answer).toMatch(head);
    const body = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n'))) as unknown;
    expect(body).toEqual({ error: { code: 'bad-request', message } });
    expect(await post(world.url + main, { input: 4 })).toMatchObject({ status: 200 });
  });

  it('a body that is chunked and too large, and a request that never ends', async () => {
    await using world = await startWorld({ maxBodyBytes: 100, requestTimeoutMs: 200 });
    const head = `POST ${main} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nconnection: close\r\n`;
    const large = await world.raw(`${head}transfer-encoding: chunked\r\n\r\nc8\r\n"${'x'.repeat(199)}\r\n0\r\n\r\n`);
    expect(large).toMatch(/^HTTP\/1\.1 413 /);
    expect(await world.raw(`${head}content-length: 50\r\n\r\n{`)).toMatch(/^HTTP\/1\.1 408 .*it took too long to come/s);
  });

  it('more than it may have at a time', async () => {
    const held = new Held();
    await using world = await startWorld({ pipelines: [held.pipeline], maxConnections: 1 });
    const line = `GET /available_pipelines HTTP/1.1\r\nhost: x\r\n\r\n`;
    const body = '{"input":1}';
    const call = `POST /pipelines/held/main HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
    const answer = world.raw(call + line.replace('\r\n\r\n', '\r\nconnection: close\r\n\r\n'));
    await held.until(() => held.count === 1);
    // A second connection is not taken at all.
    expect(await rejection(fetch(`${world.url}/health_check`))).toBeInstanceOf(TypeError);
    held.end('x');
    expect(await answer).toMatch(/^HTTP\/1\.1 200 .*"value":"x".*HTTP\/1\.1 503 .*1 requests are under way; try again later/s);
  });
});

describe('wrong options', () => {
  const named = new Pipeline({ name: 'named', nodes: [new PipelineNode({ op: 'foo', inputs: [INPUT], outputs: [OUTPUT] })] });
  it.each([
    ['no array', { pipelines: isOdd }, 'PipelinesServer: pipelines: expected an array of Pipeline, got an object of class Pipeline'],
    ['what is no pipeline', { pipelines: ['is_odd'] }, 'PipelinesServer: pipelines: expected a Pipeline, got "is_odd"'],
    ['a name twice', { pipelines: [echo, fails, echo] }, "PipelinesServer: pipelines: two are called 'echo'"],
    ['a pool that is none', { pool: {} }, 'PipelinesServer: pool: expected a WorkerPool, got an object of class Object'],
    ['workers without a pool', { useWorkers: true }, 'PipelinesServer: useWorkers: expected a pool besides, got true without one'],
    [
      'a worker function without a pool',
      { pipelines: [named] },
      "PipelinesServer: pool: pipeline 'named' calls the worker function 'foo', and there is no pool",
    ],
    [
      'other machines',
      { host: '0.0.0.0' },
      "PipelinesServer: host: other machines could reach '0.0.0.0' and nothing would be encrypted; take 127.0.0.1, or say insecure: true",
    ],
    ['a port that is none', { port: 70_000 }, 'PipelinesServer: port: expected a whole number from 0 to 65535, got 70000'],
    [
      'options of jobs',
      { jobOptions: { retries: -1 } },
      'PipelinesServer: jobOptions: retries: expected a whole number from 0 to 1000, got -1',
    ],
    ['an id for all jobs', { jobOptions: { id: 'x' } }, "PipelinesServer: jobOptions: unknown option 'id'; known are "],
    ['an unknown option', { pipeline: [] }, "PipelinesServer: unknown option 'pipeline'; known are pipelines, pool"],
  ])('%s', (_what, options, message) => {
    expect(() => new PipelinesServer({ pipelines: [isOdd], ...options } as never)).toThrow(message);
  });
});
