import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Receiver, turn } from '../../src/transport/zeromq_receiver.ts';

/** A socket whose messages come when they are given, and a clock that stands still between. */
function reading(): { receiver: Receiver; give: (afterMs: number, text: string) => Promise<void>; log: string[] } {
  let clockMs = 1_000;
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => clockMs);
  onTestFinished(() => clock.mockRestore());
  const log: string[] = [];
  let come: (frames: Buffer[]) => void = () => undefined;
  const socket = {
    receive(): Promise<Buffer[]> {
      log.push('asked');
      return new Promise((resolve) => {
        come = resolve;
      });
    },
  };
  const receiver: Receiver = new Receiver(socket, ([frame]) => {
    const text = Buffer.from(frame as Uint8Array).toString();
    log.push(text);
    if (text === 'stop') receiver.stop();
    // As the tick of a lone message ends (common/tick.ts): behind the promises that it leads to.
    process.nextTick(() => log.push('answered'));
    void Promise.resolve().then(() => log.push('promises'));
  });
  const give = async (afterMs: number, text: string): Promise<void> => {
    clockMs += afterMs;
    come([Buffer.from(text)]);
    await turn();
  };
  receiver.start();
  return { receiver, give, log };
}

describe('the reader of a socket', () => {
  it('looks for more behind a message that came alone when that has been answered', async () => {
    const { give, log } = reading();
    await turn();
    await give(0.3, 'one');
    expect(log).toEqual(['asked', 'one', 'promises', 'answered', 'asked']);
  });

  it('but at once, if more may lie there: the message lay there itself, or the socket was found empty long ago', async () => {
    for (const afterMs of [0, 0.01, 1, 3_600_000]) {
      const { give, log } = reading();
      await turn();
      await give(afterMs, 'one');
      expect(log).toEqual(['asked', 'one', 'asked', 'promises', 'answered']);
    }
  });

  it('asks no more once it is stopped, by what it reads or before', async () => {
    for (const afterMs of [0, 0.3]) {
      const { give, log } = reading();
      await turn();
      await give(afterMs, 'stop');
      expect(log).toEqual(['asked', 'stop', 'promises', 'answered']);
    }
    const { receiver, give, log } = reading();
    await turn();
    receiver.stop();
    await give(0.3, 'one');
    expect(log).toEqual(['asked']);
  });
});
