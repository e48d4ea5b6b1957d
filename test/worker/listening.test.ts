/** A worker that listens is the last to hang up: what it said last is lost to a socket that dialled, if that has not read it by then. */
import { expect, it } from 'vitest';
import type { Greeting } from '../../src/protocol/greetings.ts';
import { encodeGreeting } from '../../src/protocol/messages.ts';
import { MemoryNetwork } from '../../src/transport/memory.ts';
import { Listening } from '../../src/worker/listening.ts';

const ADDRESS = 'memory://worker';

/** A worker with a master that has its seat. */
async function seated(): Promise<{ listening: Listening; say: (greeting: Greeting) => Promise<void> }> {
  const network = new MemoryNetwork();
  let message = (): void => undefined;
  const listening = new Listening(
    { transport: network.transport(), name: 'worker', address: ADDRESS },
    { connected: () => undefined, disconnected: () => undefined, message: () => message() },
  );
  await listening.bind();
  const master = await new Promise<ReturnType<ReturnType<MemoryNetwork['transport']>['dialDealer']>>((resolve) => {
    const socket = network.transport().dialDealer(ADDRESS, {
      connected: () => resolve(socket),
      disconnected: () => undefined,
      message: () => undefined,
    });
  });
  const read = new Promise<void>((resolve) => (message = resolve));
  master.send(encodeGreeting({ type: 'resync', master: 'e0e0e0e0e0e0e0e0' }));
  master.send(encodeGreeting({ type: 'resync' }));
  await read;
  const say = async (greeting: Greeting): Promise<void> => {
    master.send(encodeGreeting(greeting));
    for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
  };
  return { listening, say };
}

it('closes when its master has answered the goodbye, not when it was asked something before', async () => {
  const { listening, say } = await seated();
  let closed = false;
  const closing = listening.close(60_000).then(() => (closed = true));
  await say({ type: 'resync' });
  expect(closed).toBe(false);
  await say({ type: 'refused', code: 'closing', text: 'goodbye' });
  await closing;
});
