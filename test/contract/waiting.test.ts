/** What is said while no engine is there. */
import { expect, it } from 'vitest';
import { Client } from '../../src/index.ts';
import { freePort } from '../integration/ports.ts';

it.each([
  ['redis', 'Redis'],
  ['nats', 'NATS'],
])('a client of %s says that it waits for %s, and nothing of a password', async (scheme, name) => {
  const port = await freePort();
  let heard: (line: string) => void = () => undefined;
  const waiting = new Promise<string>((resolve) => {
    heard = (line) => line.startsWith('waiting') && resolve(line);
  });
  const logger = { info: heard, warn: (line: string) => heard(line), error: heard };
  await using client = new Client({ address: `${scheme}://user:secret@127.0.0.1:${port}`, logger });
  const status = client.status().catch((error: unknown) => error);
  expect(await waiting).toBe(`waiting for ${name} at 127.0.0.1:${port}`);
  await client.close();
  expect(await status).toBeInstanceOf(Error);
});
