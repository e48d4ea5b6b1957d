/** `gristmill job FUNCTION [FILES… | -]` */
import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import type { JobItem, Settled } from '../streams/types.ts';
import { checkWhole, complain, EXIT, masterOptions, print, printRaw, readStdin, UsageError, type Verb, verb, withClient } from './verb.ts';

const MAX_RETRIES = 1_000;

const job: Verb = verb(
  (yargs) =>
    masterOptions(
      yargs
        .usage(
          '$0 job FUNCTION [FILES… | -]\n\nSends each file as a job, or stdin as one; prints the results as they are, in the order of the jobs.\n' +
            'Files are read as there is credit for them. A job that fails does not stop the others.',
        )
        .positional('function', { type: 'string', demandOption: true, describe: 'A function that the workers serve' })
        .positional('files', { type: 'string', array: true, default: [], defaultDescription: '-', describe: 'Files; - is stdin' })
        .option('lines', { alias: 'l', type: 'boolean', default: false, describe: 'Each line is a job, and each result a line' })
        .option('json', { type: 'boolean', default: false, describe: 'Each result, or error, a line of JSON' })
        .option('unordered', { type: 'boolean', default: false, describe: 'Results as they are ready' })
        .option('retries', {
          type: 'number',
          default: 0,
          describe: 'How often a job is tried again whose function threw, with growing delays',
        })
        .example('echo hello | $0 job foo', 'One job')
        .example('$0 job thumbnail *.jpg --json', 'With --json each result says which file it is of')
        .example('seq 1000 | $0 job square --lines', 'A thousand jobs'),
    ),
  async (args) => {
    const { function: name, lines, json, unordered, retries } = args;
    const files = args.files.length === 0 ? ['-'] : args.files;
    if (name === '') throw new UsageError('the name of the function is empty');
    if (files.filter((file) => file === '-').length > 1) throw new UsageError('stdin can be read once only');
    checkWhole('--retries', retries, MAX_RETRIES, 0);
    return await withClient(args, async (client) => {
      let exitCode: number = EXIT.ok;
      const failed = (where: string, message: string): void => {
        exitCode = complain(`${where}: ${message}`, EXIT.failed);
      };
      const stop = new AbortController();
      const items = readItems(files, lines, { failed, stop: stop.signal });
      for await (const settled of client.job(name, items, { ordered: !unordered, settle: true, retries })) {
        if (settled.status === 'rejected') failed(String(settled.job.key), `${settled.reason.code}: ${settled.reason.message}`);
        try {
          await show(settled, json, lines);
        } catch (error) {
          // The stream waits for its source, and that for input which may never come.
          stop.abort();
          throw error;
        }
      }
      return exitCode;
    });
  },
);

interface Reading {
  readonly failed: (where: string, message: string) => void;
  /** Nothing more is wanted. */
  readonly stop: AbortSignal;
}

/** One job for each file or line. A file that cannot be read is told of, and passed over. */
async function* readItems(files: readonly string[], lines: boolean, { failed, stop }: Reading): AsyncGenerator<JobItem, void, undefined> {
  for (const file of files) {
    try {
      if (lines) yield* readLines(file, stop);
      else yield { payload: file === '-' ? await readStdin() : await readFile(file), key: file };
    } catch (error) {
      if (stop.aborted) return;
      failed(file, (error as Error).message);
    }
  }
}

/** Lines byte by byte, without the newline. */
async function* readLines(file: string, stop: AbortSignal): AsyncGenerator<JobItem, void, undefined> {
  const input: Readable = file === '-' ? process.stdin : createReadStream(file);
  stop.addEventListener('abort', () => input.destroy());
  let number = 0;
  let begun: Buffer[] = [];
  const line = (end: Buffer): JobItem => {
    number += 1;
    const payload = Buffer.concat([...begun, end]);
    begun = [];
    return { payload, key: `${file}:${number}` };
  };
  for await (const chunk of input as AsyncIterable<Buffer>) {
    let from = 0;
    for (let to = chunk.indexOf(NEWLINE); to >= 0; to = chunk.indexOf(NEWLINE, from)) {
      yield line(chunk.subarray(from, to));
      from = to + 1;
    }
    if (from < chunk.length) begun.push(chunk.subarray(from));
  }
  if (begun.length > 0) yield line(EMPTY);
}

const NEWLINE = 10;
const EMPTY = Buffer.alloc(0);

async function show(settled: Settled, json: boolean, lines: boolean): Promise<void> {
  if (json) await print(`${JSON.stringify(described(settled))}\n`);
  else if (settled.status === 'fulfilled')
    await (lines ? print(Buffer.concat([settled.value, Buffer.of(NEWLINE)])) : printRaw(settled.value));
}

/** A result as plain data; bytes that are no text as base64. */
function described(settled: Settled): Record<string, unknown> {
  const { index, part, result, key, attempts } = settled.job;
  const from = { job: index, part, result, source: key };
  if (settled.status === 'rejected') {
    const { code, message, worker } = settled.reason;
    return { ...from, status: 'rejected', code, message, worker, attempts };
  }
  const { value } = settled;
  const shown = isUtf8(value) ? { value: value.toString() } : { base64: value.toString('base64') };
  return { ...from, status: 'fulfilled', ...shown };
}

export default job;
