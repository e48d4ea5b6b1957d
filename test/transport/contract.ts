/** What every transport must do: the laws at the head of transport.ts, as tests. */

import { createHash } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import type { Frames, RouterSocket, Transport } from '../../src/transport/transport.ts';
import { Recorder, text, turn } from './recorder.ts';

type Closeable = Pick<RouterSocket, 'close'>;

export interface Place {
  readonly transport: Transport;
  /** An address to bind, new at each call; the transport may choose its port. */
  readonly address: () => string;
}

/** Sockets that are closed after each test, whatever it ended in. */
export function closer(): <S extends Closeable>(socket: S) => S {
  const open: Closeable[] = [];
  afterEach(async () => {
    await Promise.all(open.splice(0).map((socket) => socket.close(0)));
  });
  return (socket) => {
    open.push(socket);
    return socket;
  };
}

/** Frames of the given lengths, different in every byte's neighbourhood. */
function filled(...lengths: number[]): Frames {
  return lengths.map((length, index) => Buffer.alloc(length, createHash('sha512').update(`${index} ${length}`).digest()));
}

function same(left: Frames | undefined, right: Frames): boolean {
  return left?.length === right.length && right.every((frame, index) => Buffer.compare(frame, left[index] ?? Buffer.alloc(0)) === 0);
}

export function contract(place: () => Place): void {
  const keep = closer();

  async function pair() {
    const { transport, address } = place();
    const bound = new Recorder();
    const dialled = new Recorder();
    const router = keep(await transport.bindRouter(address(), bound.router));
    const dealer = keep(transport.dialDealer(router.address, dialled.dial));
    await dialled.until(() => dialled.ups === 1);
    return { transport, router, dealer, bound, dialled };
  }

  /** Makes a dialled socket heard, and says under which number. */
  async function greet(bound: Recorder, send: () => void): Promise<number> {
    const before = bound.messages.length;
    send();
    await bound.until(() => bound.messages.length > before);
    return bound.senders[before] as number;
  }

  describe('a dealer and a router', () => {
    test('messages arrive in both directions, in the order of sending', async () => {
      const { router, dealer, bound, dialled } = await pair();
      for (let i = 0; i < 1_000; i += 1) dealer.send(text('up', String(i)));
      await bound.until(() => bound.messages.length === 1_000);
      expect(bound.texts).toEqual(Array.from({ length: 1_000 }, (_, i) => `up|${i}`));
      expect(new Set(bound.senders)).toEqual(new Set([bound.senders[0]]));
      for (let i = 0; i < 1_000; i += 1) router.send(bound.senders[0] as number, text('down', String(i)));
      await dialled.until(() => dialled.messages.length === 1_000);
      expect(dialled.texts).toEqual(Array.from({ length: 1_000 }, (_, i) => `down|${i}`));
    });

    test('a message of hundreds of frames, some of them empty, arrives whole', async () => {
      const { router, dealer, bound, dialled } = await pair();
      const message = filled(...Array.from({ length: 700 }, (_, i) => i % 300));
      dealer.send(message);
      await bound.until(() => bound.messages.length === 1);
      expect(same(bound.messages[0], message)).toBe(true);
      router.send(bound.senders[0] as number, message);
      await dialled.until(() => dialled.messages.length === 1);
      expect(same(dialled.messages[0], message)).toBe(true);
    });

    test('frames of 1 and 4 MiB arrive as they were', async () => {
      const { router, dealer, bound, dialled } = await pair();
      const message = filled(1 << 20, 3, 4 << 20, 1 << 20);
      dealer.send(message);
      await bound.until(() => bound.messages.length === 1);
      expect(same(bound.messages[0], message)).toBe(true);
      router.send(bound.senders[0] as number, message);
      await dialled.until(() => dialled.messages.length === 1);
      expect(same(dialled.messages[0], message)).toBe(true);
    });

    test('a list of frames may be sent twice: the transport leaves it as it was', async () => {
      const { router, dealer, bound, dialled } = await pair();
      const message = text('a', 'b');
      dealer.send(message);
      dealer.send(message);
      await bound.until(() => bound.messages.length === 2);
      router.send(bound.senders[0] as number, message);
      router.send(bound.senders[0] as number, message);
      await dialled.until(() => dialled.messages.length === 2);
      expect([...bound.texts, ...dialled.texts]).toEqual(['a|b', 'a|b', 'a|b', 'a|b']);
    });

    test('each peer has its own number, and gets its own answers', async () => {
      const { transport, router, dealer, bound, dialled } = await pair();
      const second = new Recorder();
      const other = keep(transport.dialDealer(router.address, second.dial));
      await second.until(() => second.ups === 1);
      const one = await greet(bound, () => dealer.send(text('one')));
      const two = await greet(bound, () => other.send(text('two')));
      expect(one).not.toBe(two);
      router.send(two, text('to two'));
      router.send(one, text('to one'));
      await Promise.all([dialled.until(() => dialled.messages.length === 1), second.until(() => second.messages.length === 1)]);
      expect([dialled.texts, second.texts]).toEqual([['to one'], ['to two']]);
    });

    test('no handler is called from within a call of ours', async () => {
      const { transport, address } = place();
      const bound = new Recorder();
      const dialled = new Recorder();
      const router = keep(await transport.bindRouter(address(), bound.router));
      const dealer = keep(transport.dialDealer(router.address, dialled.dial));
      expect(dialled.heard).toEqual([]);
      await dialled.until(() => dialled.ups === 1);
      dealer.send(text('x'));
      expect(bound.heard).toEqual([]);
      await bound.until(() => bound.messages.length === 1);
      const before = bound.heard.length;
      void dealer.close(0);
      expect(bound.heard.length).toBe(before);
    });

    test('what is sent before the connection is there is lost, and harms nothing', async () => {
      const { transport, address } = place();
      const bound = new Recorder();
      const dialled = new Recorder();
      const router = keep(await transport.bindRouter(address(), bound.router));
      const dealer = keep(transport.dialDealer(router.address, dialled.dial));
      dealer.send(text('too early'));
      await dialled.until(() => dialled.ups === 1);
      dealer.send(text('in time'));
      await bound.until(() => bound.messages.length > 0);
      expect(bound.texts).toEqual(['in time']);
    });
  });

  describe('connections', () => {
    test('a dialled socket connects once its address is bound', async () => {
      const { transport, address } = place();
      const first = await transport.bindRouter(address(), new Recorder().router);
      const where = first.address;
      await first.close(0);
      const dialled = new Recorder();
      const dealer = keep(transport.dialDealer(where, dialled.dial));
      await turn();
      const bound = new Recorder();
      keep(await transport.bindRouter(where, bound.router));
      await dialled.until(() => dialled.ups === 1);
      dealer.send(text('hello'));
      await bound.until(() => bound.messages.length === 1);
      expect(dialled.heard).toEqual(['connected']);
    });

    test('after the bound side has gone and come back, a dialled socket is connected again', async () => {
      const { transport, router, dealer, bound, dialled } = await pair();
      await greet(bound, () => dealer.send(text('before')));
      await router.close(100);
      await dialled.until(() => dialled.downs === 1);
      dealer.send(text('lost'));
      const again = new Recorder();
      keep(await transport.bindRouter(router.address, again.router));
      await dialled.until(() => dialled.ups === 2);
      dealer.send(text('after'));
      await again.until(() => again.messages.length > 0);
      expect(again.texts).toEqual(['after']);
      expect(dialled.heard).toEqual(['connected', 'disconnected', 'connected']);
    });

    test('a router says once that a connection is lost, after its messages', async () => {
      const { dealer, bound } = await pair();
      for (let i = 0; i < 300; i += 1) dealer.send(text(String(i)));
      await dealer.close(1_000);
      await bound.until(() => bound.lost.length > 0);
      await turn();
      expect(bound.heard).toEqual([...Array<string>(300).fill('message'), `lost ${bound.senders[0]}`]);
    });

    test('the number of a connection is never used again', async () => {
      const { transport, address } = place();
      const bound = new Recorder();
      const router = keep(await transport.bindRouter(address(), bound.router));
      for (let i = 0; i < 20; i += 1) {
        const dialled = new Recorder();
        const dealer = keep(transport.dialDealer(router.address, dialled.dial));
        await dialled.until(() => dialled.ups === 1);
        await greet(bound, () => dealer.send(text(String(i))));
        await dealer.close(0);
        await bound.until(() => bound.lost.length === i + 1);
      }
      expect(new Set(bound.senders).size).toBe(20);
      expect(bound.lost).toEqual(bound.senders);
    });

    test('sending to a connection that is lost, or never was, disturbs nobody', async () => {
      const { transport, router, dealer, bound, dialled } = await pair();
      const second = new Recorder();
      const other = keep(transport.dialDealer(router.address, second.dial));
      await second.until(() => second.ups === 1);
      const gone = await greet(bound, () => other.send(text('other')));
      const here = await greet(bound, () => dealer.send(text('here')));
      await other.close(0);
      for (let i = 0; i < 100; i += 1) router.send(gone, text('nobody'));
      await bound.until(() => bound.lost.length > 0);
      for (let i = 0; i < 100; i += 1) {
        router.send(gone, text('nobody'));
        router.send(123_456, text('nobody'));
      }
      router.send(here, text('still there?'));
      await dialled.until(() => dialled.messages.length > 0);
      expect(dialled.texts).toEqual(['still there?']);
      expect(bound.lost).toEqual([gone]);
    });

    test('a forgotten connection comes back under a new number, and the old one is not said to be lost', async () => {
      const { router, dealer, bound, dialled } = await pair();
      const first = await greet(bound, () => dealer.send(text('first')));
      router.forget(first);
      const second = await greet(bound, () => dealer.send(text('second')));
      expect(second).not.toBe(first);
      router.send(first, text('to the old number'));
      router.send(second, text('to the new number'));
      await dialled.until(() => dialled.messages.length > 0);
      expect(dialled.texts).toEqual(['to the new number']);
      await dealer.close(0);
      await bound.until(() => bound.lost.length > 0);
      expect(bound.lost).toEqual([second]);
    });

    test('an empty message is illegal: its sender counts as lost, and comes back under a new number', async () => {
      const { dealer, bound } = await pair();
      const first = await greet(bound, () => dealer.send(text('first')));
      dealer.send([Buffer.alloc(0)]);
      await bound.until(() => bound.lost.length > 0);
      const second = await greet(bound, () => dealer.send(text('second')));
      expect(bound.lost).toEqual([first]);
      expect(second).not.toBe(first);
    });
  });

  describe('push and pull', () => {
    test('a bound push socket gives its messages to all peers in turn, and counts them', async () => {
      const { transport, address } = place();
      const bound = new Recorder();
      const push = keep(await transport.bindPush(address(), bound.push));
      const pulls = [new Recorder(), new Recorder(), new Recorder()];
      const sockets = pulls.map((pull) => keep(transport.dialPull(push.address, pull.dial)));
      await bound.until(() => bound.peers === 3);
      for (let i = 0; i < 300; i += 1) push.send(text(String(i)));
      await Promise.all(pulls.map((pull) => pull.until(() => pull.messages.length === 100)));
      expect(pulls.flatMap((pull) => pull.texts).sort()).toEqual(Array.from({ length: 300 }, (_, i) => String(i)).sort());
      for (const pull of pulls) expect(pull.texts.map(Number)).toEqual(pull.texts.map(Number).sort((a, b) => a - b));
      await sockets[1]?.close(0);
      await bound.until(() => bound.downs === 1);
      expect([bound.peers, bound.strangers]).toEqual([2, 0]);
      for (let i = 0; i < 200; i += 1) push.send(text(`again ${i}`));
      await Promise.all([pulls[0], pulls[2]].map((pull) => (pull as Recorder).until((one) => one.messages.length === 200)));
      expect(pulls[1]?.messages.length).toBe(100);
    });

    test('a pushed message without a peer is lost, and harms nothing', async () => {
      const { transport, address } = place();
      const bound = new Recorder();
      const push = keep(await transport.bindPush(address(), bound.push));
      push.send(text('nobody'));
      const pull = new Recorder();
      keep(transport.dialPull(push.address, pull.dial));
      await bound.until(() => bound.peers === 1);
      push.send(text('somebody'));
      await pull.until(() => pull.messages.length > 0);
      expect(pull.texts).toEqual(['somebody']);
      expect(pull.heard).toEqual(['connected', 'message']);
    });

    test('a bound pull socket hears every peer in its order', async () => {
      const { transport, address } = place();
      const bound = new Recorder();
      const pull = keep(await transport.bindPull(address(), bound.pull));
      for (const name of ['a', 'b']) {
        const dialled = new Recorder();
        const push = keep(transport.dialPush(pull.address, dialled.dial));
        await dialled.until(() => dialled.ups === 1);
        for (let i = 0; i < 500; i += 1) push.send(text(name, String(i)));
      }
      await bound.until(() => bound.messages.length === 1_000);
      for (const name of ['a', 'b']) {
        expect(bound.texts.filter((one) => one.startsWith(name))).toEqual(Array.from({ length: 500 }, (_, i) => `${name}|${i}`));
      }
    });
  });

  describe('closing', () => {
    test('close of a dialled socket delivers what was sent', async () => {
      const { dealer, bound } = await pair();
      for (let i = 0; i < 500; i += 1) dealer.send(text(String(i)));
      await dealer.close(5_000);
      await bound.until(() => bound.messages.length === 500);
      expect(bound.texts.at(-1)).toBe('499');
    });

    test('close may be called again, and frees the address; what its peers still hear is the beginning of what was sent', async () => {
      const { transport, router, dealer, bound, dialled } = await pair();
      const connection = await greet(bound, () => dealer.send(text('hello')));
      for (let i = 0; i < 500; i += 1) router.send(connection, text(String(i)));
      const closing = router.close(5_000);
      expect(router.close(0)).toBe(closing);
      await closing;
      await dialled.until(() => dialled.downs === 1);
      expect(dialled.texts).toEqual(dialled.texts.map((_, i) => String(i)));
      keep(await transport.bindRouter(router.address, new Recorder().router));
    });

    test('after close no handler is called, and sending does nothing', async () => {
      const { router, dealer, bound, dialled } = await pair();
      const connection = await greet(bound, () => dealer.send(text('hello')));
      const heard = dialled.heard.length;
      const closing = dealer.close(0);
      dealer.send(text('too late'));
      router.send(connection, text('too late'));
      await closing;
      await bound.until(() => bound.lost.length === 1);
      expect(dialled.heard.length).toBe(heard);
      expect(bound.texts).toEqual(['hello']);
      await Promise.all([router.close(0), router.close(1_000), dealer.close(1_000)]);
    });

    test('a socket that never had a peer closes at once', async () => {
      const { transport, address } = place();
      const first: RouterSocket = await transport.bindRouter(address(), new Recorder().router);
      await first.close(0);
      const sockets: Closeable[] = [
        transport.dialDealer(first.address, new Recorder().dial),
        transport.dialPull(first.address, new Recorder().dial),
        transport.dialPush(first.address, new Recorder().dial),
        await transport.bindPull(address(), new Recorder().pull),
        await transport.bindPush(address(), new Recorder().push),
      ];
      const began = performance.now();
      await Promise.all(sockets.map((socket) => socket.close(20_000)));
      expect(performance.now() - began).toBeLessThan(5_000);
    });

    test('an address in use is refused, and the error names it', async () => {
      const { transport, address } = place();
      const first = keep(await transport.bindRouter(address(), new Recorder().router));
      const attempts = [
        transport.bindRouter(first.address, new Recorder().router),
        transport.bindPull(first.address, new Recorder().pull),
        transport.bindPush(first.address, new Recorder().push),
      ];
      // All at once: one that fails while another is waited for would be nobody's.
      const refused = { code: 'EADDRINUSE', message: expect.stringContaining(first.address) as string };
      await Promise.all(attempts.map((attempt) => expect(attempt).rejects.toMatchObject(refused)));
    });
  });
}
