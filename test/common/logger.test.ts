import { describe, expect, it, vi } from 'vitest';
import { loggerFor } from '../../src/common/logger.ts';

describe('the logger', () => {
  it('hands each line to the one that was given, and takes nothing of what it returns', () => {
    const lines: string[] = [];
    class Chained {
      info(text: string): this {
        lines.push(`info ${text}`);
        return this;
      }

      warn = (text: string): number => lines.push(`warn ${text}`);
      error = (text: string): Promise<number> => Promise.resolve(lines.push(`error ${text}`));
    }
    const logger = loggerFor(new Chained());
    expect([logger.info('a'), logger.warn('b'), logger.error('c')]).toEqual([undefined, undefined, undefined]);
    expect(lines).toEqual(['info a', 'warn b', 'error c']);
  });

  it('disturbs nobody if it throws: its error is uncaught, as the user’s own', () => {
    const tasks: (() => void)[] = [];
    vi.stubGlobal('queueMicrotask', (task: () => void) => tasks.push(task));
    const full = (): never => {
      throw new Error('the disk is full');
    };
    const logger = loggerFor({ info: full, warn: full, error: full });
    expect(() => logger.warn('x')).not.toThrow();
    vi.unstubAllGlobals();
    expect(tasks).toHaveLength(1);
    expect(tasks[0]).toThrow('the disk is full');
  });

  it('writes lines on stderr by default, and nothing if false', () => {
    const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const written = (): unknown[] => write.mock.calls.map(([text]) => text);
    loggerFor(false).error('silent');
    const silent = written();
    loggerFor(undefined).warn('10 jobs wait');
    const loud = written();
    write.mockRestore();
    expect([silent, loud]).toEqual([[], ['10 jobs wait\n']]);
  });

  it.each([
    [null, 'null'],
    [true, 'true'],
    [{ info: () => 1 }, 'an object of class Object'],
  ])('%o is a TypeError', (option, seen) => {
    expect(() => loggerFor(option as never)).toThrow(
      new TypeError(`logger: expected false or an object with info, warn and error, got ${seen}`),
    );
  });
});
