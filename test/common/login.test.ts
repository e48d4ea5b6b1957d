import { expect, it } from 'vitest';
import { withoutLogin } from '../../src/common/login.ts';
import { Client, MasterPool, openPool } from '../../src/index.ts';
import { whoIsAt } from '../../src/transport/addresses.ts';
import { PipelinesClient } from '../../src/pipelines/index.ts';

it.each([
  ['redis://user:secret@127.0.0.1:6379/3?queue=mine', 'redis://127.0.0.1:6379/3?queue=mine'],
  ['rediss://:s@cr@t@redis.example', 'rediss://redis.example'],
  ['redis://:se/cr?e#t@127.0.0.1', 'redis://127.0.0.1'],
  ['nats://user:secret@one:4222,nats://user:secret@two:4222', 'nats://one:4222,nats://two:4222'],
  ['nats://user:sec,ret@one:4222,nats://token@two', 'nats://one:4222,nats://two'],
  ['tcp://user:secret@127.0.0.1:5555', 'tcp://127.0.0.1:5555'],
  ['tcp://127.0.0.1:5555', 'tcp://127.0.0.1:5555'],
  ['ipc:///tmp//user:some@place', 'ipc:///tmp//user:some@place'],
  ['redis:/user:secret@127.0.0.1', 'redis:/127.0.0.1'],
  ['redis:user:secret@127.0.0.1', 'redis:127.0.0.1'],
  ['redis:\\\\user:secret@127.0.0.1', 'redis:\\\\127.0.0.1'],
  ['', ''],
])('of %j people read %j', (address, shown) => {
  expect(withoutLogin(address)).toBe(shown);
});

it.each([
  ['redis://user:secret@127.0.0.1:port', /got "redis:\/\/127\.0\.0\.1:port"$/],
  ['redis://user:secret@127.0.0.1?lock=1', /unknown parameter 'lock'/],
  ['nats://user:secret@127.0.0.1:4222,nats://other:secret@127.0.0.1:4223', /one user for all/],
  ['redis://user:secret@127.0.0.1/three', /a number of a database, got '\/three'$/],
  ['redis://user:sec%zzret@127.0.0.1', /percent-encoded$/],
  ['redis://user:1/secret@127.0.0.1:6379', /percent-encoded$/],
  ['redis://user:1?secret@127.0.0.1', /percent-encoded$/],
  ['redis://user:1#secret@127.0.0.1', /percent-encoded$/],
  ['redis://a%:40secret@127.0.0.1', /percent-encoded$/],
  ['redis://user:1@127.0.0.1/0?queue=secret@x', /percent-encoded$/],
  ['redis://127.0.0.1#one', /expected no '#', got '#one'$/],
  ['nats://user:1/secret@127.0.0.1:4222', /percent-encoded$/],
  ['nats://user:1?secret@127.0.0.1:4222', /percent-encoded$/],
  ['nats://127.0.0.1:4222/one', /nothing between port and parameters, got '\/one'$/],
  ['nats://127.0.0.1:4222,127.0.0.1:4223', /got "nats:\/\/127\.0\.0\.1:4222,127\.0\.0\.1:4223"$/],
  ['nats://one,two', /got "nats:\/\/one,two"$/],
  ['redis:/user:secret@127.0.0.1', /got 'redis:\/127\.0\.0\.1'$/],
  ['tcp://secret@127.0.0.1:5555', /without user and password, which no master asks for, got 'tcp:\/\/127\.0\.0\.1:5555'$/],
  ['nats://user:secret@', /got "nats:\/\/"$/],
  ['tcp://user:secret@127.0.0.1:5555', /without user and password, which no master asks for, got 'tcp:\/\/127\.0\.0\.1:5555'$/],
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

it('who waits for a cluster says its hosts, and nothing of a password with a comma', () => {
  expect(whoIsAt(['nats://user:12,34@one:4222,nats://user:12,34@two:4222?stream=mine'])).toBe('NATS at one:4222 or two:4222');
});

it('what a master, or a server of pipelines, is asked for by a wrong address is refused without its password', () => {
  const address = 'redis://user:secret@127.0.0.1';
  expect(() => new MasterPool({ address })).toThrow(/^MasterPool: address: expected a master's, got 'redis:\/\/127\.0\.0\.1': /);
  expect(() => new PipelinesClient('http://user:secret@127.0.0.1:99999')).toThrow(/got "http:\/\/127\.0\.0\.1:99999"$/);
});
