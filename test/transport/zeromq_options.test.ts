import { describe, expect, it } from 'vitest';
import { sending } from '../../src/transport/zeromq_options.ts';

describe('what the kernel may hold of a connection', () => {
  it.each(['tcp://127.0.0.1:4242', 'tcp://127.0.0.5:*', 'tcp://localhost:4242', 'tcp://[::1]:4242'])(
    'is bounded on loopback: %s',
    (address) => {
      expect(sending(address)).toEqual({ sendHighWaterMark: 0, sendTimeout: 0, sendBufferSize: 524_288 });
    },
  );

  it.each(['tcp://10.0.0.1:4242', 'tcp://*:4242', 'tcp://0.0.0.0:*', 'tcp://example.org:4242', 'ipc:///tmp/gristmill'])(
    'is left to the system elsewhere: %s',
    (address) => {
      expect(sending(address).sendBufferSize).toBe(-1);
    },
  );
});
