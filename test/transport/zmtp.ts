/** ZMTP 3.0 by hand, for peers that misbehave: greeting, READY, and frames. */

import { connect, type Socket } from 'node:net';

const GREETING = Buffer.concat([
  Buffer.from([0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0]),
  Buffer.from('NULL'.padEnd(20, '\0')),
  Buffer.alloc(32),
]);

function property(name: string, value: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(value.length);
  return Buffer.concat([Buffer.from([name.length]), Buffer.from(name), length, Buffer.from(value)]);
}

/** What a peer of the given socket type says before its first frame. */
export function handshake(socketType: string): Buffer {
  const body = Buffer.concat([Buffer.from([5]), Buffer.from('READY'), property('Socket-Type', socketType), property('Identity', '')]);
  return Buffer.concat([GREETING, Buffer.from([4, body.length]), body]);
}

/** The head of a long frame that is the last of its message, with whatever length it likes to announce. */
export function longFrame(length: bigint): Buffer {
  const head = Buffer.alloc(9);
  head[0] = 2;
  head.writeBigUInt64BE(length, 1);
  return head;
}

export function shortFrame(body: string): Buffer {
  return Buffer.concat([Buffer.from([0, body.length]), Buffer.from(body)]);
}

export interface Stranger {
  readonly socket: Socket;
  readonly closed: Promise<void>;
}

/** A raw connection to a bound tcp address. Errors are expected, and shown by the connection's end. */
export function raw(address: string): Promise<Stranger> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(address.slice(address.lastIndexOf(':') + 1)), '127.0.0.1');
    const closed = new Promise<void>((done) => {
      socket.once('close', () => done());
    });
    socket.once('error', reject);
    socket.once('connect', () => resolve({ socket, closed }));
    socket.on('error', () => {});
    socket.resume();
  });
}

/** A raw connection whose handshake has succeeded: frames may be sent on it. */
export async function shaken(address: string, socketType: string): Promise<Stranger> {
  const stranger = await raw(address);
  let seen = '';
  await new Promise<void>((resolve) => {
    stranger.socket.on('data', (data: Buffer) => {
      seen += data.toString('latin1');
      if (seen.includes('READY')) resolve();
    });
    stranger.socket.write(handshake(socketType));
  });
  stranger.socket.removeAllListeners('data').resume();
  return stranger;
}
