import { describe, expect, it } from 'vitest';
import { dialling, natsAddress, readNats } from '../../src/pools/nats/settings.ts';

describe('who says who it is', () => {
  it.each([
    ['nats://127.0.0.1:4222', {}],
    ['nats://user:secret@127.0.0.1:4222', { user: 'user', pass: 'secret' }],
    ['nats://us%40er:p%3Ass%2f%25@127.0.0.1:4222', { user: 'us@er', pass: 'p:ss/%' }],
    ['nats://user:123x@127.0.0.1:4222', { user: 'user', pass: '123x' }],
    ["nats://user:a$&b$'c$$d,e@127.0.0.1:4222", { user: 'user', pass: "a$&b$'c$$d,e" }],
    ['nats://user:@127.0.0.1:4222', { user: 'user', pass: '' }],
    ['nats://token@127.0.0.1:4222', { token: 'token' }],
    ['nats://to%3Ak%40en@127.0.0.1:4222', { token: 'to:k@en' }],
  ])('%s', (address, login) => {
    const settings = readNats('address', [address]);
    expect(dialling(settings)).toMatchObject({ servers: ['nats://127.0.0.1:4222'], ...login });
    expect(Object.keys(dialling(settings)).filter((key) => ['user', 'pass', 'token'].includes(key))).toEqual(Object.keys(login));
    // What a spawned worker dials says it, too.
    expect(readNats('address', natsAddress(settings))).toEqual(settings);
  });

  it('says it of one server of a cluster, or of all', () => {
    for (const address of [
      'nats://user:se,cret@a:1,nats://b:2',
      'nats://user:secret@a:1,nats://b:2',
      'nats://user:secret@a:1,nats://user:secret@b:2?replicas=3',
    ]) {
      const settings = readNats('address', address);
      const pass = address.includes('se,cret') ? 'se,cret' : 'secret';
      expect(dialling(settings)).toMatchObject({ servers: ['nats://a:1', 'nats://b:2'], user: 'user', pass });
      expect(readNats('address', natsAddress(settings))).toEqual(settings);
    }
  });

  it('is refused if it is two, or cannot be read, without a word of what it is', () => {
    const two = 'nats://one:secret@a:1,nats://two:secret@b:2';
    expect(() => readNats('address', two)).toThrow(new RangeError('address: expected one user for all servers of a cluster'));
    for (const odd of ['nats://user:sec%zzret@a:1', 'nats://%C3:%A9@a:1'])
      expect(() => readNats('address', odd)).toThrow(new TypeError('address: expected a user and a password that are percent-encoded'));
  });
});
