/** What users say of a job, as fields of the header. Pure. */
import { checkInteger, checkOptions, shown } from '../common/check.ts';
import { checkFields, type Fields, mergeFields, NO_FIELDS, toFields } from '../protocol/fields.ts';
import { MAX_FIELDS_BYTES } from '../protocol/limits.ts';
import { isPlainObject, plainMembers } from '../protocol/plain.ts';
import { readRequest } from '../resources/asking.ts';
import { JOB_ERROR_CODES } from '../protocol/remote_error.ts';

/** Names of the options that become fields. */
export const JOB_OPTIONS = ['fields', 'retries', 'timeoutMs', 'resources', 'unsatisfiable'] as const;

/** Fields that say what options say, and the option that checks it. */
const OPTION_OF = { retries: 'retries', timeout: 'timeoutMs', resources: 'resources', unsatisfiable: 'unsatisfiable' } as const;

const DAY_MS = 86_400_000;

/**
 * Reads the options of a job, a call or a stream.
 * @param most bytes that all of them may have: names, packed values, and some for each
 * @throws TypeError or RangeError that names the option, what was expected and the value seen
 */
export function readJobOptions(what: string, options: object, most: number = MAX_FIELDS_BYTES): Fields {
  const { fields, retries, timeoutMs, resources, unsatisfiable } = options as Partial<Record<(typeof JOB_OPTIONS)[number], unknown>>;
  const isPlain = retries === undefined && timeoutMs === undefined && resources === undefined && unsatisfiable === undefined;
  const own = isPlain ? NO_FIELDS : readOwn(what, { retries, timeoutMs, resources, unsatisfiable });
  return checkFields(`${what}: fields`, fields === undefined ? own : mergeFields(readFields(`${what}: fields`, fields), own), most);
}

type Own = Readonly<Record<'retries' | 'timeoutMs' | 'resources' | 'unsatisfiable', unknown>>;

function readOwn(what: string, { retries, timeoutMs, resources, unsatisfiable }: Own): Fields {
  if (unsatisfiable !== undefined && unsatisfiable !== 'wait' && unsatisfiable !== 'fail')
    throw new TypeError(`${what}: unsatisfiable: expected 'wait' or 'fail', got ${shown(unsatisfiable)}`);
  return toFields({
    retries: retries === undefined ? undefined : readRetries(`${what}: retries`, retries),
    timeout: timeoutMs === undefined ? undefined : checkInteger(`${what}: timeoutMs`, timeoutMs, 0, 1, DAY_MS),
    resources: resources === undefined ? undefined : readRequest(`${what}: resources`, resources),
    unsatisfiable: unsatisfiable === 'fail' ? 'fail' : undefined,
  });
}

function readRetries(what: string, value: unknown): object {
  if (typeof value === 'number') return { attempts: checkInteger(what, value, 0, 0, 1_000) };
  checkOptions(what, value, ['attempts', 'minMs', 'maxMs', 'factor', 'on']);
  const { attempts, minMs, maxMs, factor, on } = value as Record<string, unknown>;
  if (factor !== undefined && (typeof factor !== 'number' || !(factor >= 1 && factor <= 100))) {
    throw new RangeError(`${what}.factor: expected a number from 1 to 100, got ${shown(factor)}`);
  }
  const codes: readonly unknown[] = JOB_ERROR_CODES;
  const wrong: readonly unknown[] = Array.isArray(on) ? on.filter((code) => !codes.includes(code)) : [on];
  if (on !== undefined && wrong.length > 0)
    throw new TypeError(`${what}.on: expected codes of JobError (${codes.join(', ')}), got ${shown(wrong[0])}`);
  if (attempts === undefined) throw new TypeError(`${what}.attempts: expected a whole number, got undefined`);
  const rule: Record<string, unknown> = { attempts: checkInteger(`${what}.attempts`, attempts, 0, 0, 1_000) };
  if (minMs !== undefined) rule['minMs'] = checkInteger(`${what}.minMs`, minMs, 0, 0, DAY_MS);
  if (maxMs !== undefined) rule['maxMs'] = checkInteger(`${what}.maxMs`, maxMs, 0, 0, DAY_MS);
  const [least = 0, most = Infinity] = [rule['minMs'], rule['maxMs']] as number[];
  if (least > most) throw new RangeError(`${what}.maxMs: expected at least minMs, ${least}, got ${most}`);
  if (factor !== undefined) rule['factor'] = factor;
  if (on !== undefined) rule['on'] = on;
  return rule;
}

/** Plain data as fields of the header. */
function readFields(what: string, value: unknown): Fields {
  if (!isPlainObject(value)) throw new TypeError(`${what}: expected an object of plain data, got ${shown(value)}`);
  for (const [name, option] of Object.entries(OPTION_OF))
    if (Object.hasOwn(value, name))
      throw new TypeError(`${what}: '${name}' is a name of gristmill's own: say it with the option ${option}`);
  return toFields(plainMembers(what, value));
}
