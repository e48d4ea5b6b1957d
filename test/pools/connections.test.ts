import { expect, it } from 'vitest';
import { Connections } from '../../src/pools/redis/connections.ts';

it('what goes wrong with Redis is said once for each reason, not for each job', () => {
  const said: string[] = [];
  const connections = new Connections('redis://user:secret@127.0.0.1:6399', (text) => void said.push(text));
  for (const job of ['1', '2', '00000000-1f4a-4e0c-9c4d-8a63ce8a55b1'])
    for (const what of ['Missing lock for job', 'Missing key for job']) connections.failed(new Error(`${what} ${job}. moveToFinished`));
  expect(said).toEqual(['Missing lock', 'Missing key'].map((what) => `127.0.0.1:6399: ${what} for job 1. moveToFinished`));
  connections.close();
  connections.failed(new Error('too late'));
  expect(said).toHaveLength(2);
});
