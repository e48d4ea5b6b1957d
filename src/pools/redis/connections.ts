/** Connections to a Redis: they are made again by themselves, and nobody waits for them at the end. */
import { Redis } from 'ioredis';

const MAX_DELAY_MS = 500;
/** Reasons that are remembered so as not to be said again. */
const MAX_REASONS = 100;
/** Words of a reason that differ from job to job. */
const ID = /[\w:-]*\d[\w:-]*/g;

export class Connections {
  readonly #url: string;
  readonly #warn: (text: string) => void;
  readonly #open: Redis[] = [];
  readonly #said = new Set<string>();
  #closed = false;

  constructor(url: string, warn: (text: string) => void) {
    this.#url = url;
    this.#warn = warn;
  }

  /** A connection of its own. What is asked of it while Redis is away waits. */
  open(): Redis {
    const redis = new Redis(this.#url, {
      maxRetriesPerRequest: null,
      // Subscriptions see to it themselves: should Redis refuse one, ioredis would leave the error to nobody.
      autoResubscribe: false,
      retryStrategy: (times) => Math.min(50 * times, MAX_DELAY_MS),
    });
    redis.on('error', (error: Error & { readonly command?: { readonly name: string } }) => {
      this.failed(error);
      // It would go on with database 0, and so with jobs of somebody else.
      if (error.command?.name === 'select') redis.disconnect(true);
    });
    redis.on('connect', () => joined(redis.stream));
    redis.on('ready', () => this.#said.clear());
    this.#open.push(redis);
    return redis;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Said once for each reason, whichever job it is of, until there is a connection again. */
  failed(error: Error): void {
    const reason = error.message.replaceAll(ID, '');
    if (this.#closed || this.#said.has(reason) || this.#said.size >= MAX_REASONS) return;
    this.#said.add(reason);
    this.#warn(`${new URL(this.#url).host}: ${error.message}`);
  }

  close(): void {
    this.#closed = true;
    for (const redis of this.#open) letGo(redis);
  }
}

/**
 * ioredis gives a socket that it ends two seconds, which its timer counts also where the socket is closed already, or was never open:
 * nothing is on its way there.
 */
function letGo(redis: Redis): void {
  const isReady = redis.status === 'ready';
  redis.disconnect();
  const stream = redis.stream as Redis['stream'] | undefined;
  if (isReady || stream === undefined) return;
  if (stream.destroyed) stream.emit('close');
  else stream.destroy();
}

/**
 * What is asked in one turn of the event loop goes out as one write. A pipeline of ioredis would do as much, but what is in one is given up
 * when the connection breaks half-way through its answers; single commands are asked again.
 */
function joined(socket: Redis['stream']): void {
  const write = socket.write.bind(socket) as (...args: unknown[]) => boolean;
  let isOpen = false;
  const flush = (): void => {
    isOpen = false;
    socket.uncork();
  };
  socket.write = (...args: unknown[]): boolean => {
    if (!isOpen) {
      isOpen = true;
      socket.cork();
      setImmediate(flush);
    }
    return write(...args);
  };
}
