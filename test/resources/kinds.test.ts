import { describe, expect, it } from 'vitest';
import { machine, readOffer, readRequest, shownAllotment } from '../../src/resources/asking.ts';
import { BUILTIN } from '../../src/resources/builtin.ts';
import { seconds } from '../../src/resources/walltime.ts';

const request = (value: unknown): unknown => readRequest('resources', value);

describe('what a job asks for', () => {
  it('has one form, however it was said, so that equal requests are equal bytes', () => {
    expect(request({ token: ['b', 'a', 'b'], memoryGb: 2.5, cores: 3 })).toEqual(request({ cores: 3, token: ['a', 'b'], memoryGb: 2.5 }));
    expect(JSON.stringify(request({ memoryGb: 1, cores: 2 }))).toBe('{"cores":2,"memoryGb":1}');
    expect(request({ walltime: '1-02:03:04.5', softWalltime: '0:30:00' })).toEqual({ walltime: [93_784.5, 1_800] });
    expect(request({ walltime: '00:10:00' })).toEqual({ walltime: 600 });
    expect(request({ token: 'gpu', licences: { of: 'mine' } })).toEqual({ token: ['gpu'], licences: { of: 'mine' } });
    expect(request({ ...machine(8, 16), capacity: 2 })).toEqual({ cores: 8, memoryGb: 16, capacity: 2 });
    expect([request({}), request({ cores: undefined })]).toEqual([undefined, undefined]);
  });

  it.each([
    [3, 'resources: expected an object such as { cores: 2, memoryGb: 1.5 }, got 3'],
    [[], 'resources: expected an object such as { cores: 2, memoryGb: 1.5 }, got an array of 0'],
    [{ cores: 0 }, 'resources.cores: expected a whole number from 1 to 65536, got 0'],
    [{ cores: [1, 2] }, 'resources.cores: expected a whole number from 1 to 65536, got an array of 2'],
    [{ cores: null }, 'resources.cores: expected a whole number from 1 to 65536, got null'],
    [{ memoryGb: 0 }, 'resources.memoryGb: expected more than 0 to 8388608 GiB, got 0'],
    [{ memoryGb: '2' }, 'resources.memoryGb: expected a number of GiB, got "2"'],
    [{ memoryGb: Infinity }, 'resources.memoryGb: expected more than 0 to 8388608 GiB, got Infinity'],
    [{ capacity: 1.5 }, 'resources.capacity: expected a whole number from 1 to 9007199254740991, got 1.5'],
    [{ token: '' }, "resources.token: expected a string that is not empty, got ''"],
    [{ token: [] }, 'resources.token: expected 1 to 256 tokens, got an array of 0'],
    [{ walltime: '90' }, 'resources.walltime: expected seconds or \'[days-]hours:minutes:seconds\', got "90"'],
    [{ walltime: 0 }, 'resources.walltime: expected more than 0 to 2000000 seconds, got 0'],
    [{ walltime: 60, softWalltime: 90 }, 'resources.walltime: expected at least softWalltime, 90 seconds, got 60'],
    [{ walltime: 60, softWalltime: 'x' }, 'resources.softWalltime: expected seconds or \'[days-]hours:minutes:seconds\', got "x"'],
    [{ softWalltime: 90 }, 'resources.softWalltime: expected a walltime with it, got none'],
  ])('%j is refused with a reason', (value, message) => {
    expect(() => request(value)).toThrow(message);
  });

  it('a walltime is seconds, or a clock’s', () => {
    expect([1.5, '0:0:1', '00:01:00', '100:00:00', '2-00:00:00'].map((value) => seconds(value, 'w'))).toEqual([
      1.5, 1, 60, 360_000, 172_800,
    ]);
    for (const wrong of ['1:60:00', '1:00', '1-', 'one', '0:00:00', '99-00:00:00']) expect(() => seconds(wrong, 'w')).toThrow(RangeError);
  });
});

describe('what a worker offers', () => {
  it('is a number of cores or which, and the rest as it is', () => {
    const offer = readOffer('resources', { cores: [0, 2, 4], memoryGb: 16, token: 'gpu', walltime: '1:00:00' });
    expect(offer).toEqual({ cores: [0, 2, 4], memoryGb: 16, token: 'gpu', walltime: 3_600 });
    expect(BUILTIN.get('cores')?.offer(3, 'cores', 0)).toEqual([0, 1, 2]);
    expect(BUILTIN.get('cores')?.offer([4, 0, 2], 'cores', 0)).toEqual([0, 2, 4]);
  });

  it.each([
    [{ cores: [1, 1] }, 'resources.cores: expected each core once, got "1, 1"'],
    [{ cores: [1.5] }, 'resources.cores[0]: expected a whole number from 0 to 65535, got 1.5'],
    [{ cores: -1 }, 'resources.cores: expected a whole number from 0 to 65536, got -1'],
    [{ memoryGb: -1 }, 'resources.memoryGb: expected 0 to 8388608 GiB, got -1'],
  ])('%j is refused with a reason', (value, message) => {
    expect(() => readOffer('resources', value)).toThrow(message);
  });
});

describe('what a job was given', () => {
  it('is shown with its soft walltime beside the hard one', () => {
    expect(shownAllotment({ cores: [1], walltime: [60, 50] })).toEqual({ cores: [1], walltime: 60, softWalltime: 50 });
    expect(shownAllotment({ walltime: 60 })).toEqual({ walltime: 60 });
  });
});
