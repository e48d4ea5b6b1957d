/**
 * A TCP proxy that misbehaves on request: cuts at any byte, delays, throttles, swallows one direction, takes nobody in.
 *
 * It never breaks TCP's own promises: within one connection bytes come in order, and none is missing before one that comes. So a
 * connection that has swallowed anything stays deaf in that direction until it ends, as behind a firewall that forgot it.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';

/** `up`: to the master. `down`: from it. */
export type Direction = 'up' | 'down';
export const DIRECTIONS: readonly Direction[] = ['up', 'down'];

export interface Place {
  readonly host: string;
  readonly port: number;
}

/** What the proxy does with all its connections at present. */
interface Weather {
  delayMs: number;
  /** Of each connection in each direction; Infinity: no limit. */
  bytesPerSecond: number;
  readonly swallows: Set<Direction>;
  /** Ends the connection that carries the last of so many bytes. */
  cut: { readonly direction: Direction; left: number; readonly done: () => void } | undefined;
}

/** One direction of one connection: what came in goes out in order, as late and as slowly as the weather says. */
class Lane {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #direction: Direction;
  readonly #weather: Weather;
  readonly #cut: () => void;
  readonly #waiting: { readonly bytes: Buffer; readonly atMs: number }[] = [];
  #timer: NodeJS.Timeout | undefined;
  #freeAtMs = 0;
  #ended = false;
  /** It has swallowed something: nothing goes out any more, not even the end. */
  deaf = false;

  constructor(from: Socket, to: Socket, direction: Direction, weather: Weather, cut: () => void) {
    this.#from = from;
    this.#to = to;
    this.#direction = direction;
    this.#weather = weather;
    this.#cut = cut;
    from.on('data', (bytes: Buffer) => this.#take(bytes));
    from.on('end', () => this.#end());
    from.on('error', () => this.#end());
    from.on('close', () => this.#end());
    to.on('drain', () => from.resume());
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#waiting.length = 0;
    this.#ended = true;
  }

  #take(bytes: Buffer): void {
    if (this.#ended) return;
    if (this.#weather.swallows.has(this.#direction)) this.deaf = true;
    if (this.deaf) return;
    const { cut, delayMs, bytesPerSecond } = this.#weather;
    if (cut?.direction === this.#direction && cut.left <= bytes.length) {
      this.#weather.cut = undefined;
      this.#to.write(bytes.subarray(0, cut.left));
      this.#cut();
      cut.done();
      return;
    }
    if (cut?.direction === this.#direction) cut.left -= bytes.length;
    if (delayMs === 0 && bytesPerSecond === Infinity && this.#waiting.length === 0) this.#pass(bytes);
    else this.#hold(bytes, delayMs, bytesPerSecond);
  }

  #pass(bytes: Buffer): void {
    if (!this.#to.write(bytes)) this.#from.pause();
  }

  #hold(bytes: Buffer, delayMs: number, bytesPerSecond: number): void {
    const now = performance.now();
    this.#freeAtMs = Math.max(now, this.#freeAtMs) + (1_000 * bytes.length) / bytesPerSecond;
    this.#waiting.push({ bytes, atMs: this.#freeAtMs + delayMs });
    this.#from.pause();
    if (this.#freeAtMs - now < 20) this.#from.resume();
    this.#wait();
  }

  #wait(): void {
    const next = this.#waiting[0];
    if (next === undefined || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => this.#due(), Math.max(0, next.atMs - performance.now()));
  }

  #due(): void {
    this.#timer = undefined;
    const now = performance.now();
    while (this.#waiting.length > 0 && (this.#waiting[0]?.atMs ?? 0) <= now) this.#pass(this.#waiting.shift()?.bytes as Buffer);
    if (this.#freeAtMs - now < 20 && !this.#to.writableNeedDrain) this.#from.resume();
    this.#wait();
    if (this.#ended && this.#waiting.length === 0) this.#to.end();
  }

  #end(): void {
    if (this.#weather.swallows.has(this.#direction)) this.deaf = true;
    if (this.#ended || this.deaf) return;
    this.#ended = true;
    if (this.#waiting.length === 0) this.#to.end();
  }
}

class Link {
  readonly ended: Promise<void>;
  readonly #near: Socket;
  readonly #far: Socket;
  readonly #lanes: readonly Lane[];

  constructor(near: Socket, target: Place, weather: Weather) {
    this.#near = near;
    this.#far = connect({ ...target, noDelay: true, allowHalfOpen: true });
    near.setNoDelay(true);
    const cut = (): void => this.cut();
    this.#lanes = [new Lane(near, this.#far, 'up', weather, cut), new Lane(this.#far, near, 'down', weather, cut)];
    this.ended = Promise.all([near, this.#far].map((socket) => new Promise((resolve) => socket.once('close', resolve)))).then(
      () => undefined,
    );
  }

  /** Both ends hear of it; what was written already still arrives. */
  cut(): void {
    for (const lane of this.#lanes) lane.stop();
    for (const socket of [this.#near, this.#far]) socket.destroySoon();
  }

  destroy(): void {
    for (const lane of this.#lanes) lane.stop();
    for (const socket of [this.#near, this.#far]) socket.destroy();
  }
}

/** Listens at one place and passes everything on to another. */
export class Proxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #links = new Set<Link>();
  readonly #weather: Weather = { delayMs: 0, bytesPerSecond: Infinity, swallows: new Set(), cut: undefined };
  readonly #at: Place;
  /** How many connections there have been. */
  connections = 0;

  /** Use `startProxy`. */
  constructor(at: Place, target: Place) {
    this.#at = at;
    this.#server = createServer({ allowHalfOpen: true }, (near) => {
      const link = new Link(near, target, this.#weather);
      this.connections += 1;
      this.#links.add(link);
      void link.ended.then(() => this.#links.delete(link));
    });
  }

  get address(): string {
    const { address, port } = this.#server.address() as AddressInfo;
    return `tcp://${address}:${port}`;
  }

  /** Cuts all connections. */
  cut(): void {
    for (const link of this.#links) link.cut();
  }

  /** Cuts the connection that carries the last of so many bytes in one direction, just behind it. Resolves when that has happened. */
  cutAfter(bytes: number, direction: Direction): Promise<void> {
    return new Promise((done) => {
      this.#weather.cut = { direction, left: bytes, done };
    });
  }

  delay(ms: number): void {
    this.#weather.delayMs = ms;
  }

  throttle(bytesPerSecond: number): void {
    this.#weather.bytesPerSecond = bytesPerSecond;
  }

  /** From now on nothing comes through in one direction, on connections old and new; the other side does not even hear of an end. */
  swallow(direction: Direction): void {
    this.#weather.swallows.add(direction);
  }

  /** No delay, no limit, no cut to come; new connections are whole again. Takes connections in again. */
  async heal(): Promise<void> {
    Object.assign(this.#weather, { delayMs: 0, bytesPerSecond: Infinity, cut: undefined });
    this.#weather.swallows.clear();
    if (!this.#server.listening) await this.listen();
  }

  /** Takes no connection in any more; those that stand go on. */
  refuse(): void {
    this.#server.close();
  }

  listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#at.port, this.#at.host, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server.listening) this.#server.close();
    const links = [...this.#links];
    for (const link of links) link.destroy();
    await Promise.all(links.map((link) => link.ended));
  }
}

export async function startProxy(at: Place, target: Place): Promise<Proxy> {
  const proxy = new Proxy(at, target);
  await proxy.listen();
  return proxy;
}
