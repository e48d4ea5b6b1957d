/** Who waits for a job to end. News of it may be lost on the way, so what has been waited for a while is looked up as well. */
import { now } from '../common/clock.ts';
import { ClosedError } from '../errors.ts';
import type { KeptRecord } from './record.ts';

const LOOK_MS = 3_000;
/** Lookups at a time. */
const AT_A_TIME = 64;
/** While so many jobs are waited for, those that end within so long are told of together: one by one costs several times as much. */
const CROWD = 64;
const GATHER_MS = 4;

interface Waiter {
  readonly settle: (record: KeptRecord | undefined) => void;
  readonly fail: (error: unknown) => void;
  /** Infinity: the job is on its way to the engine, and not to be looked for. */
  sinceMs: number;
}

export class Waiters {
  readonly #look: (id: string) => Promise<KeptRecord | undefined>;
  readonly #waiting = new Map<string, Set<Waiter>>();
  #timer: NodeJS.Timeout | undefined;
  #gathered = new Map<string, KeptRecord>();
  #gathering: NodeJS.Timeout | undefined;
  #looking = false;
  #closed = false;

  /** @param look a job's record */
  constructor(look: (id: string) => Promise<KeptRecord | undefined>) {
    this.#look = look;
  }

  /**
   * Resolves when it is told, or found, that the job has ended; to undefined if there is none.
   * @param sending it is on its way to the engine: `sent` will tell
   */
  wait(id: string, signal: AbortSignal | undefined, sending = false): Promise<KeptRecord | undefined> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(new ClosedError('closed', 'the pool was closed'));
      if (signal?.aborted === true) return reject(signal.reason as Error);
      const waiters = this.#waiting.get(id) ?? new Set();
      const end = (): void => {
        waiters.delete(waiter);
        if (waiters.size === 0) this.#waiting.delete(id);
        signal?.removeEventListener('abort', aborted);
      };
      const aborted = (): void => waiter.fail(signal?.reason);
      const waiter: Waiter = {
        sinceMs: sending ? Infinity : now(),
        settle: (record) => {
          end();
          resolve(record);
        },
        fail: (error) => {
          end();
          reject(error);
        },
      };
      this.#waiting.set(id, waiters.add(waiter));
      signal?.addEventListener('abort', aborted, { once: true });
      this.#timer ??= setInterval(() => void this.look(LOOK_MS), LOOK_MS);
    });
  }

  /** The engine has the job now. */
  sent(id: string): void {
    for (const waiter of this.#waiting.get(id) ?? []) waiter.sinceMs = now();
  }

  has(id: string): boolean {
    return this.#waiting.has(id);
  }

  /** A job has ended so; undefined: there is none. */
  tell(id: string, record: KeptRecord | undefined): void {
    for (const waiter of this.#waiting.get(id) ?? []) waiter.settle(record);
  }

  /** As `tell`, of a job that has just ended. */
  hear(id: string, record: KeptRecord): void {
    if (this.#waiting.size < CROWD && this.#gathering === undefined) return this.tell(id, record);
    if (!this.#gathered.has(id)) this.#gathered.set(id, record);
    this.#gathering ??= setTimeout(() => {
      const gathered = this.#gathered;
      this.#gathered = new Map();
      this.#gathering = undefined;
      for (const [ended, what] of gathered) this.tell(ended, what);
    }, GATHER_MS);
  }

  /** Looks up what has been waited for so long. */
  async look(forMs: number): Promise<void> {
    if (this.#looking || this.#closed) return;
    this.#looking = true;
    const nowMs = now();
    const due = [...this.#waiting].filter(([, waiters]) => [...waiters].some(({ sinceMs }) => nowMs - sinceMs >= forMs)).map(([id]) => id);
    for (let at = 0; at < due.length; at += AT_A_TIME) {
      await Promise.all(due.slice(at, at + AT_A_TIME).map((id) => this.lookUp(id)));
    }
    this.#looking = false;
    if (this.#waiting.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Ends all waiting. */
  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
    clearTimeout(this.#gathering);
    const error = new ClosedError('closed', 'the pool was closed');
    for (const waiters of this.#waiting.values()) for (const waiter of waiters) waiter.fail(error);
  }

  /** Looks for the record of a job. Never rejects. */
  async lookUp(id: string): Promise<void> {
    try {
      const record = await this.#look(id);
      // It may have been heard of meanwhile.
      const known = this.#gathered.get(id) ?? record;
      if (known === undefined || known.status === 'done' || known.status === 'failed') this.tell(id, known);
    } catch {
      // The engine cannot be reached: it is asked again.
    }
  }
}
