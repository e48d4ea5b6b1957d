/**
 * The desk of a master: jobs that were submitted, and what became of them. It lives in the master's process, as a client of it: each job
 * is a stream of one job, so retries, time-outs and lost workers are the master's matter as always.
 *
 * Bounds: open jobs together take at most `maxBytes`, beyond it a job is refused; ended ones take as much again, beyond it the oldest go.
 * Jobs that are more than MAX_STREAMS wait here, in their order.
 */
import { Client } from '../client/client.ts';
import { JobError } from '../errors.ts';
import type { Desk, DeskHost } from '../master/desk.ts';
import { MAX_MESSAGE_BYTES } from '../protocol/limits.ts';
import { readJobOptions } from '../streams/job_options.ts';
import type { JobStream, Settled } from '../streams/types.ts';
import { INSIDE } from '../transport/inside.ts';
import { type KeptRecord, keptError, packRecord, RESULT_BYTES, type Submission, unpackSubmission } from './record.ts';

const MAX_STREAMS = 1_024;
/** What an entry takes besides its bytes. */
const ENTRY_BYTES = 512;

interface Entry {
  readonly job: Submission;
  readonly abort: AbortController;
  stream: JobStream<Settled<unknown>> | undefined;
  /** Once it has ended. */
  record: Buffer | undefined;
  timer: NodeJS.Timeout | undefined;
}

export class JobDesk implements Desk {
  readonly #host: DeskHost;
  readonly #client: Client;
  readonly #entries = new Map<string, Entry>();
  readonly #waiting = new Set<Entry>();
  /** Those that have ended, the oldest first. */
  readonly #ended = new Set<Entry>();
  #running = 0;
  #openBytes = 0;
  #endedBytes = 0;
  #closed = false;

  constructor(host: DeskHost) {
    this.#host = host;
    this.#client = new Client({ address: INSIDE, name: 'submitted jobs', transport: host.transport, logger: false });
  }

  set(value: Uint8Array, id: string): string {
    if (this.#entries.has(id)) return id;
    const job = unpackSubmission(value);
    if (job.id !== id) throw new RangeError(`submit: expected the job '${id}', got '${job.id}'`);
    readJobOptions('submit', job.options);
    const { maxBytes } = this.#host;
    if (this.#openBytes + sizeOf(job) > maxBytes)
      throw new RangeError(
        `submit: a job of ${sizeOf(job)} bytes; jobs of ${this.#openBytes} bytes wait at this master already, it holds at most ${maxBytes} (maxBufferBytes)`,
      );
    const entry: Entry = { job, abort: new AbortController(), stream: undefined, record: undefined, timer: undefined };
    this.#entries.set(id, entry);
    this.#openBytes += sizeOf(job);
    this.#waiting.add(entry);
    this.#advance();
    return id;
  }

  get(id: string): Uint8Array | undefined {
    const entry = this.#entries.get(id);
    if (entry === undefined || entry.record !== undefined) return entry?.record;
    if (entry.stream === undefined) return packRecord({ status: 'queued', attempts: 0 });
    return packRecord(this.#host.whereabouts(entry.stream.id));
  }

  delete(id: string): boolean {
    const entry = this.#entries.get(id);
    if (entry === undefined || entry.record !== undefined) return false;
    const { attempts } = entry.stream === undefined ? { attempts: 0 } : this.#host.whereabouts(entry.stream.id);
    const { function: name } = entry.job;
    const reason = new JobError('cancelled', `${name}: the job was cancelled`, { function: name, index: 0, attempts });
    this.#waiting.delete(entry);
    entry.abort.abort(reason);
    this.#end(entry, { status: 'failed', attempts, error: keptError(reason) });
    return true;
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const { timer } of this.#entries.values()) clearTimeout(timer);
    await this.#client.close();
  }

  #advance(): void {
    for (const entry of this.#waiting) {
      if (this.#running >= MAX_STREAMS) return;
      this.#waiting.delete(entry);
      this.#running += 1;
      void this.#run(entry);
    }
  }

  /** Never rejects. */
  async #run(entry: Entry): Promise<void> {
    const record = await this.#recordOf(entry);
    this.#running -= 1;
    if (this.#closed) return;
    this.#end(entry, record);
    this.#advance();
  }

  async #recordOf(entry: Entry): Promise<KeptRecord> {
    const { function: name, payload, options } = entry.job;
    const values: Buffer[] = [];
    let attempts = 1;
    let bytes = 0;
    try {
      entry.stream = this.#client.job(name, [{ payload, ...options, signal: entry.abort.signal }], { settle: true });
      for await (const result of entry.stream) {
        if (result.status === 'rejected') throw result.reason;
        attempts = Math.max(attempts, result.job.attempts);
        bytes += RESULT_BYTES + result.value.length;
        if (bytes > MAX_MESSAGE_BYTES + RESULT_BYTES) {
          const text = `${name}: its results have more than ${MAX_MESSAGE_BYTES} bytes together, with ${RESULT_BYTES} for each; a submitted job's are kept whole`;
          throw new JobError('bad-result', text, { function: name, index: 0, attempts });
        }
        values.push(result.value);
      }
      return { status: 'done', attempts, values };
    } catch (error) {
      const failure = error instanceof JobError ? error : unexpected(name, error);
      return { status: 'failed', attempts: failure.attempts, error: keptError(failure) };
    }
  }

  #end(entry: Entry, record: KeptRecord): void {
    if (entry.record !== undefined) return;
    entry.record = packRecord(record);
    this.#openBytes -= sizeOf(entry.job);
    this.#endedBytes += ENTRY_BYTES + entry.record.length;
    this.#ended.add(entry);
    entry.timer = setTimeout(() => this.#forget(entry), Math.min(entry.job.ttlMs, 2 ** 31 - 1));
    entry.timer.unref();
    for (const oldest of this.#ended) {
      if (this.#endedBytes <= this.#host.maxBytes) return;
      this.#forget(oldest);
    }
  }

  #forget(entry: Entry): void {
    clearTimeout(entry.timer);
    if (!this.#ended.delete(entry)) return;
    this.#entries.delete(entry.job.id);
    this.#endedBytes -= ENTRY_BYTES + (entry.record as Buffer).length;
  }
}

function sizeOf(job: Submission): number {
  return ENTRY_BYTES + job.payload.length;
}

/** Such as a payload over the master's limit. */
function unexpected(name: string, error: unknown): JobError {
  const message = error instanceof Error ? error.message : String(error);
  return new JobError('function-threw', message, { function: name, index: 0, cause: error });
}
