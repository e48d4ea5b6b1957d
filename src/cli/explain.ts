/** `gristmill explain` */
import { sentence } from '../master/status.ts';
import { aboutMaster, EXIT, masterOptions, print, type Verb, verb, withClient } from './verb.ts';

const explain: Verb = verb(
  (yargs) =>
    masterOptions(
      yargs
        .usage('$0 explain\n\nSays why jobs wait: what is missing, where they would fit best, and what runs there.')
        .example('$0 explain', 'A line for each function and what it asks for'),
    ),
  async (args) =>
    await withClient(aboutMaster(args), async (client) => {
      const { waiting } = await client.status();
      await print(waiting.length === 0 ? 'nothing waits\n' : waiting.map((one) => `${sentence(one)}\n`).join(''));
      return EXIT.ok;
    }),
);

export default explain;
