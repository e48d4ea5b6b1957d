/**
 * Jobs on JetStream: a work queue of messages, and buckets for what becomes of them.
 *
 *     stream STREAM        jobs, and `nested` ones, which workers take first: removed when they have ended
 *     bucket STREAM-open   how often an open job was begun and has failed; its payload, if that is too large for the message
 *     bucket STREAM-ended  records, for their time to live. Whoever creates one first has decided
 *     bucket STREAM-cache  the cache
 *     subject STREAM.to.ID STREAM.cancel   news, which may be lost: whoever waits looks for the record as well
 */
import type { Msg } from '@nats-io/transport-node';
import { randomUUID } from 'node:crypto';
import type { KeyStore } from '../../master/desk.ts';
import type { PoolEngine } from '../engine_pool.ts';
import type { ServeOptions, Serving } from '../gate.ts';
import { type KeptRecord, packSubmission, type Submission } from '../record.ts';
import type { Troubles } from '../troubles.ts';
import { Waiters } from '../waiters.ts';
import { endedRecord, packEnded, packJob, packOpen, unpackNews, unpackOpen } from './data.ts';
import { subscribe } from './dialled_socket.ts';
import { NatsServing } from './serving.ts';
import { namesOf, type NatsSettings } from './settings.ts';
import { DUPLICATES_MS, Opener, type Store } from './store.ts';

/** A job up to this size travels in its message. */
const INLINE_BYTES = 262_144;

/** A job of a stream of this process. */
interface StreamedJob {
  /** Resolves to its place in the work queue. */
  readonly sequence: Promise<number>;
  readonly large: boolean;
  /** Whether there may be a record of it. */
  recorded: boolean;
}

export class NatsEngine implements PoolEngine {
  readonly keys: KeyStore;
  readonly #settings: NatsSettings;
  readonly #opener: Opener;
  readonly #ttlMs: number;
  #opened: Promise<Store> | undefined;
  readonly #id = randomUUID();
  readonly #waiters = new Waiters((id) => this.#look(id));
  readonly #streamed = new Map<string, StreamedJob>();

  constructor(settings: NatsSettings, ttlMs: number, warn: (text: string) => void) {
    this.#settings = settings;
    this.#opener = new Opener(settings, warn);
    this.#ttlMs = ttlMs;
    this.#store.catch(() => undefined);
    const cache = async <T>(action: (blobs: Store['cache']) => Promise<T>): Promise<T> => {
      const { cache: blobs } = await this.#store;
      return await this.#opener.again(() => action(blobs));
    };
    const named = (key: string): string => Buffer.from(key).toString('base64url');
    this.keys = {
      get: (key) => cache((blobs) => blobs.get(named(key))),
      set: async (value, key) => {
        await cache((blobs) => blobs.put(named(key), value));
        return key;
      },
      delete: (key) => cache((blobs) => blobs.delete(named(key))),
    };
  }

  /** What it has in NATS. If that was refused, whoever needs it next asks anew: somebody may have mended it. */
  get #store(): Promise<Store> {
    this.#opened ??= this.#open().catch((error: unknown) => {
      this.#opened = undefined;
      throw error;
    });
    return this.#opened;
  }

  async ready(): Promise<void> {
    await this.#store;
  }

  get troubles(): Troubles {
    return this.#opener.troubles;
  }

  async send(job: Submission): Promise<void> {
    const { open, ended } = await this.#store;
    const again = this.#opener.again.bind(this.#opener);
    const { id } = job;
    if (isLarge(job)) await again(() => open.put(`${id}-payload`, job.payload));
    const state = packOpen({ function: job.function, begun: 0, failures: 0, returned: 0, status: 'queued', ttlMs: job.ttlMs });
    const first = await again(() => open.create(id, state));
    // It was submitted before, and has ended, or nearly: then it is not to be run again.
    if (!first && (await again(() => ended.get(id))) !== undefined) return;
    await this.#enqueue(job, false);
  }

  /** Resolves to its place in the work queue. */
  async #enqueue(job: Submission, streamed: boolean, signal?: AbortSignal): Promise<number> {
    signal?.throwIfAborted();
    try {
      return await this.#publish(job, streamed, signal);
    } catch (error) {
      if (signal?.aborted !== true) throw error;
      return await this.#findGivenUp(job);
    }
  }

  async #publish(job: Submission, streamed: boolean, signal: AbortSignal | undefined, large = isLarge(job)): Promise<number> {
    const { js } = await this.#store;
    const { jobs, nested } = namesOf(this.#settings.stream);
    const packed = packJob({ job: packSubmission(large ? { ...job, payload: Buffer.alloc(0) } : job), large, to: this.#id, streamed });
    const subject = job.nested === true ? nested : jobs;
    const { seq } = await this.#opener.again(() => js.publish(subject, packed, { msgID: job.id, timeout: 2_000 }), signal);
    return seq;
  }

  /**
   * What was sent without an answer may be there, though it is given up. Its place is heard by sending what has the same id, as long as the
   * server knows it by that; should this one be taken, its payload is nowhere, and whoever takes it lets it go.
   */
  async #findGivenUp(job: Submission): Promise<number> {
    const { open } = await this.#store;
    const signal = AbortSignal.timeout(DUPLICATES_MS);
    await this.#opener.again(() => open.delete(`${job.id}-payload`), signal);
    return await this.#publish(job, true, signal, true);
  }

  async fetch(id: string): Promise<KeptRecord | undefined> {
    const { open, ended } = await this.#store;
    const again = this.#opener.again.bind(this.#opener);
    // The record comes before its job is let go: asked in this order, one of both is there.
    const state = await again(() => open.get(id));
    const record = await again(() => ended.get(id));
    if (record !== undefined) return endedRecord(record, Date.now());
    if (state === undefined) return undefined;
    const { status, begun } = unpackOpen(state);
    return { status, attempts: begun };
  }

  async ended(id: string, signal: AbortSignal | undefined): Promise<KeptRecord | undefined> {
    const waiting = this.#waiters.wait(id, signal);
    void this.#waiters.lookUp(id);
    return await waiting;
  }

  async carryOut(job: Submission, signal: AbortSignal): Promise<KeptRecord> {
    const { id } = job;
    // It may end before we hear that it was taken.
    const waiting = this.#waiters.wait(id, signal, true);
    const sequence = this.#sendStreamed(job, signal);
    const streamed: StreamedJob = { sequence, large: isLarge(job), recorded: true };
    this.#streamed.set(id, streamed);
    try {
      const [record] = await Promise.all([waiting, sequence.then(() => this.#waiters.sent(id))]);
      if (record === undefined) throw new Error(`${job.function}: the job is gone from NATS`);
      return record;
    } finally {
      this.#streamed.delete(id);
      this.#waiters.tell(id, undefined);
      if (streamed.recorded) void this.#store.then(({ ended }) => ended.delete(id)).catch(() => undefined);
    }
  }

  async #sendStreamed(job: Submission, signal: AbortSignal): Promise<number> {
    const { open } = await this.#store;
    if (isLarge(job)) await this.#opener.again(() => open.put(`${job.id}-payload`, job.payload), signal);
    return await this.#enqueue(job, true, signal);
  }

  /** What is known of a job that is waited for. */
  async #look(id: string): Promise<KeptRecord | undefined> {
    const streamed = this.#streamed.get(id);
    if (streamed === undefined) return await this.fetch(id);
    const { ended, has } = await this.#store;
    const sequence = await streamed.sequence;
    // The record comes before its job is let go: asked in this order, one of both is there, unless its producer has heard of it.
    const isOpen = await this.#opener.again(() => has(sequence));
    const record = await this.#opener.again(() => ended.get(id));
    if (record !== undefined) return endedRecord(record, Date.now());
    return isOpen ? { status: 'queued', attempts: 0 } : undefined;
  }

  async cancel(id: string): Promise<boolean> {
    const streamed = this.#streamed.get(id);
    if (streamed !== undefined) return await this.#cancelStreamed(id, streamed);
    const { connection, open, ended } = await this.#store;
    const again = this.#opener.again.bind(this.#opener);
    const state = await again(() => open.get(id));
    if (state === undefined) return false;
    const { function: name, begun: attempts, ttlMs } = unpackOpen(state);
    const error = {
      code: 'cancelled',
      message: `${name}: the job was cancelled`,
      function: name,
      attempts,
      worker: '',
      stack: '',
    } as const;
    const record: KeptRecord = { status: 'failed', attempts, error };
    if (!(await again(() => ended.create(id, packEnded(record, Date.now() + ttlMs))))) return false;
    connection.publish(namesOf(this.#settings.stream).cancel, id);
    await again(() => open.deleteSmall(id));
    await again(() => open.delete(`${id}-payload`));
    this.#waiters.tell(id, record);
    return true;
  }

  /** Its place in the queue is known, and nobody else asks for it. */
  async #cancelStreamed(id: string, { sequence, large }: StreamedJob): Promise<boolean> {
    const { connection, open, remove } = await this.#store;
    // It may not have been sent yet, and is not then; or have ended meanwhile.
    const place = await sequence.catch(() => undefined);
    connection.publish(namesOf(this.#settings.stream).cancel, id);
    if (place !== undefined) await remove(place).catch(() => undefined);
    if (large) await this.#opener.again(() => open.delete(`${id}-payload`));
    return true;
  }

  async workerCount(): Promise<number> {
    const store = await this.#store;
    return await this.#opener.again(() => store.workerCount());
  }

  serve(options: ServeOptions): Serving {
    return new NatsServing(this.#settings, this.#opener, this.#store, options);
  }

  async close(): Promise<void> {
    this.#waiters.close();
    await this.#opener.close();
  }

  async #open(): Promise<Store> {
    const store = await this.#opener.open(this.#ttlMs);
    this.troubles.over();
    const heard = (message: Msg): void => this.#heard(message);
    subscribe(store.connection, `${namesOf(this.#settings.stream).to}.${this.#id}`, heard, (error) => this.troubles.hear(error));
    void this.#follow(store);
    return store;
  }

  /** After a break, news may have been missed. */
  async #follow({ connection }: Store): Promise<void> {
    for await (const status of connection.status()) {
      if (status.type === 'reconnect') {
        this.troubles.over();
        void this.#waiters.look(0);
      } else if (status.type === 'disconnect') this.troubles.hear(new Error('disconnected'));
      else if (status.type === 'error') this.troubles.hear(status.error);
    }
  }

  #heard(message: Msg): void {
    const { id, record } = unpackNews(message.data);
    // Its worker lets go of it then.
    message.respond();
    const streamed = this.#streamed.get(id);
    if (record === undefined) {
      if (this.#waiters.has(id)) void this.#waiters.lookUp(id);
      return;
    }
    if (streamed !== undefined && message.reply !== undefined && message.reply !== '') streamed.recorded = false;
    this.#waiters.hear(id, record);
  }
}

function isLarge({ payload }: Submission): boolean {
  return payload.length > INLINE_BYTES;
}
