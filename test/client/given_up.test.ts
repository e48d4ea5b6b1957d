import { expect, it } from 'vitest';
import { startMill } from '../../src/testing/index.ts';
import { Worker } from '../../src/worker/worker.ts';

class Echo extends Worker {
  echo(message: Buffer): Buffer {
    return message;
  }
}

it('a payload that this master does not take ends its stream with both sizes, even if it was sent before the welcome', async () => {
  await using mill = await startMill(Echo, { masterOptions: { maxMessageBytes: 500 } });
  const fresh = mill.addClient();
  const early = fresh.call('echo', 'x'.repeat(600));
  await expect(early).rejects.toThrow("the master gave the stream up: a payload has 600 bytes, over the master's maxMessageBytes (500)");
  await expect(early).rejects.toBeInstanceOf(RangeError);
  await expect(fresh.call('echo', 'x'.repeat(600))).rejects.toThrow('call: the payload has 600 bytes, over maxMessageBytes (500)');
  const stream = mill.addClient().job('echo', ['a', 'x'.repeat(501)]);
  await expect(stream.next()).rejects.toThrow('501 bytes');
  expect(String(await fresh.call('echo', 'y'.repeat(500)))).toBe('y'.repeat(500));
});

it('a value that this master does not take is refused with both sizes, even if it was sent before the welcome', async () => {
  await using mill = await startMill(Echo, { masterOptions: { maxMessageBytes: 500 } });
  await expect(mill.addClient().set('x'.repeat(501), 'k')).rejects.toThrow(
    "the value has 501 bytes, over the master's maxMessageBytes (500)",
  );
  expect(await mill.client.get('k')).toBeUndefined();
});
