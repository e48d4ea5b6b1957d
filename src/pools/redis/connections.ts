/** Connections to a Redis: they are made again by themselves, and nobody waits for them at the end. */
import { Redis } from 'ioredis';
import { Troubles } from '../troubles.ts';

const MAX_DELAY_MS = 500;

export class Connections {
  readonly troubles: Troubles;
  readonly #url: string;
  readonly #open: Redis[] = [];
  #closed = false;

  constructor(url: string, warn: (text: string) => void) {
    this.#url = url;
    this.troubles = new Troubles(new URL(url).host, warn);
  }

  /** A connection of its own. What is asked of it while Redis is away waits. */
  open(): Redis {
    const redis = insistent(
      new Redis(this.#url, {
        maxRetriesPerRequest: null,
        // Subscriptions see to it themselves: should Redis refuse one, ioredis would leave the error to nobody.
        autoResubscribe: false,
        retryStrategy: (times) => Math.min(50 * times, MAX_DELAY_MS),
      }),
    );
    redis.on('error', (error: Error) => this.troubles.hear(error));
    redis.on('connect', () => joined(redis.stream));
    redis.on('ready', () => this.troubles.over());
    this.#open.push(redis);
    return redis;
  }

  get closed(): boolean {
    return this.#closed;
  }

  close(): void {
    this.#closed = true;
    this.troubles.close();
    for (const redis of this.#open) letGo(redis);
  }
}

/**
 * A connection, and whatever is duplicated of it, that waits for its database. Should Redis refuse that, ioredis would go on with database 0,
 * and so with jobs of somebody else.
 */
export function insistent(redis: Redis): Redis {
  redis.on('error', (error: Error & { readonly command?: { readonly name: string } }) => {
    if (error.command?.name !== 'select') return;
    // At once: in a connection that only ends by and by, it would ask more, and keep what is not answered for the next.
    redis.stream.destroy();
    redis.stream.emit('close');
  });
  const duplicate = redis.duplicate.bind(redis);
  redis.duplicate = (...args) => insistent(duplicate(...args));
  return redis;
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
