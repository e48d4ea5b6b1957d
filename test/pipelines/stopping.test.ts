/** How calls end that run in the server: too late, unwanted, or because the server stops. */
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { INPUT, OUTPUT, Pipeline, PipelineNode, PipelinesServer } from '../../src/pipelines/index.ts';
import { ask, type Got, Held, isOdd, post, rejection, startWorld } from './world.ts';

describe('a call that runs in the server', () => {
  it('is told when it takes too long, and its caller is answered', async () => {
    const held = new Held();
    await using world = await startWorld({ pipelines: [held.pipeline], callTimeoutMs: 50 });
    const message = "pipeline 'held': it took longer than 50 ms";
    expect(await post(`${world.url}/pipelines/held/main`, {})).toMatchObject({
      status: 504,
      body: { status: 'failed', error: { code: 'timed-out', message, attempts: 1 } },
    });
    expect(held.aborted).toEqual([expect.objectContaining({ code: 'timed-out', message })]);
  });

  it('counts until it has ended, though nobody waits any more', async () => {
    let end: (value: string) => void = () => undefined;
    const deaf = new Pipeline({
      name: 'deaf',
      nodes: [new PipelineNode({ op: () => new Promise<string>((resolve) => void (end = resolve)), inputs: [INPUT], outputs: [OUTPUT] })],
    });
    await using world = await startWorld({ pipelines: [deaf], callTimeoutMs: 20, maxConnections: 1 });
    const call = (): Promise<Got> => ask(`${world.url}/pipelines/deaf/main`, 'POST', '{}', { connection: 'close' });
    expect(await call()).toMatchObject({ status: 504 });
    expect(await call()).toMatchObject({ status: 503, body: { error: { message: '1 calls are running; try again later' } } });
    end('late');
    expect(await call()).toMatchObject({ status: 504 });
    end('late');
  });

  it('is told when its caller has gone', async () => {
    const held = new Held();
    await using world = await startWorld({ pipelines: [held.pipeline] });
    const controller = new AbortController();
    const gone = rejection(world.client.callPipeline(held.pipeline, 1, { signal: controller.signal }));
    await held.until(() => held.count === 1);
    controller.abort('changed my mind');
    expect(await gone).toBe('changed my mind');
    await held.until(() => held.aborted.length === 1);
    expect(held.aborted).toEqual([expect.objectContaining({ name: 'AbortError', message: 'the caller has gone' })]);
  });
});

describe('a server that stops', () => {
  it('lets a call end, answers it, closes its connection, and takes no other', async () => {
    const held = new Held();
    await using world = await startWorld({ pipelines: [held.pipeline] });
    const idle = connect(Number(new URL(world.url).port), '127.0.0.1');
    await new Promise((resolve) => void idle.once('connect', resolve));
    const idleClosed = new Promise((resolve) => void idle.once('close', resolve));
    idle.resume();
    const body = '{"input":1}';
    const answer = world.raw(
      `POST /pipelines/held/main HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    await held.until(() => held.count === 1);
    const stopped = world.server.stop();
    await idleClosed;
    expect(await rejection(fetch(`${world.url}/health_check`))).toBeInstanceOf(TypeError);
    held.end('in the end');
    expect(await answer).toMatch(/^HTTP\/1\.1 200 OK\r\n.*connection: close.*"value":"in the end"/is);
    await stopped;
  });

  it('tells what runs at its deadline, and cuts connections then', async () => {
    const held = new Held();
    await using world = await startWorld({ pipelines: [held.pipeline] });
    const answer = post(`${world.url}/pipelines/held/main`, {});
    await held.until(() => held.count === 1);
    await world.server.stop({ deadlineMs: 0 });
    expect(held.aborted).toEqual([expect.objectContaining({ code: 'closed' })]);
    expect(await answer).toMatchObject({
      status: 500,
      body: { status: 'failed', error: { code: 'node-failed', message: 'the server was stopped' } },
    });
  });

  it('can be stopped before it has started, while it starts, and twice', async () => {
    const server = new PipelinesServer({ pipelines: [isOdd], logger: false });
    const closed = server.events.once('closed');
    await server.stop();
    await closed;
    expect(await rejection(server.start())).toMatchObject({ message: 'start: the server was started already' });
    const other = new PipelinesServer({ pipelines: [isOdd], logger: false });
    const started = other.start();
    await Promise.all([started, other.stop(), other.stop({ deadlineMs: 0 })]);
    expect(await rejection(fetch(`${other.url}/health_check`))).toBeInstanceOf(TypeError);
  });

  it('says why it could not start', async () => {
    await using world = await startWorld();
    const port = Number(new URL(world.url).port);
    await using other = new PipelinesServer({ pipelines: [isOdd], port, logger: false });
    expect(await rejection(other.start())).toMatchObject({ code: 'EADDRINUSE' });
  });
});
