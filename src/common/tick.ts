/**
 * When a tick of a shell ends: what came in is handled event by event, and then, once, what was decided goes out.
 *
 * Under load a tick ends when the event loop has looked at every socket, so that all that is there goes out together. While messages
 * come one at a time there is nothing to wait for: the tick ends as soon as what the message led to, promises included, has run. Which of
 * both it is, is guessed from the tick before; a wrong guess costs one message more.
 *
 * A shell that need neither wait for promises nor know what else lies there ends the tick of a lone message at once, unless another tick
 * has just ended: then more may have come. (A worker does need to: before it begins a part, it reads whether that is taken back, but for
 * what may have come with a lone message, see transport/zeromq_receiver.ts.)
 */
import { now } from './clock.ts';

/** What lies there is read sooner after a tick than this. */
const QUIET_MS = 0.02;

export class Tick {
  readonly #end: (nowMs: number) => void;
  #gathers: (() => void)[] = [];
  #scheduled = false;
  #immediate = false;
  #messages = 0;
  #isLone = false;
  #ending = false;
  readonly #atOnce: boolean;
  #endedAtMs = 0;

  /**
   * @param end called once for each tick, with the time; what it schedules is another tick, and other I/O comes first
   * @param options `atOnce`: what a message leads to is not awaited, nor what has come behind it looked at
   */
  constructor(end: (nowMs: number) => void, { atOnce = false }: { readonly atOnce?: boolean } = {}) {
    this.#end = end;
    this.#atOnce = atOnce;
  }

  /** A message came, at that time: the tick under way ends soon. Before this is called it has been handled, if that may be `atOnce`. */
  heard(nowMs: number): void {
    this.#messages += 1;
    if (!this.#isLone || this.#ending) return this.schedule();
    if (this.#messages === 1) {
      if (this.#atOnce && nowMs - this.#endedAtMs >= QUIET_MS) return this.#run(nowMs);
      process.nextTick(this.#run);
    }
    this.#scheduled = true;
  }

  /** Before the tick ends, this is to be called once. */
  atEnd(gather: () => void): void {
    this.#gathers.push(gather);
    this.schedule();
  }

  /** Something else happened: the tick ends when the sockets have been looked at. */
  schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    if (this.#immediate) return;
    this.#immediate = true;
    setImmediate(() => {
      this.#immediate = false;
      if (this.#scheduled) this.#run();
    });
  }

  get scheduled(): boolean {
    return this.#scheduled;
  }

  readonly #run = (nowMs = now()): void => {
    this.#ending = true;
    if (this.#gathers.length > 0) {
      const gathers = this.#gathers;
      this.#gathers = [];
      for (const gather of gathers) gather();
    }
    this.#scheduled = false;
    if (this.#gathers.length > 0) this.schedule();
    this.#isLone = this.#messages <= 1;
    this.#messages = 0;
    this.#end(nowMs);
    this.#ending = false;
    if (this.#atOnce) this.#endedAtMs = now();
  };
}
