/** The worker of a gate that passes jobs on: each is submitted, waited for, and gives what it gave elsewhere. */
import { builtin } from '../common/builtin.ts';
import type { Message } from '../master/message.ts';
import { Relayed } from '../worker/answers.ts';
import type { JobContext } from '../worker/context.ts';
import { RELAYS } from '../worker/served.ts';
import { Worker, type WorkerOptions } from '../worker/worker.ts';
import type { KeptRecord, Submission } from './record.ts';

/** Jobs that one process has in an engine at a time, for its streams. */
const WINDOW = 512;
/** How long the record of a stream's job is kept if nobody takes it. */
const TAKEN_TTL_MS = 600_000;

/** What keeps jobs until they have ended. */
export interface Keeper {
  /** Submits a job, and resolves when it has ended, or rejects when the signal is aborted. Its record is not needed any more then. */
  carryOut(job: Submission, signal: AbortSignal): Promise<KeptRecord>;
  cancel(id: string): Promise<boolean>;
}

/** A message with its function before its payload: the function's name is that of the forwarder from here on. */
export function wrap({ function: name, payload }: Message): Buffer {
  const text = Buffer.from(name);
  const head = Buffer.alloc(2);
  head.writeUInt16LE(text.length);
  return Buffer.concat([head, text, payload]);
}

export class Forwarder extends Worker {
  static readonly [RELAYS] = true;
  static readonly functions = ['forward'];
  readonly #keeper: Keeper;
  readonly #forwarding: (count: 1 | -1) => boolean;

  /** @param forwarding told of each job that begins and ends to be passed on; says whether a worker's function sent it */
  constructor(options: WorkerOptions, keeper: Keeper, forwarding: (count: 1 | -1) => boolean) {
    super({ ...options, slots: WINDOW });
    this.#keeper = keeper;
    this.#forwarding = forwarding;
  }

  async *forward(message: Buffer, job: JobContext): AsyncGenerator<Buffer> {
    const record = await this.#forward(message, job);
    if (record.error !== undefined) throw new Relayed({ ...record.error, phase: '' });
    for (const value of record.values ?? []) yield value as Buffer;
  }

  async #forward(message: Buffer, job: JobContext): Promise<KeptRecord> {
    const end = 2 + message.readUInt16LE(0);
    const name = message.toString('utf8', 2, end);
    const id = builtin('crypto').randomUUID();
    const { retries: _, unsatisfiable: __, resources, timeout, ...fields } = job.fields;
    if (resources !== undefined) {
      const text = `${name}: resources: an engine gives none, only a master with grain() does`;
      throw new Relayed({ code: 'unsatisfiable', message: text, function: name, worker: '', attempts: 0 });
    }
    const { stream, client, index } = job;
    const cancel = (): void => void this.#keeper.cancel(id).catch(() => undefined);
    const nested = this.#forwarding(1);
    job.signal.addEventListener('abort', cancel, { once: true });
    try {
      const passed: Submission = {
        id,
        function: name,
        payload: message.subarray(end),
        options: { fields, ...(typeof timeout === 'number' ? { timeoutMs: timeout } : {}) },
        priority: 0,
        ttlMs: TAKEN_TTL_MS,
        origin: { stream, client, index, attempts: job.attempt - 1 },
        nested,
      };
      return await this.#keeper.carryOut(passed, job.signal);
    } finally {
      job.signal.removeEventListener('abort', cancel);
      this.#forwarding(-1);
    }
  }
}
