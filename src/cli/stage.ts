/** Runs programs of Node as processes of their own, listens to their lines, and leaves none behind. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** How long a process may take to stop in order. */
const STOP_MS = 5_000;

/** One process, and what it has printed so far. */
export class Player {
  readonly who: string;
  /** Lines of stdout, and of stderr. */
  readonly lines: string[] = [];
  readonly errors: string[] = [];
  /** Resolves to the exit code when it has ended and all its lines have come; null if a signal ended it. */
  readonly ended: Promise<number | null>;
  readonly #child: ChildProcess;
  readonly #waiting = new Set<() => void>();
  #over = false;

  constructor(who: string, child: ChildProcess, show: (who: string, line: string) => void) {
    this.who = who;
    this.#child = child;
    const listen = (stream: NodeJS.ReadableStream | null, lines: string[]): void => {
      if (stream === null) return;
      createInterface({ input: stream, crlfDelay: Infinity }).on('line', (line) => {
        lines.push(line);
        show(who, line);
        this.#tell();
      });
    };
    listen(child.stdout, this.lines);
    listen(child.stderr, this.errors);
    this.ended = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => {
        this.#over = true;
        this.#tell();
        resolve(code);
      });
    });
    // Who waits for it hears of it all the same.
    this.ended.catch(() => undefined);
  }

  get over(): boolean {
    return this.#over;
  }

  /** Waits for a line of stdout or stderr. Rejects if the process ends without one. */
  async line(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      for (const line of [...this.lines, ...this.errors]) {
        const found = pattern.exec(line);
        if (found !== null) return found;
      }
      if (this.#over) throw new Error(`${this.who} ended without a line like ${pattern}: ${this.errors.join('\n')}`);
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  #tell(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Asks it to stop, and makes it. Resolves when it has ended. */
  async stop(): Promise<number | null> {
    if (this.#over) return await this.ended;
    this.kill('SIGTERM');
    const timer = setTimeout(() => this.kill('SIGKILL'), STOP_MS);
    try {
      return await this.ended;
    } finally {
      clearTimeout(timer);
    }
  }
}

export class Stage implements AsyncDisposable {
  readonly #players: Player[] = [];
  readonly #show: (who: string, line: string) => void;

  /** @param show is told every line as it comes */
  constructor(show: (who: string, line: string) => void = () => undefined) {
    this.#show = show;
  }

  /** Starts `node FILE ARGS…` under a name. */
  start(who: string, file: string, args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Player {
    const child = spawn(process.execPath, [file, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
    const player = new Player(who, child, this.#show);
    this.#players.push(player);
    return player;
  }

  /** Stops all that run, those that came last first: clients, then workers, then the master. */
  async close(): Promise<void> {
    for (const player of this.#players.splice(0).toReversed()) await player.stop().catch(() => undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
