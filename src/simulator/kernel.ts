/** What everything in a world shares: its time, its chance, its log, and the law that says what must not happen. */
import { Agenda } from './agenda.ts';
import { Log } from './log.ts';
import { Random } from './random.ts';

/** Something happened that must not happen, whatever the faults. */
export class Violation extends Error {}

export interface KernelOptions {
  readonly seed: number;
  /** Whether turns of event loops and the order of what waits are drawn at random; else all is read in the order of arrival. */
  readonly chaotic: boolean;
  /** How long a message is on its way, if not chaotic: from, to. */
  readonly latencyMs: readonly [number, number];
  readonly keepsLog: boolean;
}

export class Kernel {
  readonly seed: number;
  readonly chaotic: boolean;
  readonly latencyMs: readonly [number, number];
  readonly agenda: Agenda = new Agenda();
  /** Of network and event loops; users and faults have their own. */
  readonly random: Random;
  readonly log: Log;

  constructor({ seed, chaotic, latencyMs, keepsLog }: KernelOptions) {
    this.seed = seed;
    this.chaotic = chaotic;
    this.latencyMs = latencyMs;
    this.random = new Random(seed, 'kernel');
    this.log = new Log(keepsLog);
  }

  get nowMs(): number {
    return this.agenda.nowMs;
  }

  at(atMs: number, act: () => void): void {
    this.agenda.at(atMs, act);
  }

  after(ms: number, act: () => void): void {
    this.agenda.at(this.agenda.nowMs + ms, act);
  }

  remark(text: string): void {
    this.log.remark(this.nowMs, text);
  }

  readonly blame = (what: string): never => {
    throw new Violation(what);
  };
}
