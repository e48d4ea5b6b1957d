/** A worker's side of a work queue: takes jobs as long as there is room, keeps them from being given to others, tells what became of them. */
import type { ServeOptions, Serving } from '../gate.ts';
import { inTime } from '../../common/clock.ts';
import { failedRecord, type KeptRecord, type Submission } from '../record.ts';
import { Renewer } from '../renewer.ts';
import { retryDelay } from '../retry_rule.ts';
import { Running } from '../running.ts';
import { type OpenJob, packEnded, packNews, packOpen, type QueuedJob, unpackJob, unpackOpen } from './data.ts';
import type { Delivery } from './delivery.ts';
import { subscribe } from './dialled_socket.ts';
import { Puller } from './puller.ts';
import { namesOf, type NatsSettings } from './settings.ts';
import type { Opener, Store } from './store.ts';

/** A record up to this size goes to its producer with the news. */
const NEWS_BYTES = 16_384;
/** How many workers a job may bring down before it fails. */
const CRASH_LIMIT = 3;
/** How long a producer may take to say that it has a result. */
const TAKEN_MS = 1_000;

/** A job that this worker has. */
interface Held {
  readonly message: Delivery;
  readonly queued: QueuedJob;
  readonly job: Submission;
  readonly state: OpenJob;
}

export class NatsServing implements Serving {
  readonly #options: ServeOptions;
  readonly #opener: Opener;
  readonly #stream: string;
  readonly #names: ReturnType<typeof namesOf>;
  readonly #renewer: Renewer;
  readonly #store: Promise<Store>;
  readonly #running = new Running();
  readonly #ending = new Set<Promise<void>>();
  /** Jobs whose functions have not ended: while what came of one is told, the next is fetched. */
  #busy = 0;
  #pullers: readonly Puller[] = [];
  #lent = 0;
  #closing = false;

  constructor(settings: NatsSettings, opener: Opener, store: Promise<Store>, options: ServeOptions) {
    this.#options = options;
    this.#opener = opener;
    this.#store = store;
    this.#stream = settings.stream;
    this.#names = namesOf(settings.stream);
    const about = { ...settings, name: options.name };
    this.#renewer = new Renewer('nats', about, (error) => opener.troubles.hear(error));
    void this.#start();
  }

  lend(count: number): void {
    this.#lent = count;
    this.#pull();
  }

  async close(): Promise<void> {
    this.#closing = true;
    for (const puller of this.#pullers) puller.close();
    this.#running.stop();
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
    const { connection } = store;
    const failed = (error: Error): void => this.#opener.troubles.hear(error);
    subscribe(connection, this.#names.cancel, ({ data }) => this.#running.cancel(Buffer.from(data).toString()), failed);
    await Promise.all([this.#renewer.ready, this.#opener.again(() => connection.flush())]).catch(() => undefined);
    if (this.#closing) return;
    const room = (): number => this.#options.slots + this.#lent - this.#busy;
    const take = (message: Delivery): void => this.#take(store, message);
    this.#pullers = ['nested', 'jobs'].map((name) => new Puller(connection, this.#stream, name, { room, take, failed }));
    this.#pull();
    for await (const { type } of connection.status()) if (type === 'reconnect') for (const puller of this.#pullers) puller.askAgain();
  }

  #pull(): void {
    for (const puller of this.#pullers) puller.ask();
  }

  #take(store: Store, message: Delivery): void {
    const read = readJob(message);
    if (read === undefined) {
      const what = `a message of ${message.data.length} bytes in the stream ${this.#stream} is no job of gristmill, and was removed`;
      return this.#opener.troubles.hear(new Error(what));
    }
    const { queued, job } = read;
    // It was asked for before the room was taken: it is nobody's attempt.
    if (this.#closing || this.#running.has(job.id) || this.#busy >= this.#options.slots + this.#lent)
      return void this.#decline(store, { message, queued, job }).catch((error: unknown) => this.#opener.troubles.hear(error as Error));
    const signal = this.#running.begin(job.id);
    this.#busy += 1;
    let isOver = false;
    const over = (): void => {
      if (!isOver) this.#busy -= 1;
      isOver = true;
      this.#pull();
    };
    this.#renewer.jobs.hold(job.id, message.reply);
    const ending = this.#run(store, { message, queued, job }, signal, over)
      .catch((error: unknown) => this.#opener.troubles.hear(error as Error))
      .finally(() => {
        this.#renewer.jobs.drop(job.id);
        this.#running.end(job.id);
        this.#ending.delete(ending);
        over();
      });
    this.#ending.add(ending);
  }

  async #run(store: Store, taken: Omit<Held, 'state'>, signal: AbortSignal, over: () => void): Promise<void> {
    const { message, queued, job } = taken;
    const again = this.#opener.again.bind(this.#opener);
    const before = await this.#before(store, taken);
    // Cancelled, or ended by a worker that died before the queue knew.
    if (before === undefined) return await this.#letGo(store, taken);
    const held: Held = { ...taken, state: { ...before, begun: before.begun + 1, status: 'running' } };
    const lost = before.begun - before.failures - before.returned;
    if (lost >= CRASH_LIMIT) {
      const text = `${job.function}: ${lost} workers that had begun it were lost`;
      return await this.#settle(store, { ...held, state: before }, failedRecord('worker-lost', job.function, text, before.begun));
    }
    if (!queued.streamed) await again(() => store.open.putSmall(job.id, packOpen(held.state)));
    const payload = queued.large ? await again(() => store.open.get(`${job.id}-payload`)) : job.payload;
    if (payload === undefined) return await this.#letGo(store, taken);
    const outcome = await this.#options.run({ ...job, payload }, before.begun, signal);
    over();
    const attempts = held.state.begun;
    if (outcome === 'returned') return await this.#giveBack(store, held);
    if (outcome.error === undefined) return await this.#settle(store, held, { status: 'done', attempts, values: outcome.values });
    const delayMs = retryDelay(job.options, outcome.error.code, before.failures + 1, Math.random());
    if (delayMs === undefined) return await this.#settle(store, held, { status: 'failed', attempts, error: outcome.error });
    await again(() => store.open.putSmall(job.id, packOpen({ ...held.state, failures: before.failures + 1, status: 'deferred' })));
    message.nak(delayMs);
  }

  /** What is known of a job before it begins; undefined: it is over. Of a stream's job, what the server counts, but for what was given back. */
  async #before(store: Store, { message, queued, job }: Omit<Held, 'state'>): Promise<OpenJob | undefined> {
    const begun = message.count - 1;
    const fresh: OpenJob = { function: job.function, begun, failures: 0, returned: 0, status: 'queued', ttlMs: job.ttlMs };
    if (queued.streamed && begun === 0) return fresh;
    const again = this.#opener.again.bind(this.#opener);
    const [found, kept] = await Promise.all([again(() => store.ended.get(job.id)), again(() => store.open.get(job.id))]);
    if (found !== undefined) return undefined;
    const open = kept === undefined ? undefined : unpackOpen(kept);
    return queued.streamed ? { ...fresh, returned: open?.returned ?? 0 } : open;
  }

  /**
   * The record comes first: what the queue does not hear of, it finds. A stream's job needs none if its producer says that it has what came
   * of it: that is the only one who wants to know, and takes the first that it hears.
   */
  async #settle(store: Store, held: Held, record: KeptRecord): Promise<void> {
    const { queued, job } = held;
    const { connection } = store;
    const packed = packEnded(record, Date.now() + job.ttlMs);
    const news = packNews(packed.length <= NEWS_BYTES ? { id: job.id, record } : { id: job.id });
    const to = `${this.#names.to}.${queued.to}`;
    if (queued.streamed && packed.length <= NEWS_BYTES) {
      const taken = await connection.request(to, news, { timeout: TAKEN_MS }).catch(() => undefined);
      if (taken !== undefined) return await this.#letGo(store, held);
    }
    await this.#opener.again(() => store.ended.create(job.id, packed));
    connection.publish(to, news);
    await this.#letGo(store, held);
  }

  async #giveBack(store: Store, { message, queued, job, state }: Held): Promise<void> {
    const isOver = queued.streamed ? this.#running.isCancelled(job.id) : (await store.ended.get(job.id)) !== undefined;
    if (isOver) return await this.#letGo(store, { message, queued, job });
    await store.open.putSmall(job.id, packOpen({ ...state, returned: state.returned + 1, status: 'queued' }));
    message.nak();
  }

  /** Gives a job back that was not begun. Of a stream's job the server has counted an attempt. */
  async #decline(store: Store, taken: Omit<Held, 'state'>): Promise<void> {
    const state = taken.queued.streamed ? await this.#before(store, taken) : undefined;
    if (state === undefined) return taken.message.nak();
    await this.#giveBack(store, { ...taken, state });
  }

  /** Nothing is left of a job but its record. */
  async #letGo(store: Store, { message, queued, job }: Omit<Held, 'state'>): Promise<void> {
    message.ack();
    if (!queued.streamed || message.count > 1) await this.#opener.again(() => store.open.deleteSmall(job.id));
    if (queued.large) await this.#opener.again(() => store.open.delete(`${job.id}-payload`));
  }
}

/** Undefined: it is none of ours, and nobody gets it again. */
function readJob(message: Delivery): Omit<Held, 'message' | 'state'> | undefined {
  try {
    return unpackJob(message.data);
  } catch {
    message.term();
    return undefined;
  }
}
