/** A connection to NATS, and what is kept there. Everything is made when it is not there yet. */
import {
  AckPolicy,
  DiscardPolicy,
  type JetStreamClient,
  JetStreamApiError,
  jetstream,
  jetstreamManager,
  RetentionPolicy,
} from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import { connect, type NatsConnection, nanos } from '@nats-io/transport-node';
import { setImmediate as turn, setTimeout as pause } from 'node:timers/promises';
import { ClosedError } from '../../errors.ts';
import { Troubles } from '../troubles.ts';
import { Blobs } from './blobs.ts';
import { DialledSocket } from './dialled_socket.ts';
import { dialling, namesOf, type NatsSettings } from './settings.ts';

const AGAIN_MS = 100;
const MIN_TTL_MS = 60_000;
/** How long the server remembers what was submitted, so as not to take it twice. */
export const DUPLICATES_MS = 120_000;
const MAX_PENDING = 65_536;
/** A stream of that name has another configuration; its subjects are another's, as they are until it has been made. */
const IN_USE = [10_058, 10_065];
const MAX_TRIES = 5;

export interface Store {
  readonly connection: NatsConnection;
  readonly js: JetStreamClient;
  /** Jobs that have not ended, and payloads that are too large for a message. */
  readonly open: Blobs;
  readonly ended: Blobs;
  readonly cache: Blobs;
  /** A key for each worker, which expires unless it is put again. */
  readonly workers: Blobs;
  workerCount(): Promise<number>;
  /** Whether a message of the work queue is still there. */
  readonly has: (sequence: number) => Promise<boolean>;
  /** Takes a message out of the work queue. */
  readonly remove: (sequence: number) => Promise<void>;
}

export class Opener {
  readonly troubles: Troubles;
  readonly #settings: NatsSettings;
  readonly #socket = new DialledSocket();
  #connection: NatsConnection | undefined;
  #closed = false;

  constructor(settings: NatsSettings, warn: (text: string) => void) {
    this.#settings = settings;
    this.troubles = new Troubles(settings.servers.map((server) => new URL(server).host).join(', '), warn);
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** @param ttlMs how long records must stay */
  async open(ttlMs: number): Promise<Store> {
    // That of a try that was refused.
    await this.#connection?.close();
    const options = { ...dialling(this.#settings), timeout: 2_000, noAsyncTraces: true };
    const connection = await this.again(() => this.#socket.dial(() => connect(options)));
    this.#connection = connection;
    if (this.#closed) await this.close();
    const jsm = await this.again(() => jetstreamManager(connection, { checkAPI: false }));
    const js = jetstream(connection);
    const { stream, lockMs, replicas } = this.#settings;
    const names = namesOf(stream);
    await this.#made(() => this.#make(jsm, names));
    const kvm = new Kvm(connection);
    const bucket = async (name: string, ttl: number): Promise<Blobs> => {
      const kv = await this.#made(() => kvm.create(name, { history: 1, replicas, ...(ttl > 0 ? { ttl } : {}) }));
      return new Blobs(kv, jsm, name);
    };
    const ended = await bucket(names.ended, Math.max(ttlMs, MIN_TTL_MS));
    const { max_age: age } = (await this.again(() => jsm.streams.info(`KV_${names.ended}`))).config;
    if (age < nanos(ttlMs)) await this.again(() => jsm.streams.update(`KV_${names.ended}`, { max_age: nanos(ttlMs) }));
    return {
      connection,
      js,
      open: await bucket(names.open, 0),
      ended,
      cache: await bucket(names.cache, 0),
      workers: await bucket(names.workers, lockMs * 3),
      workerCount: async () => {
        // Not by its keys as they come: one that is put meanwhile comes twice.
        const { state } = await jsm.streams.info(`KV_${names.workers}`);
        return state.num_subjects ?? 0;
      },
      has: async (sequence) => (await jsm.streams.getMessage(stream, { seq: sequence })) !== null,
      remove: async (sequence) => {
        await jsm.streams.deleteMessage(stream, sequence, false);
      },
    };
  }

  /** Makes what somebody else may be making in this moment, with another time to live: what is refused then is taken a little later. */
  async #made<T>(make: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.again(make);
      } catch (error) {
        if (tries === MAX_TRIES || !(error instanceof JetStreamApiError) || !IN_USE.includes(error.code)) throw error;
      }
      await pause(AGAIN_MS);
    }
  }

  /** Does it until it is done, or given up: a server that is away is waited for. What the server refuses is refused. */
  async again<T>(action: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    for (;;) {
      signal?.throwIfAborted();
      if (this.#closed) throw new ClosedError('closed', 'the pool was closed');
      try {
        return await action();
      } catch (error) {
        // 5xx: it has no time, no leader, or is only just starting.
        if (error instanceof JetStreamApiError && error.status < 500) throw error;
        this.troubles.hear(error as Error);
      }
      await pause(AGAIN_MS);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.troubles.close();
    // What was published just now is written first: should that fail while the connection is closing, the error would be nobody's.
    await turn();
    await this.#connection?.close().catch(() => undefined);
    this.#socket.close();
  }

  async #make(jsm: Awaited<ReturnType<typeof jetstreamManager>>, names: ReturnType<typeof namesOf>): Promise<void> {
    const { stream, lockMs, replicas } = this.#settings;
    await jsm.streams.add({
      name: stream,
      subjects: [names.jobs, names.nested],
      retention: RetentionPolicy.Workqueue,
      discard: DiscardPolicy.New,
      duplicate_window: nanos(DUPLICATES_MS),
      num_replicas: replicas,
    });
    for (const name of ['jobs', 'nested'] as const) {
      const config = { ack_policy: AckPolicy.Explicit, ack_wait: nanos(lockMs), max_deliver: -1, max_ack_pending: MAX_PENDING };
      await jsm.consumers.add(stream, { ...config, durable_name: name, filter_subject: names[name] });
    }
  }
}
