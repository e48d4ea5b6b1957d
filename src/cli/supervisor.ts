/**
 * Keeps processes running: starts those that crash again, and stops all at a signal.
 *
 * One that ends with exit code 0 has done what it was for, unless its worker was serving (UNFINISHED). One that says at
 * its first start that it is of no use (Unusable: it cannot be loaded, the master refuses it) would only say so again. Neither is
 * restarted; when none is left, that is the end.
 */
import type { ChildProcess } from 'node:child_process';
import { EXIT } from './verb.ts';

/** A crash soon after a start doubles the wait for the next one, between these. */
const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 30_000;
/** Who ran for so long has started well. */
const STEADY_MS = 10_000;
/** What a process gets beyond its own deadline. */
const GRACE_MS = 1_000;

/** How a process ends whose worker was serving when it was to end with exit code 0: a code that nobody else uses. */
export const UNFINISHED = 222;

/** What a process sends before it ends because it is of no use. */
export interface Unusable {
  readonly unusable: number;
}

export interface Supervision {
  readonly names: readonly string[];
  readonly deadlineMs: number;
  readonly start: (name: string) => ChildProcess;
}

/** Runs one process for each name. Resolves to the worst exit code when all have ended for good. */
export async function superviseAll(supervision: Supervision): Promise<number> {
  const stopping = new AbortController();
  const kill = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  // A signal often comes twice: to the whole group, and handed on by whoever started us. Only the deadline kills.
  const onSignal = (): void => {
    stopping.abort();
    timer ??= setTimeout(() => kill.abort(), supervision.deadlineMs + GRACE_MS);
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  try {
    const ended = supervision.names.map((name) => keepRunning(name, supervision, stopping.signal, kill.signal));
    return Math.max(...(await Promise.all(ended)));
  } finally {
    clearTimeout(timer);
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

async function keepRunning(name: string, { start }: Supervision, stopping: AbortSignal, kill: AbortSignal): Promise<number> {
  let waitMs = 0;
  for (let first = true; ; first = false) {
    const startedMs = performance.now();
    const how = await runOnce(start(name), stopping, kill);
    if (kill.aborted && how.signal === 'SIGKILL') {
      process.stderr.write(`gristmill: ${name} did not stop within its deadline and was killed\n`);
      return EXIT.failed;
    }
    if (stopping.aborted) {
      const asked = how.code === EXIT.ok || how.code === UNFINISHED || how.signal === 'SIGTERM' || how.signal === 'SIGINT';
      return asked ? EXIT.ok : EXIT.failed;
    }
    if (how.code === EXIT.ok) return EXIT.ok;
    if (first && how.unusable !== undefined) return how.unusable;
    if (performance.now() - startedMs >= STEADY_MS) waitMs = 0;
    const reason = how.code === UNFINISHED ? 'exit code 0 while it served' : (how.signal ?? `exit code ${how.code}`);
    process.stderr.write(`gristmill: ${name} crashed (${reason}); starting it again${waitMs === 0 ? '' : ` in ${waitMs / 1_000} s`}\n`);
    if (await aborted(stopping, waitMs)) return EXIT.ok;
    waitMs = Math.min(Math.max(waitMs * 2, 2 * FIRST_WAIT_MS), LONGEST_WAIT_MS);
  }
}

interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly unusable?: number | undefined;
}

/** Runs a process to its end, handing on the wish that it stop. */
async function runOnce(child: ChildProcess, stopping: AbortSignal, kill: AbortSignal): Promise<Ending> {
  const ask = (): void => void child.kill('SIGTERM');
  const force = (): void => void child.kill('SIGKILL');
  stopping.addEventListener('abort', ask);
  kill.addEventListener('abort', force);
  if (stopping.aborted) ask();
  let unusable: number | undefined;
  child.on('message', (message) => {
    const said = (message as Partial<Unusable> | null)?.unusable;
    if (typeof said === 'number') unusable = said;
  });
  try {
    return await new Promise((resolve) => {
      child.once('close', (code, signal) => resolve({ code, signal, unusable }));
      child.once('error', (error) => {
        process.stderr.write(`gristmill: ${error.message}\n`);
        if (child.pid === undefined) resolve({ code: EXIT.failed, signal: null });
      });
    });
  } finally {
    stopping.removeEventListener('abort', ask);
    kill.removeEventListener('abort', force);
  }
}

/** Waits; resolves to whether the signal came first. */
function aborted(signal: AbortSignal, ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve(true);
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve(false);
    }, ms);
    const stop = (): void => {
      clearTimeout(timer);
      resolve(true);
    };
    signal.addEventListener('abort', stop, { once: true });
  });
}
