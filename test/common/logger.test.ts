import { describe, expect, it, vi } from 'vitest';
import { loggerFor } from '../../src/common/logger.ts';

describe('the logger', () => {
  it('is the one that was given: pino and console fit', () => {
    expect(loggerFor(console)).toBe(console);
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
