import { connect, createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { type Direction, DIRECTIONS, type Proxy, startProxy } from './proxy.ts';
import { within } from './world.ts';

const HOST = '127.0.0.1';

async function until(holds: () => boolean): Promise<void> {
  await expect.poll(holds, { timeout: 5_000, interval: 5 }).toBe(true);
}

/** One end of a connection, and what it has heard. */
class End {
  readonly socket: Socket;
  heard: Buffer = Buffer.alloc(0);
  hungUp = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (bytes: Buffer) => {
      this.heard = Buffer.concat([this.heard, bytes]);
    });
    for (const over of ['end', 'error'] as const)
      socket.on(over, () => {
        this.hungUp = true;
      });
  }

  async hears(bytes: number): Promise<Buffer> {
    await until(() => this.heard.length >= bytes);
    return this.heard;
  }

  async hearsTheEnd(): Promise<void> {
    await until(() => this.hungUp);
  }
}

/** A proxy with one connection through it: `near` dialled, `far` was dialled. */
class Line implements AsyncDisposable {
  readonly proxy: Proxy;
  readonly #server: Server;
  readonly #came: Socket[] = [];
  readonly #ends: End[] = [];

  constructor(proxy: Proxy, server: Server) {
    this.proxy = proxy;
    this.#server = server;
    server.on('connection', (socket) => this.#came.push(socket));
  }

  async dial(): Promise<Record<Direction, { readonly from: End; readonly to: End }>> {
    const [host, port] = this.proxy.address.slice('tcp://'.length).split(':');
    const came = this.#came.length;
    const near = new End(connect({ host: host as string, port: Number(port), allowHalfOpen: true }));
    this.#ends.push(near);
    await until(() => this.#came.length === came + 1);
    const far = new End(this.#came.at(-1) as Socket);
    this.#ends.push(far);
    return { up: { from: near, to: far }, down: { from: far, to: near } };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { socket } of this.#ends) socket.destroy();
    await this.proxy[Symbol.asyncDispose]();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

async function startLine(): Promise<Line> {
  const server = createServer({ allowHalfOpen: true });
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  const { port } = server.address() as AddressInfo;
  return new Line(await startProxy({ host: HOST, port: 0 }, { host: HOST, port }), server);
}

const SOME = Buffer.from(Array.from({ length: 100_000 }, (_, i) => i % 251));

it.each(DIRECTIONS)('passes on what it gets, and the end of one direction without that of the other: %s', async (direction) => {
  await using line = await startLine();
  const { [direction]: there, [direction === 'up' ? 'down' : 'up']: back } = await line.dial();
  there.from.socket.end(SOME);
  expect((await there.to.hears(SOME.length)).equals(SOME)).toBe(true);
  await there.to.hearsTheEnd();
  back.from.socket.write('still here');
  expect((await back.to.hears(10)).toString()).toBe('still here');
});

it.each(DIRECTIONS.flatMap((direction) => [1, 2, 4_097, 99_999].map((bytes) => ({ direction, bytes }))))(
  'cuts behind the byte that it was told, not one before nor after: $bytes $direction',
  async ({ direction, bytes }) => {
    await using line = await startLine();
    const { from, to } = (await line.dial())[direction];
    const cut = line.proxy.cutAfter(bytes, direction);
    from.socket.write(SOME);
    await within(5_000, cut, 'the cut');
    await Promise.all([from.hearsTheEnd(), to.hearsTheEnd()]);
    expect(to.heard.equals(SOME.subarray(0, bytes))).toBe(true);
    expect(from.heard.length).toBe(0);
    const again = (await line.dial())[direction];
    again.from.socket.write('whole');
    expect((await again.to.hears(5)).toString()).toBe('whole');
  },
);

it('counts bytes of one direction only, over several connections', async () => {
  await using line = await startLine();
  const [one, two] = [await line.dial(), await line.dial()];
  const cut = line.proxy.cutAfter(10, 'down');
  one.up.from.socket.write(SOME);
  await one.up.to.hears(SOME.length);
  one.down.from.socket.write('12345');
  await one.down.to.hears(5);
  two.down.from.socket.write('67890abc');
  await within(5_000, cut, 'the cut');
  await two.down.to.hearsTheEnd();
  expect(two.down.to.heard.toString()).toBe('67890');
  one.down.from.socket.write('on');
  expect((await one.down.to.hears(7)).toString()).toBe('12345on');
});

it('delays: bytes come in order, and none earlier than that', async () => {
  await using line = await startLine();
  const { from, to } = (await line.dial()).up;
  line.proxy.delay(60);
  const since = performance.now();
  let at = 0;
  to.socket.once('data', () => {
    at = performance.now() - since;
  });
  from.socket.write('ab');
  from.socket.write('cd');
  expect((await to.hears(4)).toString()).toBe('abcd');
  expect(at).toBeGreaterThanOrEqual(59);
});

it('throttles: so many bytes take so long at least, and all come', async () => {
  await using line = await startLine();
  const { from, to } = (await line.dial()).down;
  line.proxy.throttle(1_000_000);
  const since = performance.now();
  from.socket.write(SOME);
  expect((await to.hears(SOME.length)).equals(SOME)).toBe(true);
  expect(performance.now() - since).toBeGreaterThanOrEqual(95);
});

it.each(DIRECTIONS)('half-opens: nothing comes through %s, not even the end, while the other direction goes on', async (direction) => {
  await using line = await startLine();
  const { [direction]: there, [direction === 'up' ? 'down' : 'up']: back } = await line.dial();
  line.proxy.swallow(direction);
  there.from.socket.end('swallowed');
  for (let i = 1; i <= 3; i += 1) {
    back.from.socket.write('x');
    await back.to.hears(i);
  }
  await line.proxy.heal();
  const next = (await line.dial())[direction];
  next.from.socket.write('whole again');
  expect((await next.to.hears(11)).toString()).toBe('whole again');
  expect(there.to.heard.length).toBe(0);
  expect(there.to.hungUp).toBe(false);
});

it('refuses connections until it is healed; those that stand go on', async () => {
  await using line = await startLine();
  const { up } = await line.dial();
  const { address } = line.proxy;
  line.proxy.refuse();
  up.from.socket.write('on');
  expect((await up.to.hears(2)).toString()).toBe('on');
  const refused = connect({ host: HOST, port: Number(address.split(':').at(-1)) });
  const error = await within(5_000, new Promise<Error>((resolve) => refused.once('error', resolve)), 'the refusal');
  expect(error).toMatchObject({ code: 'ECONNREFUSED' });
});
