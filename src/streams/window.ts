/**
 * The credit for results that the consumer grants, and for jobs that it was granted. Both are totals since the stream was opened in
 * this session, so that a word too many does no harm.
 *
 * Law of results: at any time the master may send what the window has room for: the window less what waits here for the user. A new
 * total is told when that is half a window more than was told, or when nothing is left of what was told (but for the unit that an
 * ordered stream's master keeps for the head).
 */
import { INITIAL_JOB_BYTES, INITIAL_JOBS } from '../protocol/limits.ts';

/** Credit for results, in one unit: their number, or their bytes. */
export class ResultWindow {
  readonly #reserved: number;
  readonly #items: number;
  #size: number;
  #told = 0;
  #received = 0;
  #buffered = 0;

  /** @param items it grows until it holds so many of the largest that came: what passes one by one leaves everybody idle in turns */
  constructor(size: number, reserved = 0, items = 0) {
    this.#size = size;
    this.#reserved = reserved;
    this.#items = items;
  }

  get buffered(): number {
    return this.#buffered;
  }

  /** It has come from the master. */
  receive(amount: number): void {
    this.#received += amount;
    this.#size = Math.max(this.#size, amount * this.#items);
  }

  /** It waits for the user from now on, or (negative) no more. */
  buffer(amount: number): void {
    this.#buffered += amount;
  }

  /** The stream is opened (again). While the user has nothing to take, at least one may come. */
  open(): void {
    this.#received = 0;
    this.#told = 0;
  }

  /** Whether a new total should be told. */
  due(idle: boolean): boolean {
    const more = this.#total(idle) - this.#told;
    return more > 0 && (more * 2 >= this.#size || this.#told - this.#reserved <= this.#received);
  }

  tell(idle: boolean): number {
    this.#told = Math.max(this.#told, this.#total(idle));
    return this.#told;
  }

  #total(idle: boolean): number {
    return this.#received + Math.max(this.#size - this.#buffered, idle ? 1 : 0);
  }
}

/** Credit for jobs, with what of it is used. */
export class JobWindow {
  #jobs = INITIAL_JOBS;
  #bytes = INITIAL_JOB_BYTES;
  #sent = 0;
  #sentBytes = 0;
  #waiting = 0;
  #waitingBytes = 0;
  #outstanding = 0;

  /** How many were sent since the open. */
  get sent(): number {
    return this.#sent;
  }

  /** How many wait to be sent. */
  get waiting(): number {
    return this.#waiting;
  }

  grant(jobs: number, bytes: number): void {
    this.#jobs = Math.max(this.#jobs, jobs);
    this.#bytes = Math.max(this.#bytes, bytes);
  }

  add(bytes: number): void {
    this.#waiting += 1;
    this.#waitingBytes += bytes;
  }

  /** One item always passes an empty window. */
  maySend(bytes: number): boolean {
    return this.#outstanding === 0 || (this.#sent < this.#jobs && this.#sentBytes + bytes <= this.#bytes);
  }

  send(bytes: number): void {
    this.#waiting -= 1;
    this.#waitingBytes -= bytes;
    this.#sent += 1;
    this.#sentBytes += bytes;
    this.#outstanding += 1;
  }

  /** A job that waited will not be sent. */
  drop(bytes: number): void {
    this.#waiting -= 1;
    this.#waitingBytes -= bytes;
  }

  /** A job that was sent has ended. */
  end(): void {
    this.#outstanding -= 1;
  }

  /** How many more jobs the source should give, and bytes; 0 jobs: none. */
  room(): { jobs: number; bytes: number } {
    const jobs = this.#jobs - this.#sent - this.#waiting;
    const bytes = this.#bytes - this.#sentBytes - this.#waitingBytes;
    if (jobs > 0 && bytes > 0) return { jobs, bytes };
    return this.#outstanding + this.#waiting === 0 ? { jobs: 1, bytes: 1 } : { jobs: 0, bytes: 0 };
  }

  /** Another session: what was sent and has not ended waits again. `jobs` and `bytes` of all that has not ended. */
  restart(jobs: number, bytes: number): void {
    this.#jobs = INITIAL_JOBS;
    this.#bytes = INITIAL_JOB_BYTES;
    this.#sent = 0;
    this.#sentBytes = 0;
    this.#outstanding = 0;
    this.#waiting = jobs;
    this.#waitingBytes = bytes;
  }
}
