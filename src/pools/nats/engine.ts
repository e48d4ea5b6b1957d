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
import { Waiters } from '../waiters.ts';
import { endedRecord, packEnded, packJob, packOpen, unpackNews, unpackOpen } from './data.ts';
import { NatsServing } from './serving.ts';
import { namesOf, type NatsSettings } from './settings.ts';
import { Opener, type Store } from './store.ts';

/** A job up to this size travels in its message. */
const INLINE_BYTES = 262_144;

export class NatsEngine implements PoolEngine {
  readonly keys: KeyStore;
  readonly #settings: NatsSettings;
  readonly #opener: Opener;
  readonly #store: Promise<Store>;
  readonly #id = randomUUID();
  readonly #waiters = new Waiters((id) => this.fetch(id));

  constructor(settings: NatsSettings, ttlMs: number, warn: (text: string) => void) {
    this.#settings = settings;
    this.#opener = new Opener(settings, warn);
    this.#store = this.#open(ttlMs);
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

  async ready(): Promise<void> {
    await this.#store;
  }

  async send(job: Submission): Promise<void> {
    const { js, open, ended } = await this.#store;
    const { id, nested } = job;
    const again = this.#opener.again.bind(this.#opener);
    const names = namesOf(this.#settings.stream);
    const large = job.payload.length > INLINE_BYTES;
    if (large) await again(() => open.put(`${id}-payload`, job.payload));
    const state = packOpen({ function: job.function, begun: 0, failures: 0, returned: 0, status: 'queued', ttlMs: job.ttlMs });
    const first = await again(() => open.create(id, state));
    // It was submitted before, and has ended, or nearly: then it is not to be run again.
    if (!first && (await again(() => ended.get(id))) !== undefined) return;
    const packed = packJob({ job: packSubmission(large ? { ...job, payload: Buffer.alloc(0) } : job), large, to: this.#id });
    await again(() => js.publish(nested === true ? names.nested : names.jobs, packed, { msgID: id, timeout: 2_000 }));
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
    const sent = this.send(job).then(() => this.#waiters.sent(id));
    const [record] = await Promise.all([waiting, sent]);
    if (record === undefined) throw new Error(`${job.function}: the job is gone from NATS`);
    void this.#store.then(({ ended }) => ended.delete(id)).catch(() => undefined);
    return record;
  }

  async cancel(id: string): Promise<boolean> {
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
    await again(() => open.delete(id));
    await again(() => open.delete(`${id}-payload`));
    this.#waiters.tell(id, record);
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

  async #open(ttlMs: number): Promise<Store> {
    const store = await this.#opener.open(ttlMs);
    store.connection.subscribe(`${namesOf(this.#settings.stream).to}.${this.#id}`, { callback: (_error, message) => this.#heard(message) });
    void this.#follow(store);
    return store;
  }

  /** After a break, news may have been missed. */
  async #follow({ connection }: Store): Promise<void> {
    for await (const { type } of connection.status()) {
      if (type === 'reconnect') void this.#waiters.look(0);
      else if (type === 'disconnect') this.#opener.failed(new Error('disconnected'));
    }
  }

  #heard(message: Msg): void {
    const { id, record } = unpackNews(message.data);
    if (record !== undefined) this.#waiters.hear(id, record);
    else if (this.#waiters.has(id)) void this.#waiters.lookUp(id);
  }
}
