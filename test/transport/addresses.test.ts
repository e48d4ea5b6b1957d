import { expect, it } from 'vitest';
import { Client, openPool } from '../../src/index.ts';
import { withoutLogin } from '../../src/transport/addresses.ts';

it.each([
  ['redis://user:secret@127.0.0.1:6379/3?queue=mine', 'redis://127.0.0.1:6379/3?queue=mine'],
  ['rediss://:s@cr@t@redis.example', 'rediss://redis.example'],
  ['redis://:se/cr?e#t@127.0.0.1', 'redis://127.0.0.1'],
  ['nats://user:secret@one:4222,nats://user:secret@two:4222', 'nats://one:4222,nats://two:4222'],
  ['nats://user:sec,ret@one:4222,nats://token@two', 'nats://one:4222,nats://two'],
  ['tcp://user:secret@127.0.0.1:5555', 'tcp://127.0.0.1:5555'],
  ['tcp://127.0.0.1:5555', 'tcp://127.0.0.1:5555'],
  ['ipc:///tmp//user:some@place', 'ipc:///tmp//user:some@place'],
  ['', ''],
])('of %j people read %j', (address, shown) => {
  expect(withoutLogin(address)).toBe(shown);
});

it.each([
  ['redis://user:secret@127.0.0.1:port', /got "redis:\/\/127\.0\.0\.1:port"$/],
  ['redis://user:secret@127.0.0.1?lock=1', /unknown parameter 'lock'/],
  ['nats://user:secret@127.0.0.1:4222,nats://other:secret@127.0.0.1:4223', /one user for all/],
  ['nats://user:secret@', /got "nats:\/\/"$/],
  ['tcp://user:secret@127.0.0.1:5555', /got 'tcp:\/\/127\.0\.0\.1:5555'$/],
  ['http://user:secret@127.0.0.1:5555', /got 'http:\/\/127\.0\.0\.1:5555'$/],
])('what is wrong with %s is said without its password', async (address, said) => {
  const refused = (action: () => unknown): Error => {
    try {
      action();
    } catch (error) {
      return error as Error;
    }
    throw new Error(`${address} was taken`);
  };
  const error = refused(() => new Client({ address, logger: false }));
  expect(error.message).toMatch(said);
  expect(error.message).not.toContain('secret');
  await expect(openPool(address)).rejects.toSatisfy((other: Error) => !other.message.includes('secret'));
});
