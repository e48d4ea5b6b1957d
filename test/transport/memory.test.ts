import { describe, expect, test } from 'vitest';
import { MemoryNetwork } from '../../src/transport/memory.ts';
import { closer, contract } from './contract.ts';
import { Recorder, text, turn } from './recorder.ts';

let made = 0;

function address(): string {
  made += 1;
  return `memory://place-${made}`;
}

describe('memory', () => {
  contract(() => ({ transport: new MemoryNetwork().transport(), address }));
});

describe('a memory network', () => {
  const keep = closer();

  async function pair() {
    const network = new MemoryNetwork();
    const transport = network.transport();
    const bound = new Recorder();
    const dialled = new Recorder();
    const router = keep(await transport.bindRouter(address(), bound.router));
    const dealer = keep(transport.dialDealer(router.address, dialled.dial));
    await dialled.until(() => dialled.ups === 1);
    dealer.send(text('hello'));
    await bound.until(() => bound.messages.length === 1);
    return { network, router, dealer, bound, dialled };
  }

  test('cut loses what is under way; both sides hear of it and connect again by themselves', async () => {
    const { network, router, dealer, bound, dialled } = await pair();
    dealer.send(text('under way'));
    router.send(1, text('under way'));
    network.cut(router.address);
    await dialled.until(() => dialled.ups === 2);
    dealer.send(text('again'));
    await bound.until(() => bound.messages.length === 2);
    expect(bound.heard).toEqual(['message', 'lost 1', 'message']);
    expect(bound.senders).toEqual([1, 2]);
    expect(dialled.heard).toEqual(['connected', 'disconnected', 'connected']);
  });

  test('cut without an address breaks every connection', async () => {
    const { network, bound, dialled } = await pair();
    network.cut();
    await dialled.until(() => dialled.ups === 2);
    expect(bound.lost).toEqual([1]);
  });

  test('a blocked address is cut off until it is unblocked', async () => {
    const { network, router, dealer, bound, dialled } = await pair();
    network.block(router.address);
    await dialled.until(() => dialled.downs === 1);
    for (let i = 0; i < 5; i += 1) await turn();
    dealer.send(text('into the void'));
    expect(dialled.ups).toBe(1);
    network.unblock(router.address);
    await dialled.until(() => dialled.ups === 2);
    expect(bound.texts).toEqual(['hello']);
  });

  test('what is held is heard in order after release, and the other direction goes on', async () => {
    const { network, router, dealer, bound, dialled } = await pair();
    network.hold(router.address, 'in');
    dealer.send(text('one'));
    dealer.send(text('two'));
    router.send(1, text('down'));
    await dialled.until(() => dialled.messages.length === 1);
    expect(network.held(router.address, 'in')).toBe(2);
    expect(bound.texts).toEqual(['hello']);
    network.release(router.address, 'in');
    dealer.send(text('three'));
    await bound.until(() => bound.messages.length === 4);
    expect(bound.texts).toEqual(['hello', 'one', 'two', 'three']);
  });

  test('with its notices held, a router hears of a new connection before it hears that the old one is lost', async () => {
    const { network, router, dealer, bound, dialled } = await pair();
    network.hold(router.address, 'in', 'notices');
    network.cut(router.address);
    await dialled.until(() => dialled.ups === 2);
    dealer.send(text('hello again'));
    await bound.until(() => bound.messages.length === 2);
    expect(bound.lost).toEqual([]);
    network.release(router.address, 'in');
    await bound.until(() => bound.lost.length === 1);
    expect(bound.heard).toEqual(['message', 'message', 'lost 1']);
    router.send(2, text('welcome'));
    await dialled.until(() => dialled.messages.length === 1);
  });

  test('ports are chosen, a wildcard host is reached by any name, and networks share nothing', async () => {
    const network = new MemoryNetwork();
    const [first, second] = await Promise.all([
      network.transport().bindRouter('tcp://127.0.0.1:*', new Recorder().router),
      network.transport().bindRouter('tcp://*:*', new Recorder().router),
    ]);
    keep(first);
    keep(second);
    expect(first.address).toMatch(/^tcp:\/\/127\.0\.0\.1:\d+$/);
    expect(second.address).toMatch(/^tcp:\/\/\*:\d+$/);
    expect(first.address.split(':')[2]).not.toBe(second.address.split(':')[2]);
    const dialled = new Recorder();
    keep(network.transport().dialDealer(second.address.replace('*', 'node-7'), dialled.dial));
    await dialled.until(() => dialled.ups === 1);
    const stranger = new Recorder();
    keep(new MemoryNetwork().transport().dialDealer(first.address, stranger.dial));
    for (let i = 0; i < 5; i += 1) await turn();
    expect(stranger.heard).toEqual([]);
  });

  test('sockets that do not belong together are not connected, and the bound one says why', async () => {
    const transport = new MemoryNetwork().transport();
    const bound = new Recorder();
    const dialled = new Recorder();
    const router = keep(await transport.bindRouter(address(), bound.router));
    keep(transport.dialPush(router.address, dialled.dial));
    await bound.until(() => bound.rejected.length === 1);
    expect(bound.rejected[0]?.reason).toContain('push');
    expect(dialled.heard).toEqual([]);
  });
});
