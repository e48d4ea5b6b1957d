import { afterEach, describe, expect, it, vi } from 'vitest';
import { Emitter } from '../../src/common/emitter.ts';

type Events = { came: number; left: string };

afterEach(() => {
  vi.unstubAllGlobals();
});

describe('the emitter', () => {
  it('tells each listener of an event, in order, until it stops listening', () => {
    const events = new Emitter<Events>();
    const heard: string[] = [];
    const stop = events.on('came', (n) => heard.push(`a${n}`));
    const second = (n: number): number => heard.push(`b${n}`);
    events.on('came', second);
    events.on('left', (name) => heard.push(name));
    events.emit('came', 1);
    stop();
    stop();
    events.emit('came', 2);
    events.off('came', second);
    events.emit('came', 3);
    events.emit('left', 'w');
    expect(heard).toEqual(['a1', 'b1', 'b2', 'w']);
  });

  it('a listener that throws disturbs nobody, and its error is uncaught, as the user’s own', () => {
    const tasks: (() => void)[] = [];
    vi.stubGlobal('queueMicrotask', (task: () => void) => tasks.push(task));
    const events = new Emitter<Events>();
    const heard: number[] = [];
    events.on('came', () => {
      throw new Error('oh');
    });
    events.on('came', (n) => heard.push(n));
    expect(() => events.emit('came', 1)).not.toThrow();
    expect(heard).toEqual([1]);
    expect(tasks).toHaveLength(1);
    expect(tasks[0]).toThrow('oh');
  });

  it('who begins to listen meanwhile hears the next event; who stops hears no more', () => {
    const events = new Emitter<Events>();
    const heard: string[] = [];
    const late = (n: number): number => heard.push(`late ${n}`);
    const again = (n: number): void => {
      heard.push(`again ${n}`);
      stopLate();
      events.on('came', (m) => again(m));
    };
    events.on('came', again);
    const stopLate = events.on('came', late);
    events.emit('came', 1);
    expect(heard).toEqual(['again 1']);
    events.emit('came', 2);
    expect(heard).toEqual(['again 1', 'again 2', 'again 2']);
  });

  it('once waits for the next event, and for no other', async () => {
    const events = new Emitter<Events>();
    const waiting = events.once('came');
    events.emit('left', 'w');
    events.emit('came', 1);
    events.emit('came', 2);
    await expect(waiting).resolves.toBe(1);
  });

  it('a listener that is no function is a TypeError', () => {
    const events = new Emitter<Events>();
    expect(() => events.on('came', 'x' as never)).toThrow(new TypeError("events.on: expected a function for 'came', got string"));
  });
});
