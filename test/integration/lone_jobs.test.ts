/** One job after the other, each sent when the result of the last has come. */
import { createHook } from 'node:async_hooks';
import { expect, it, onTestFinished } from 'vitest';
import { leastLoaded, Worker } from '../../src/index.ts';
import { startPlace } from './helpers.ts';

class Echo extends Worker {
  echo(message: Buffer): Buffer {
    return message;
  }
}

it('a client asks for no turn of the event loop between a result and the job that its consumer makes of it', async () => {
  await using place = await startPlace(Echo, leastLoaded());
  let asked = 0;
  const init = (_: number, type: string): void => {
    const stack = type === 'Immediate' ? (new Error().stack ?? '') : '';
    if (stack.includes('/src/common/tick.ts') && stack.includes('/src/client/')) asked += 1;
  };
  const hook = createHook({ init });
  onTestFinished(() => void hook.disable());
  let next = (): void => undefined;
  async function* source(): AsyncGenerator<string> {
    for (let i = 0; i < 30; i += 1) {
      const answered = new Promise<void>((resolve) => (next = resolve));
      yield 'a';
      await answered;
    }
  }
  let results = 0;
  for await (const _ of place.client.job('echo', source())) {
    results += 1;
    if (results === 10) hook.enable();
    if (results === 30) hook.disable();
    next();
  }
  expect([results, asked]).toEqual([30, 0]);
});
