/**
 * What stays in this process of a stream's jobs: keys, functions where they are not the stream's, and the signals that cancel them.
 * Jobs may share a signal by the thousand: it has one listener here, and only while a job of it has not ended.
 */
import { ENTRY } from '../protocol/stream_records.ts';
import type { EntryColumns } from './events.ts';

interface Note {
  readonly key: unknown;
  readonly name: string;
  readonly signal: AbortSignal | undefined;
}

interface Watched {
  readonly jobs: Set<number>;
  readonly listen: () => void;
}

export class Notes {
  readonly #notes = new Map<number, Note>();
  readonly #watched = new Map<AbortSignal, Watched>();
  readonly #cancel: (jobs: readonly number[]) => void;

  /** @param cancel told of jobs whose signal was aborted, once of each */
  constructor(cancel: (jobs: readonly number[]) => void) {
    this.#cancel = cancel;
  }

  add(job: number, note: Note): void {
    this.#notes.set(job, note);
    const { signal } = note;
    if (signal === undefined) return;
    if (signal.aborted) return this.#cancel([job]);
    const watched = this.#watched.get(signal) ?? this.#watch(signal);
    watched.jobs.add(job);
  }

  get(job: number): Note | undefined {
    return this.#notes.get(job);
  }

  /** Entries came. The signal of a job that has ended means nothing any more. */
  heard({ jobs, flags }: EntryColumns): void {
    if (this.#watched.size === 0) return;
    for (const [row, job] of jobs.entries()) if (((flags[row] as number) & ENTRY.jobEnd) !== 0) this.#ended(job);
  }

  /** The user has seen all of the job. */
  delete(job: number): void {
    this.#notes.delete(job);
  }

  /** All jobs have ended. */
  allEnded(): void {
    for (const [signal, watched] of this.#watched) this.#unwatch(signal, watched);
  }

  clear(): void {
    this.allEnded();
    this.#notes.clear();
  }

  #watch(signal: AbortSignal): Watched {
    const jobs = new Set<number>();
    const listen = (): void => {
      this.#watched.delete(signal);
      this.#cancel([...jobs]);
    };
    const watched = { jobs, listen };
    this.#watched.set(signal, watched);
    signal.addEventListener('abort', listen, { once: true });
    return watched;
  }

  #unwatch(signal: AbortSignal, { listen }: Watched): void {
    this.#watched.delete(signal);
    signal.removeEventListener('abort', listen);
  }

  #ended(job: number): void {
    const signal = this.#notes.get(job)?.signal;
    const watched = signal === undefined ? undefined : this.#watched.get(signal);
    if (signal === undefined || watched?.jobs.delete(job) !== true || watched.jobs.size > 0) return;
    this.#unwatch(signal, watched);
  }
}
