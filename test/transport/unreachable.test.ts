import { expect, it } from 'vitest';
import { Unreachable } from '../../src/transport/unreachable.ts';

const [A, B] = ['ipc:///no/such/folder/a', 'ipc:///none/either/b'];

it('says what is wrong with each address, until it is reached', async () => {
  const unreachable = new Unreachable();
  await Promise.all([unreachable.look(A), unreachable.look(B), unreachable.look('tcp://127.0.0.1:1')]);
  expect(unreachable.reason).toBe('there is no folder /no/such/folder; there is no folder /none/either');
  unreachable.over(A);
  expect(unreachable.reason).toBe('there is no folder /none/either');
  unreachable.over(B);
  expect(unreachable.reason).toBe(undefined);
});

it('says nothing of an address that was reached while it was looked at', async () => {
  const unreachable = new Unreachable();
  const looking = unreachable.look(A);
  unreachable.over(A);
  await looking;
  expect(unreachable.reason).toBe(undefined);
});
