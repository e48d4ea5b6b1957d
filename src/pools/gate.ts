/**
 * The gate between this process and an engine: a master in memory, in which clients and workers of this process see one of their own.
 * So streams, credit, order, settling, time limits, signals and the cache are what they always are, whatever carries the jobs.
 *
 *     client ──▶ gate ──▶ forwarder (a worker that passes jobs on) ──▶ engine
 *     engine ──▶ feeder (a client) ──▶ gate ──▶ worker, whose own calls go the way of a client's
 *
 * A job that passes the gate is delivered whole: its results come together, when it has ended, up to maxMessageBytes.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from '../client/client.ts';
import { JobError } from '../errors.ts';
import type { KeyStore } from '../master/desk.ts';
import { Master } from '../master/master.ts';
import type { Message } from '../master/message.ts';
import { MAX_MESSAGE_BYTES } from '../protocol/limits.ts';
import { ORIGIN } from '../protocol/origin.ts';
import { LeastLoaded } from '../scheduling/least_loaded.ts';
import type { PolicyChoice } from '../scheduling/policy.ts';
import { MemoryNetwork } from '../transport/memory.ts';
import type { Transport } from '../transport/transport.ts';
import { readJobOptions } from '../streams/job_options.ts';
import type { JobOptions } from '../streams/types.ts';
import { Forwarder, type Keeper, wrap } from './forwarder.ts';
import { type KeptRecord, keptError, RESULT_BYTES, type Submission } from './record.ts';
import type { Troubles } from './troubles.ts';

export const GATE = 'memory://gate';
const FEEDER = 'gate-feeder';
const FORWARDER = 'gate-forwarder';
/** After so long an engine that refuses is asked again. */
const AGAIN_MS = 500;
/** What is around a payload that is passed on. */
const WRAPPING_BYTES = 1_100;

/** What came of a job that an engine gave to this process; `returned`: nothing, it is to be given to another. */
export type Outcome = Pick<KeptRecord, 'values' | 'error'> | 'returned';

export interface ServeOptions {
  readonly name: string;
  readonly slots: number;
  /**
   * Runs a job. Never rejects.
   * @param attempts how often it was begun before
   */
  readonly run: (job: Submission, attempts: number, signal: AbortSignal) => Promise<Outcome>;
}

export interface Serving {
  /** So many of the jobs that run wait for jobs of their own: as many more may be taken. */
  lend(count: number): void;
  /** Takes no more, and gives back what has not ended. */
  close(): Promise<void>;
}

/** What a gate asks of an engine, besides that it keeps jobs. */
export interface Engine extends Keeper {
  readonly keys: KeyStore;
  /** Resolves when the engine has answered for the first time. Rejects if it refuses, or was closed. */
  ready(): Promise<void>;
  readonly troubles: Troubles;
  serve(options: ServeOptions): Serving;
}

/** Jobs go to the forwarder whatever they ask for: that judges it. */
class Passing extends LeastLoaded {
  readonly passesResources = true;
}

class GateMaster extends Master {
  override scatter(message: Message): readonly Message[] {
    if (message.client === FEEDER) return [message];
    return [message.with({ function: 'forward', payload: wrap(message) })];
  }
}

export class Gate {
  readonly #network = new MemoryNetwork({ prompt: true });
  readonly #master: Master;
  readonly #forwarder: Forwarder;
  readonly #engine: Engine | undefined;
  #feeder: Client | undefined;
  #serving: Serving | undefined;
  #nested = 0;
  #functions: readonly string[] = [];
  #worker = '';
  #closed: Promise<void> | undefined;

  /** @param engine where workers of this process get their jobs; without one they get none */
  constructor(keeper: Keeper, engine?: Engine) {
    this.#engine = engine;
    const common = { address: GATE, logger: false, transport: this.#network.transport() } as const;
    const policy: PolicyChoice = { name: 'leastLoaded', create: () => new Passing() };
    const maxMessageBytes = MAX_MESSAGE_BYTES + WRAPPING_BYTES;
    const at = { workerPushAddress: `${GATE}/push`, workerPullAddress: `${GATE}/pull` };
    this.#master = new GateMaster(
      { ...common, ...at, name: 'gate', policy, maxMessageBytes, clientReconnectMs: 0 },
      engine === undefined ? {} : { keys: engine.keys },
    );
    this.#master.events.on('workerJoined', ({ name, functions, slots }) => {
      if (name !== FORWARDER) this.#serve(name, functions, slots);
    });
    this.#forwarder = new Forwarder({ ...common, name: FORWARDER }, keeper, (count) => {
      this.#nested += count;
      this.#serving?.lend(this.#nested);
      return this.#serving !== undefined;
    });
    void this.#start();
  }

  /** What clients and workers dial GATE through; their connection is made when the engine is there. */
  transport(): Transport {
    return this.#network.transport();
  }

  /** Ends what is under way here; what an engine gave is given back. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await this.#feeder?.close();
    await this.#serving?.close();
    await this.#forwarder.stop({ deadlineMs: 0 });
    await this.#master.stop({ deadlineMs: 0 });
  }

  async #start(): Promise<void> {
    await this.#untilReady();
    if (this.#closed !== undefined) return;
    try {
      await this.#master.start();
      await this.#forwarder.start();
    } catch (error) {
      // In memory nothing fails, but what is closed meanwhile.
      if (this.#closed === undefined) throw error;
    }
  }

  /** An engine that refuses is waited for, as one that is not there: somebody may mend it. */
  async #untilReady(): Promise<void> {
    while (this.#closed === undefined) {
      try {
        return await this.#engine?.ready();
      } catch (error) {
        if (this.#closed !== undefined) return;
        this.#engine?.troubles.hear(error as Error);
      }
      await pause(AGAIN_MS, undefined, { ref: false });
    }
  }

  #serve(name: string, functions: readonly string[], slots: number): void {
    if (this.#engine === undefined || this.#serving !== undefined) return;
    this.#worker = name;
    this.#functions = functions;
    this.#feeder = new Client({ address: GATE, name: FEEDER, transport: this.transport(), logger: false });
    this.#serving = this.#engine.serve({ name, slots, run: (job, attempts, signal) => this.#run(job, attempts, signal) });
  }

  async #run(job: Submission, attempts: number, signal: AbortSignal): Promise<Outcome> {
    const { function: name, payload, origin } = job;
    const from = origin ?? { stream: job.id, client: 'submitted', index: 0, attempts: 0 };
    const before = from.attempts + attempts;
    const failed = (error: JobError): Outcome => ({ error: { ...keptError(error), attempts: before + error.attempts } });
    if (!this.#functions.includes(name)) {
      const text = `worker ${this.#worker} has no function '${name}', only ${this.#functions.join(', ')}`;
      return failed(new JobError('unknown-function', text, { function: name, index: 0, attempts: 0 }));
    }
    if (this.#isLeaving()) return 'returned';
    const fields = { ...job.options.fields, [ORIGIN]: { ...from, attempts: before } };
    const { timeoutMs } = job.options;
    const values: Buffer[] = [];
    let bytes = 0;
    try {
      const item = { payload: Buffer.from(payload), fields, timeoutMs, signal };
      const reason = refusalOf(name, payload.length, { fields, timeoutMs });
      if (reason !== undefined) return failed(new JobError('unsatisfiable', reason, { function: name, index: 0, attempts: 0 }));
      for await (const result of (this.#feeder as Client).job(name, [item], { settle: true })) {
        if (result.status === 'rejected') throw result.reason;
        bytes += RESULT_BYTES + result.value.length;
        if (bytes > MAX_MESSAGE_BYTES + RESULT_BYTES) {
          const text = `${name}: its results have more than ${MAX_MESSAGE_BYTES} bytes together, with ${RESULT_BYTES} for each; an engine delivers a job whole`;
          return failed(new JobError('bad-result', text, { function: name, index: 0, attempts: 1 }));
        }
        values.push(result.value);
      }
      return { values };
    } catch (error) {
      return error instanceof JobError ? failed(error) : 'returned';
    }
  }

  #isLeaving(): boolean {
    return !this.#master.status().workers.some(({ name, state }) => name === this.#worker && state !== 'leaving');
  }
}

/** Why a worker cannot be told of a job, or undefined: what cannot be said now never can, and given back it would come again without end. */
function refusalOf(name: string, bytes: number, options: JobOptions): string | undefined {
  if (bytes > MAX_MESSAGE_BYTES) return `${name}: expected a payload of at most ${MAX_MESSAGE_BYTES} bytes, got ${bytes}`;
  try {
    readJobOptions(name, options);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
