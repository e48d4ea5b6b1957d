import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Receiver, turn } from '../../src/transport/zeromq_receiver.ts';

/** A socket that gives what lies there at once, as zeromq.js does, and a clock that goes on when it is told to. */
class World {
  readonly log: string[] = [];
  readonly #lies: string[] = [];
  #come: ((frames: Buffer[]) => void) | undefined;
  #nowMs = 1_000;
  readonly receiver: Receiver;

  /** @param workMs how long promises take that a message leads to */
  constructor(workMs = 0) {
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => this.#nowMs);
    onTestFinished(() => clock.mockRestore());
    this.receiver = new Receiver({ receive: () => this.#receive() }, ([frame]) => {
      const text = Buffer.from(frame as Uint8Array).toString();
      this.log.push(text);
      if (text === 'stop') this.receiver.stop();
      if (text === 'bad') throw new Error('a bad handler');
      // As the tick of a lone message ends (common/tick.ts), and begins an async function.
      process.nextTick(() => {
        this.log.push('answered');
        void Promise.resolve().then(() => (this.#nowMs += workMs));
      });
      void Promise.resolve().then(() => this.log.push('promises'));
    });
  }

  #receive(): Promise<Buffer[]> {
    this.log.push('asked');
    const text = this.#lies.shift();
    if (text === 'closed') throw new Error('it is closed');
    if (text === 'broken') return Promise.reject(new Error('it is broken'));
    if (text !== undefined) return Promise.resolve([Buffer.from(text)]);
    return new Promise((resolve) => {
      this.#come = resolve;
    });
  }

  async start(): Promise<this> {
    this.receiver.start();
    await turn();
    return this;
  }

  /** So much later messages come together. */
  async give(afterMs: number, ...texts: string[]): Promise<void> {
    this.#nowMs += afterMs;
    const [first, ...others] = texts as [string, ...string[]];
    this.#lies.push(...others);
    this.#come?.([Buffer.from(first)]);
    await turn();
  }
}

/** What is thrown from turns of the event loop of its own, where it is uncaught; all else goes on. */
function uncaught(): unknown[] {
  const thrown: unknown[] = [];
  const immediate = setImmediate;
  const guarded = (run: () => void): NodeJS.Immediate =>
    immediate(() => {
      try {
        run();
      } catch (error) {
        thrown.push(error);
      }
    });
  const spy = vi.spyOn(globalThis, 'setImmediate').mockImplementation(guarded);
  onTestFinished(() => spy.mockRestore());
  return thrown;
}

describe('the reader of a socket', () => {
  it('looks for more behind a message that came alone when that has been answered', async () => {
    const world = await new World().start();
    await world.give(0.3, 'one');
    await world.give(0.01, 'two');
    expect(world.log).toEqual(['asked', 'one', 'promises', 'answered', 'asked', 'two', 'promises', 'answered', 'asked']);
  });

  it('but at once, if the socket was found empty too long ago', async () => {
    for (const afterMs of [1, 3_600_000]) {
      const world = await new World().start();
      await world.give(afterMs, 'one');
      expect(world.log).toEqual(['asked', 'one', 'asked', 'promises', 'answered']);
    }
  });

  it.each([0, 0.05, 0.5, 5])('and reads all that lies there before it is answered, though promises take %f ms', async (workMs) => {
    const world = await new World(workMs).start();
    const others = Array.from({ length: 100 }, (_, i) => `message ${i}`);
    await world.give(0.3, 'one', ...others);
    const messages = world.log.filter((line) => line.startsWith('message') || line === 'answered');
    expect(messages.slice(0, 101)).toEqual(['answered', ...others]);
    expect(messages).toHaveLength(201);
  });

  it('asks no more once it is stopped, by what it reads or before', async () => {
    for (const afterMs of [0.3, 3]) {
      const world = await new World().start();
      await world.give(afterMs, 'stop');
      expect(world.log).toEqual(['asked', 'stop', 'promises', 'answered']);
    }
    const world = await new World().start();
    world.receiver.stop();
    await world.give(0.3, 'one');
    expect(world.log).toEqual(['asked']);
  });

  it('goes on when a handler throws, which is uncaught', async () => {
    const thrown = uncaught();
    const world = await new World().start();
    await world.give(0.3, 'bad', 'two');
    await turn();
    expect(thrown).toEqual([new Error('a bad handler')]);
    expect(world.log).toEqual(['asked', 'bad', 'asked', 'two', 'asked', 'promises', 'answered']);
  });

  it.each(['closed', 'broken'])('ends when its socket is %s, which is uncaught, but not once it is stopped', async (how) => {
    const thrown = uncaught();
    const world = await new World().start();
    await world.give(0.3, 'one', how);
    await turn();
    expect(thrown).toEqual([new Error(`it is ${how}`)]);
    expect(world.log.filter((line) => line === 'asked')).toHaveLength(2);
    const stopped = await new World().start();
    await stopped.give(0.3, 'stop', how);
    await turn();
    expect(thrown).toHaveLength(1);
  });
});
