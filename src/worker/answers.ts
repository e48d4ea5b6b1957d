/** What functions may give back, and how what they threw is told. Pure. */
import { bytesOf } from '../common/bytes_of.ts';
import { shown } from '../common/check.ts';
import { isA, told } from '../common/thrown.ts';
import type { RemoteError, WireErrorCode } from '../protocol/remote_error.ts';

export interface Thenable {
  then(fulfilled: (value: unknown) => unknown, rejected: (reason: unknown) => unknown): unknown;
}

/** Results that come one by one: what a generator function gives back. */
export interface Steps {
  next(): unknown;
  return?(): unknown;
}

const EXPECTED = 'expected a Uint8Array, a string, nothing, a promise of these, or a generator of bytes';
const EXPECTED_STEP = 'expected a Uint8Array or a string';

const EMPTY = Buffer.alloc(0);

/** What a function gave back, or what one step of it did. */
export type Answer =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'later'; readonly promise: Thenable }
  | { readonly kind: 'steps'; readonly steps: Steps }
  | { readonly kind: 'done' }
  | { readonly kind: 'bad'; readonly text: string; readonly value?: unknown };

/** What is no bytes, which the caller has seen. Never throws, whatever it is given: users' objects may have getters that do. */
export function readAnswer(answer: unknown, name: string): Answer {
  if (typeof answer === 'string') return { kind: 'bytes', bytes: Buffer.from(answer) };
  if (answer === undefined || answer === null) return { kind: 'bytes', bytes: EMPTY };
  try {
    if (isThenable(answer)) return { kind: 'later', promise: answer };
    if (isSteps(answer)) return { kind: 'steps', steps: answer };
    return { kind: 'bad', text: `${name} returned ${shown(answer)}; ${EXPECTED}` };
  } catch {
    return { kind: 'bad', text: `${name} returned something that cannot be looked at; ${EXPECTED}` };
  }
}

/** The same for what `next()` gave. */
export function readStep(step: unknown, name: string): Answer {
  try {
    if (isThenable(step)) return { kind: 'later', promise: step };
    if (step === null || typeof step !== 'object') return { kind: 'bad', text: `${name} is no generator: next() gave ${shown(step)}` };
    const { done, value } = step as { done?: unknown; value?: unknown };
    if (done === true) return { kind: 'done' };
    if (typeof value === 'string') return { kind: 'bytes', bytes: Buffer.from(value) };
    const bytes = bytesOf(value);
    if (bytes !== undefined) return { kind: 'bytes', bytes };
    if (value instanceof Unfit) return { kind: 'bad', text: value.text };
    return { kind: 'bad', value, text: `${name} yielded ${shown(value)}; ${EXPECTED_STEP}` };
  } catch {
    return { kind: 'bad', text: `${name} yielded something that cannot be looked at; ${EXPECTED_STEP}` };
  }
}

/** Never throws. */
export function isThenable(value: unknown): value is Thenable {
  try {
    return value !== null && typeof value === 'object' && 'then' in value && typeof value.then === 'function';
  } catch {
    return false;
  }
}

/** A generator, or what behaves like one. Arrays and other collections are not meant: they would be taken for one result as easily. */
function isSteps(value: unknown): value is Steps {
  if (value === null || typeof value !== 'object' || !('next' in value) || typeof value.next !== 'function') return false;
  return Symbol.iterator in value || Symbol.asyncIterator in value;
}

/** Stands for what a generator in another process yielded, and that is no result. */
export class Unfit {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** The process that ran a function of its own has died. */
export class ProcessDied extends Error {}

/** Why a part failed. What is left out is known of the part. */
export type Failure = Partial<RemoteError> & { readonly code: WireErrorCode; readonly message: string };

/** Thrown where a job failed elsewhere: what it failed with is told as it is. */
export class Relayed extends Error {
  readonly error: Failure;

  constructor(error: Failure) {
    super(error.message);
    this.error = error;
  }
}

/** Why a part failed with a result that the master does not take. */
export function tooLarge(name: string, how: 'returned' | 'yielded', bytes: number, most: number): Failure {
  return { code: 'bad-result', message: `${name} ${how} ${bytes} bytes; the master takes at most ${most} (maxMessageBytes)` };
}

/** Why a part failed whose function threw this. */
export function failureOf(thrown: unknown): Failure {
  if (isA(Relayed, thrown)) return thrown.error;
  return { code: isA(ProcessDied, thrown) ? 'worker-lost' : 'function-threw', ...told(thrown) };
}
