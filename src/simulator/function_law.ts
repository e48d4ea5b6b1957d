/** When a function may be called unknown: no worker of this life had it, and those that have it had time to come. */
import type { Hello } from '../protocol/greetings.ts';
import { NO_ID } from '../protocol/messages.ts';
import type { RemoteError } from '../protocol/remote_error.ts';
import type { Kernel } from './kernel.ts';

/** Where peers of an earlier master come, its workers have so many times their grace. */
const REUNION = 10;

export class FunctionLaw {
  readonly #kernel: Kernel;
  readonly #epoch: string;
  readonly #bornMs: number;
  #graceMs: number;
  readonly #graceOfReunionMs: number;
  readonly #served = new Set<string>();

  constructor(kernel: Kernel, epoch: string, workerGraceMs: number) {
    this.#kernel = kernel;
    this.#epoch = epoch;
    this.#bornMs = kernel.nowMs;
    this.#graceMs = workerGraceMs;
    this.#graceOfReunionMs = REUNION * workerGraceMs;
  }

  greeted({ epoch }: Hello): void {
    if (epoch !== NO_ID && epoch !== this.#epoch) this.#graceMs = this.#graceOfReunionMs;
  }

  welcomed({ functions }: Hello): void {
    for (const name of functions) this.#served.add(name);
  }

  failed({ code, function: name }: RemoteError): void {
    if (code !== 'unknown-function') return;
    if (this.#served.has(name)) this.#kernel.blame(`function ${name} is unknown, but was served before`);
    const ageMs = this.#kernel.nowMs - this.#bornMs;
    if (ageMs < this.#graceMs) this.#kernel.blame(`function ${name} is unknown ${ageMs.toFixed(1)} ms after the master began`);
  }
}
