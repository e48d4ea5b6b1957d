import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JobError } from '../../src/errors.ts';
import { decodeError, encodeError, JOB_ERROR_CODES } from '../../src/protocol/remote_error.ts';

const text = fc.string({ unit: 'grapheme' });
const error = fc.record({
  code: fc.constantFrom(...JOB_ERROR_CODES),
  message: text,
  function: text,
  worker: text,
  attempts: fc.nat(),
  stack: text,
  phase: fc.constantFrom('', 'scatter', 'gather'),
});

describe('an error on the wire', () => {
  it('goes there and back', () => {
    fc.assert(
      fc.property(error, (one) => {
        expect(decodeError(encodeError(one))).toEqual(one);
      }),
    );
  });

  it('bytes that are none make an error that says so', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(JOB_ERROR_CODES).toContain(decodeError(bytes).code);
      }),
    );
    expect(decodeError(Buffer.alloc(0))).toMatchObject({ code: 'function-threw', message: 'the error cannot be read' });
  });

  it('a code that is unknown is read as function-threw, and nothing else is lost', () => {
    const one = { code: 'worker-lost', message: 'm', function: 'f', worker: 'w', attempts: 3, stack: 's', phase: '' } as const;
    const bytes = Buffer.from(encodeError(one).toString('latin1').replace('worker-lost', 'worker-eats'), 'latin1');
    expect(decodeError(bytes)).toEqual({ ...one, code: 'function-threw' });
  });

  it('long messages and stacks are clipped', () => {
    const long = {
      code: 'bad-result',
      message: 'm'.repeat(99_999),
      function: 'f',
      worker: '',
      attempts: 1,
      stack: 's'.repeat(99_999),
      phase: '',
    } as const;
    const came = decodeError(encodeError(long));
    expect([came.message.length, came.stack.length]).toEqual([16_385, 32_769]);
    expect([came.message.at(-1), came.stack.at(-1)]).toEqual(['…', '…']);
  });

  it('has the codes of JobError', () => {
    for (const code of JOB_ERROR_CODES) expect(new JobError(code, 'm', { function: 'f', index: 0 }).code).toBe(code);
  });
});
