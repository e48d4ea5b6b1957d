/** `gristmill status` */
import type { MasterStatus } from '../protocol/status.ts';
import { aboutMaster, EXIT, masterOptions, print, type Verb, verb, withClient } from './verb.ts';

const status: Verb = verb(
  (yargs) =>
    masterOptions(
      yargs
        .usage('$0 status\n\nSays what a master is doing: its workers, clients, streams and cache.')
        .option('json', { type: 'boolean', default: false, describe: 'One line of JSON, with all there is' })
        .example('$0 status', 'For people')
        .example('$0 status --json | jq .queued', 'For scripts'),
    ),
  async (args) =>
    await withClient(aboutMaster(args), async (client) => {
      const seen = await client.status();
      await print(args.json ? `${JSON.stringify(seen)}\n` : described(seen));
      return EXIT.ok;
    }),
);

/** What a person wants to know first. */
function described(seen: MasterStatus): string {
  const { master, policy, workers, clients, streams, waiting, queued, placed, cache, rejected } = seen;
  const workerRows = workers.map((one) => [
    one.name,
    one.state,
    `${one.running} running`,
    `${one.slots} ${one.slots === 1 ? 'slot' : 'slots'}`,
    `${one.ended} ended`,
    one.functions.join(', '),
  ]);
  const clientRows = clients.map((one) => [one.name, one.state, `${one.streams} ${one.streams === 1 ? 'stream' : 'streams'}`]);
  const streamRows = streams.map((one) => [one.id, `${one.jobs} jobs`, `${one.ended} ended`, `${one.open} open`]);
  const waitingRows = waiting.map((one) => [one.function, `${one.parts} ${one.parts === 1 ? 'job' : 'jobs'}`, one.why]);
  const refused = Object.entries(rejected).map(([reason, count]) => [String(count), reason]);
  return [
    `${master}: policy ${policy}, ${queued} queued, ${placed} placed`,
    `cache: ${cache.entries} entries, ${cache.bytes} of ${cache.maxBytes} bytes, ${cache.evicted} evicted`,
    ...section('workers', workerRows),
    ...section('clients', clientRows),
    ...section('streams', streamRows),
    ...(waiting.length === 0 ? [] : section('waiting', waitingRows)),
    ...(refused.length === 0 ? [] : section('rejected', refused)),
    '',
  ].join('\n');
}

function section(title: string, rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return [
    `${title}: ${rows.length}`,
    ...rows.map(
      (row) =>
        `  ${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}`,
    ),
  ];
}

export default status;
