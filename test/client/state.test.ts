import { describe, expect, it } from 'vitest';
import { ClientState } from '../../src/client/state.ts';
import { Connection } from '../../src/client/connection.ts';
import type { ClientEvent } from '../../src/client/events.ts';
import { MemoryNetwork } from '../../src/transport/memory.ts';
import { EPOCH, TOKEN, WELCOME } from '../protocol/welcome.ts';
import { type Happening, playTranscript } from '../streams/transcript.ts';
import { FakeMaster } from './fake_master.ts';

const ENVELOPE = { lane: 'control', epoch: EPOCH, session: 1, token: TOKEN, seq: 0, ack: 0, reportsAck: 0 };

function player(connectTimeoutMs: number): (what: Happening) => readonly object[] {
  const state = new ClientState({ name: 'c', connectTimeoutMs });
  return ({ type, now = 0, ...rest }) => {
    const event = {
      welcome: { type, now, welcome: { ...WELCOME, ...rest } },
      refused: { type, now, refused: { type, ...rest } },
      batch: { type, now, bytes: 0, records: [], ...rest, envelope: { ...ENVELOPE, ...(rest['envelope'] as object) } },
      begin: { type, id: 'c/1', ordered: false, parent: 0, messages: 0, fields: [], ...rest },
      pulled: { type, functions: ['foo'], which: [], fields: [], source: 'open', ...rest },
    }[type] ?? { type, now, ...rest };
    return state.handle(event as unknown as ClientEvent);
  };
}

describe('a client, as a transcript:', () => {
  it.each([
    ['connecting, losing the connection, and closing', Infinity],
    ['waiting for a master in vain', 5_000],
    ['a master that refuses', Infinity],
  ])('%s', (name, connectTimeoutMs) => {
    const { told, written } = playTranscript(
      new URL(`transcripts/${name.replaceAll(/[ ,]+/g, '_')}.txt`, import.meta.url),
      player(connectTimeoutMs),
    );
    expect(told).toBe(written);
  });
});

describe('a recorded history', () => {
  it('replays to identical instructions', async () => {
    const network = new MemoryNetwork();
    const transport = network.transport();
    const master = await FakeMaster.start({ transport, window: 50 });
    const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
    const options = { name: 'c', id: 'c', function: 'foo', connectTimeoutMs: Infinity, maxMessageBytes: 1_000, historyLimit: Infinity };
    const connection = new Connection({ ...options, transport, addresses: ['memory://master'], logger: silent });
    const stream = connection.caller.job({ parent: 0 }, [Array.from({ length: 500 }, (_, i) => String(i)), { ordered: true }]);
    let results = 0;
    for await (const _ of stream) {
      results += 1;
      if (results === 200) network.cut();
      if (results === 300) await connection.caller.set('value', 'key');
    }
    await connection.close();
    await master.stop();
    expect(results).toBe(500);
    const fresh = new ClientState(options);
    const history = connection.history();
    expect(history.length).toBeGreaterThan(20);
    for (const { event, instructions } of history) expect(fresh.handle(event)).toEqual(instructions);
    expect(connection.store.count).toBe(0);
  });
});
