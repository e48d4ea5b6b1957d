import { describe, expect, it } from 'vitest';
import { openPool } from '../../src/index.ts';

describe('openPool', () => {
  it.each([
    ['nope://x', '"nope://x"'],
    ['here', '"here"'],
    [5, '5'],
    [undefined, 'undefined'],
  ])('refuses %j', async (address, got) => {
    const text = `openPool: address: expected 'tcp://host:port', 'ipc://path', 'redis://host:port' or 'nats://host:port', got ${got}`;
    await expect(openPool(address as string)).rejects.toThrow(new TypeError(text));
  });

  it('leaves the rest of the address to who dials it', async () => {
    await expect(openPool('tcp://here')).rejects.toThrow(
      /^Client: address: expected 'tcp:\/\/host:port', 'ipc:\/\/path', 'redis:\/\/host:port' or 'nats:\/\/host:port', got 'tcp:\/\/here'$/,
    );
  });
});
