import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../integration/processes.ts';
import { gristmill } from './command.ts';

const VERBS = ['master', 'worker', 'job', 'cache', 'status', 'explain', 'demo'];

describe('the command', () => {
  it('tells of each verb and each exit code, with examples', async () => {
    const { code, out, err } = await gristmill(['--help']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    for (const verb of VERBS) expect(out).toMatch(new RegExp(`^  gristmill ${verb}\\b`, 'm'));
    expect(out).toContain('Examples:');
    for (const exitCode of [0, 1, 2, 3]) expect(out).toMatch(new RegExp(`^  ${exitCode}  \\w`, 'm'));
  });

  it.each(VERBS)('helps with %s', async (verb) => {
    const { code, out, err } = await gristmill([verb, '--help']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(new RegExp(`^gristmill ${verb}\\b`));
    expect(out).toContain('Options:');
  });

  it('knows its version', async () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
    expect(await gristmill(['--version'])).toMatchObject({ code: 0, out: `${version}\n`, err: '' });
  });

  it.each([
    ['no verb', [], /^gristmill: which command\?$/, ''],
    ['an unknown verb', ['grind'], /^gristmill: Unknown argument: grind$/, ''],
    ['an unknown option', ['status', '--jsno'], /^gristmill: Unknown argument: jsno$/, 'status '],
    ['an argument too many', ['status', 'now'], /^gristmill: Unknown argument: now$/, 'status '],
    ['an argument too few', ['job'], /^gristmill: Not enough non-option arguments: got 0, need at least 1$/, 'job '],
    ['an option without its value', ['status', '--address'], /^gristmill: Not enough arguments following: address$/, 'status '],
    ['an address that is none', ['status', '-a', 'somewhere'], /address: expected 'tcp:\/\/host:port', .* got 'somewhere'/, 'status '],
    ['a port that is none', ['master', '-a', 'tcp://127.0.0.1:70000'], /address: expected a port up to 65535/, 'master '],
    ['a policy that is none', ['master', '--policy', 'fair'], /Given: "fair"/, 'master '],
    ['a count that is none', ['worker', 'package.json', '--count', 'two'], /--count: .* got NaN/, 'worker '],
    ['slots that are none', ['worker', 'package.json', '--slots', '0'], /--slots: .* got 0/, 'worker '],
    ['a time that is none', ['job', 'foo', '--timeout', '-1'], /--timeout: .* got -1/, 'job '],
    ['an operation that is none', ['cache', 'put', 'key'], /Given: "put"/, 'cache '],
    ['an empty key', ['cache', 'get', ''], /^gristmill: the key is empty$/, 'cache '],
    ['a value to get', ['cache', 'get', 'key', 'value'], /^gristmill: cache get takes a key and no value, got 'value'$/, 'cache '],
    ['stdin twice', ['job', 'foo', '-', '-'], /^gristmill: stdin can be read once only$/, 'job '],
    ['bytes that are none', ['master', '--cache-bytes', 'many'], /--cache-bytes: .* got NaN/, 'master '],
    ['a seed that is none', ['simulate', '--chaos', '--seed', 'x'], /--seed: .* got NaN/, 'simulate '],
    ['engine for its status', ['status', '-a', 'redis://127.0.0.1:1'], /got 'redis:.*': with redis there is none$/, 'status '],
    ['engine to explain', ['explain', '-a', 'nats://127.0.0.1:1'], /got 'nats:.*': with nats there is none$/, 'explain '],
    ['a folder that is none', ['demo', '--folder', 'nowhere'], /--folder: .* got 'nowhere'/, 'demo '],
  ] as const)('takes no %s, and ends with exit code 2', async (_what, args, message, verb) => {
    const { code, out, err } = await gristmill(args);
    const [said = '', ...hint] = err.split(/\n(?=Try )/);
    expect({ code, out, hint }).toEqual({ code: 2, out: '', hint: [`Try 'gristmill ${verb}--help'.\n`] });
    expect(said).toMatch(message);
  });
});
