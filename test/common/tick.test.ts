import { describe, expect, it } from 'vitest';
import { now } from '../../src/common/clock.ts';
import { Tick } from '../../src/common/tick.ts';

function immediate(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** As a socket's reader does: from a promise. */
function fromPromise(run: () => void): Promise<void> {
  return immediate().then(run);
}

describe('a tick', () => {
  it('ends once, whatever came in this turn of the event loop', async () => {
    let ends = 0;
    const tick = new Tick(() => (ends += 1));
    tick.heard(now());
    tick.heard(now());
    tick.schedule();
    expect(tick.scheduled).toBe(true);
    expect(ends).toBe(0);
    await immediate();
    expect(ends).toBe(1);
    expect(tick.scheduled).toBe(false);
    await immediate();
    expect(ends).toBe(1);
  });

  it('ends behind the promises of a message, if the message before was alone', async () => {
    const log: string[] = [];
    const tick = new Tick(() => log.push('end'));
    const message = (): void => {
      tick.heard(now());
      void Promise.resolve()
        .then(() => log.push('user'))
        .then(() => log.push('user again'));
    };
    await fromPromise(message);
    await immediate();
    log.length = 0;
    await fromPromise(() => {
      message();
      setImmediate(() => log.push('the event loop'));
    });
    await immediate();
    expect(log).toEqual(['user', 'user again', 'end', 'the event loop']);
  });

  it('waits for the whole turn, if several messages came in the one before', async () => {
    let ends = 0;
    const tick = new Tick(() => (ends += 1));
    tick.heard(now());
    tick.heard(now());
    await immediate();
    tick.heard(now());
    await Promise.resolve();
    expect(ends).toBe(1);
    await immediate();
    expect(ends).toBe(2);
  });

  it('gathers before it ends; what is gathered then asks for no tick of its own', async () => {
    const log: string[] = [];
    const tick = new Tick(() => log.push('end'));
    tick.atEnd(() => {
      log.push('gather');
      tick.schedule();
    });
    await immediate();
    expect(log).toEqual(['gather', 'end']);
    expect(tick.scheduled).toBe(false);
  });

  it('what is to be gathered while it gathers is gathered by the next', async () => {
    const log: string[] = [];
    const tick = new Tick(() => log.push('end'));
    tick.atEnd(() => tick.atEnd(() => log.push('later')));
    await immediate();
    await immediate();
    expect(log).toEqual(['end', 'later', 'end']);
  });

  it('lets the event loop have its turn between two ticks, if one asks for the next', async () => {
    const log: string[] = [];
    const tick: Tick = new Tick(() => {
      log.push('end');
      if (log.length < 3) tick.schedule();
    });
    await fromPromise(() => {
      setImmediate(() => log.push('the event loop'));
      tick.heard(now());
    });
    await immediate();
    await immediate();
    expect(log).toEqual(['the event loop', 'end', 'end']);
    log.length = 0;
    await fromPromise(() => {
      tick.heard(now());
      setImmediate(() => log.push('the event loop'));
    });
    await immediate();
    await immediate();
    expect(log).toEqual(['end', 'the event loop', 'end']);
  });

  it('of a lone message ends at once, where nothing is awaited; but not right after another', async () => {
    const log: string[] = [];
    const tick = new Tick((nowMs) => log.push(`end at ${Math.round(nowMs)}`), { atOnce: true });
    const message = (atMs: number): void => {
      tick.heard(atMs);
      log.push('heard');
    };
    // Whether messages come alone is not known before the first tick has ended.
    await fromPromise(() => message(1));
    await immediate();
    log.length = 0;
    await fromPromise(() => message(1e9));
    expect(log).toEqual(['end at 1000000000', 'heard']);
    log.length = 0;
    // These come so soon after a tick that more may lie there: one does.
    await fromPromise(() => {
      message(0);
      message(0);
    });
    await immediate();
    expect(log.map((line) => line.slice(0, 5))).toEqual(['heard', 'heard', 'end a']);
    log.length = 0;
    await fromPromise(() => message(1e9));
    expect(log).toEqual(['heard']);
  });
});
