import { expect, it } from 'vitest';
import { Client } from '../../src/client/client.ts';
import { freeAddress } from './ports.ts';
import { Processes } from './processes.ts';

const FIXTURES = 'test/integration/fixtures';
const JOBS = 4_000;

it('when the first master is killed the next is tried, and when that is killed the first again: every result comes once', async () => {
  await using processes = new Processes();
  const [first, second] = [await freeAddress(), await freeAddress()];
  const master = async (address: string) => {
    const running = processes.node(`${FIXTURES}/master.mjs`, [address]);
    await running.printed(/listening/);
    return running;
  };
  let one = await master(first);
  const two = await master(second);
  for (const name of ['w1', 'w2']) await processes.node(`${FIXTURES}/worker.mjs`, [name, `${first},${second}`]).printed(/welcomed/);
  await using client = new Client({ address: [first, second], logger: false });
  const got: number[] = [];
  const source = function* (): Generator<string> {
    for (let i = 0; i < JOBS; i += 1) yield String(i);
  };
  for await (const result of client.job('echo', source())) {
    got.push(Number(result.toString()));
    if (got.length === 1_000) {
      one.child.kill('SIGKILL');
      await one.ended;
    }
    if (got.length === 2_000) {
      one = await master(first);
      two.child.kill('SIGKILL');
      await two.ended;
    }
  }
  expect(got.sort((a, b) => a - b)).toEqual(Array.from({ length: JOBS }, (_, i) => i));
});
