/** `gristmill cache get|set|delete KEY [VALUE|-]` */
import { complain, EXIT, masterOptions, printRaw, readStdin, UsageError, type Verb, verb, withClient } from './verb.ts';

const cache: Verb = verb(
  (yargs) =>
    masterOptions(
      yargs
        .usage(
          '$0 cache get KEY\n$0 cache set KEY [VALUE | -]\n$0 cache delete KEY\n\nThe key-value store that all clients and workers of a master see.',
        )
        .positional('operation', { choices: ['get', 'set', 'delete'] as const, demandOption: true, describe: 'What to do' })
        .positional('key', { type: 'string', demandOption: true, describe: 'Which value' })
        .positional('value', { type: 'string', describe: 'For set: the value; without it, or with -, stdin is' })
        .example('$0 cache set model - < model.bin', 'Set a value from a file')
        .example('$0 cache get model > model.bin', 'Its bytes as they are; exit code 1 if there is none')
        .example('$0 cache delete model', 'Exit code 1 if there was none')
        .example('$0 cache set -- -x -1', 'After -- nothing is an option'),
    ),
  async (args) => {
    const { operation, key, value } = args;
    if (key === '') throw new UsageError('the key is empty');
    if (operation !== 'set' && value !== undefined) throw new UsageError(`cache ${operation} takes a key and no value, got '${value}'`);
    const bytes = operation === 'set' ? await readValue(value) : undefined;
    const missing = (): number => complain(`no such key: ${key}`, EXIT.failed);
    return await withClient(args, async (client) => {
      switch (operation) {
        case 'get': {
          const found = await client.get(key);
          if (found === undefined) return missing();
          await printRaw(found);
          return EXIT.ok;
        }
        case 'set':
          await client.set(bytes ?? '', key);
          return EXIT.ok;
        case 'delete':
          return (await client.delete(key)) ? EXIT.ok : missing();
        default:
          return operation satisfies never;
      }
    });
  },
);

async function readValue(value: string | undefined): Promise<Uint8Array | string> {
  return value === undefined || value === '-' ? await readStdin() : value;
}

export default cache;
