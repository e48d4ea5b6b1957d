import { describe, expect, it } from 'vitest';
import { ClosedError, ConnectError, GristmillError, JobError } from '../src/errors.ts';

describe('errors', () => {
  it('a job error tells all about its job', () => {
    const cause = new Error('deep');
    const details = {
      function: 'foo',
      index: 3,
      key: 'k',
      attempts: 2,
      worker: 'w1',
      remoteStack: 'Error: x\n  at y',
      phase: 'gather',
      cause,
    } as const;
    const error = new JobError('function-threw', 'foo threw', details);
    expect(error).toMatchObject({ code: 'function-threw', message: 'foo threw', ...details });
    expect(error).toBeInstanceOf(GristmillError);
  });

  it('a job error without details has no cause and no attempts', () => {
    const error = new JobError('unknown-function', 'nobody serves foo', { function: 'foo', index: 0 });
    expect(error).toMatchObject({ attempts: 0, worker: undefined, key: undefined, remoteStack: undefined, phase: undefined });
    expect('cause' in error).toBe(false);
  });

  it('each class has its name and code', () => {
    const errors = [
      new JobError('bad-result', 'a', { function: 'f', index: 0 }),
      new ConnectError('refused', 'b', { address: 'tcp://x:1' }),
      new ClosedError(),
    ];
    expect(errors.map((error) => [error.name, error.code, error instanceof Error])).toEqual([
      ['JobError', 'bad-result', true],
      ['ConnectError', 'refused', true],
      ['ClosedError', 'closed', true],
    ]);
    expect(errors[1]).toMatchObject({ address: 'tcp://x:1', message: 'b' });
  });
});
