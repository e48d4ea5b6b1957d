/** A worker's side of a work queue: takes jobs as long as there is room, keeps them from being given to others, tells what became of them. */
import type { Consumer, JsMsg } from '@nats-io/jetstream';
import { setTimeout as pause } from 'node:timers/promises';
import type { ServeOptions, Serving } from '../gate.ts';
import { inTime } from '../in_time.ts';
import { type KeptError, type KeptRecord, type Submission, unpackSubmission } from '../record.ts';
import { Renewer } from '../renewer.ts';
import { retryDelay } from '../retry_rule.ts';
import { type OpenJob, packEnded, packNews, packOpen, type QueuedJob, unpackJob, unpackOpen } from './data.ts';
import { namesOf, type NatsSettings } from './settings.ts';
import type { Opener, Store } from './store.ts';

/** A record up to this size goes to its producer with the news. */
const NEWS_BYTES = 16_384;
/** How many workers a job may bring down before it fails. */
const CRASH_LIMIT = 3;
const WAIT_MS = 2_000;

/** A job that this worker has. */
interface Held {
  readonly message: JsMsg;
  readonly queued: QueuedJob;
  readonly job: Submission;
  readonly state: OpenJob;
}

export class NatsServing implements Serving {
  readonly #options: ServeOptions;
  readonly #opener: Opener;
  readonly #names: ReturnType<typeof namesOf>;
  readonly #renewer: Renewer;
  readonly #store: Promise<Store>;
  /** Jobs that run here, and how they are told that nobody wants them. */
  readonly #running = new Map<string, AbortController>();
  readonly #ending = new Set<Promise<void>>();
  /** Jobs whose functions have not ended: while what came of one is told, the next is fetched. */
  #busy = 0;
  #waiting = new Set<() => void>();
  #lent = 0;
  #closing = false;

  constructor(settings: NatsSettings, opener: Opener, store: Promise<Store>, options: ServeOptions) {
    this.#options = options;
    this.#opener = opener;
    this.#store = store;
    this.#names = namesOf(settings.stream);
    this.#renewer = new Renewer('nats', { ...settings, name: options.name }, (error) => opener.failed(error));
    void this.#start();
  }

  lend(count: number): void {
    this.#lent = count;
    this.#room();
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#room();
    for (const controller of this.#running.values()) controller.abort(new Error('the worker has stopped'));
    const store = await this.#store.catch(() => undefined);
    await inTime(Promise.all(this.#ending));
    if (store === undefined) return;
    await this.#renewer.close();
    await inTime(store.workers.delete(Buffer.from(this.#options.name).toString('base64url')));
    await inTime(store.connection.flush());
  }

  async #start(): Promise<void> {
    const store = await this.#store.catch(() => undefined);
    if (store === undefined) return;
    const callback = (_error: unknown, { data }: { data: Uint8Array }): void =>
      this.#running.get(Buffer.from(data).toString())?.abort(new Error('the job was cancelled'));
    store.connection.subscribe(this.#names.cancel, { callback });
    await this.#renewer.ready;
    const consumers = await this.#opener.again(() => store.consumers()).catch(() => undefined);
    if (consumers === undefined) return;
    void this.#fetch(store, consumers.nested);
    void this.#fetch(store, consumers.jobs);
  }

  /** Takes the jobs of one consumer, one by one, while there is room. */
  async #fetch(store: Store, consumer: Consumer): Promise<void> {
    while (!this.#closing && !this.#opener.closed) {
      if (this.#busy >= this.#options.slots + this.#lent) {
        await new Promise<void>((resolve) => {
          this.#waiting.add(resolve);
        });
        continue;
      }
      try {
        const message = await consumer.next({ expires: WAIT_MS });
        if (message !== null) this.#take(store, message);
      } catch (error) {
        this.#opener.failed(error as Error);
        await pause(100);
      }
    }
  }

  #take(store: Store, message: JsMsg): void {
    const queued = unpackJob(message.data);
    const job = unpackSubmission(queued.job);
    // The other consumer was faster: it is nobody's attempt.
    if (this.#closing || this.#running.has(job.id) || this.#busy >= this.#options.slots + this.#lent) return message.nak();
    const controller = new AbortController();
    this.#running.set(job.id, controller);
    this.#busy += 1;
    let isOver = false;
    const over = (): void => {
      if (!isOver) this.#busy -= 1;
      isOver = true;
      this.#room();
    };
    this.#renewer.jobs.hold(job.id, (message as JsMsg & { readonly reply: string }).reply);
    const ending = this.#run(store, { message, queued, job }, controller.signal, over)
      .catch((error: unknown) => this.#opener.failed(error as Error))
      .finally(() => {
        this.#renewer.jobs.drop(job.id);
        this.#running.delete(job.id);
        this.#ending.delete(ending);
        over();
      });
    this.#ending.add(ending);
  }

  async #run(store: Store, taken: Omit<Held, 'state'>, signal: AbortSignal, over: () => void): Promise<void> {
    const { message, queued, job } = taken;
    const again = this.#opener.again.bind(this.#opener);
    const [found, kept] = await Promise.all([again(() => store.ended.get(job.id)), again(() => store.open.get(job.id))]);
    // Cancelled, or ended by a worker that died before the queue knew.
    if (found !== undefined || kept === undefined) return await this.#letGo(store, message, job.id);
    const before = unpackOpen(kept);
    const held: Held = { ...taken, state: { ...before, begun: before.begun + 1, status: 'running' } };
    const lost = before.begun - before.failures - before.returned;
    if (lost >= CRASH_LIMIT) {
      const text = `${job.function}: ${lost} workers that had begun it were lost`;
      return await this.#settle(store, { ...held, state: before }, failed('worker-lost', job, text, before.begun));
    }
    await again(() => store.open.put(job.id, packOpen(held.state)));
    const payload = queued.large ? await again(() => store.open.get(`${job.id}-payload`)) : job.payload;
    if (payload === undefined) return await this.#letGo(store, message, job.id);
    const outcome = await this.#options.run({ ...job, payload }, before.begun, signal);
    over();
    const attempts = held.state.begun;
    if (outcome === 'returned') return await this.#giveBack(store, held);
    if (outcome.error === undefined) return await this.#settle(store, held, { status: 'done', attempts, values: outcome.values });
    const delayMs = retryDelay(job.options, outcome.error.code, before.failures + 1, Math.random());
    if (delayMs === undefined) return await this.#settle(store, held, { status: 'failed', attempts, error: outcome.error });
    await again(() => store.open.put(job.id, packOpen({ ...held.state, failures: before.failures + 1, status: 'deferred' })));
    message.nak(delayMs);
  }

  /** The record comes first: what the queue does not hear of, it finds. */
  async #settle(store: Store, { message, queued, job }: Held, record: KeptRecord): Promise<void> {
    const packed = packEnded(record, Date.now() + job.ttlMs);
    await this.#opener.again(() => store.ended.create(job.id, packed));
    const news = packNews(packed.length <= NEWS_BYTES ? { id: job.id, record } : { id: job.id });
    store.connection.publish(`${this.#names.to}.${queued.to}`, news);
    await this.#letGo(store, message, job.id);
  }

  async #giveBack(store: Store, { message, job, state }: Held): Promise<void> {
    if ((await store.ended.get(job.id)) !== undefined) return await this.#letGo(store, message, job.id);
    await store.open.put(job.id, packOpen({ ...state, returned: state.returned + 1, status: 'queued' }));
    message.nak();
  }

  /** Nothing is left of a job but its record. */
  async #letGo(store: Store, message: JsMsg, id: string): Promise<void> {
    message.ack();
    await this.#opener.again(() => store.open.delete(id));
    await this.#opener.again(() => store.open.delete(`${id}-payload`));
  }

  #room(): void {
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const go of waiting) go();
  }
}

function failed(code: KeptError['code'], { function: name }: Submission, message: string, attempts: number): KeptRecord {
  return { status: 'failed', attempts, error: { code, message, function: name, attempts, worker: '', stack: '' } };
}
