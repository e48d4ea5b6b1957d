import { connect } from '@nats-io/transport-node';
import { jetstreamManager } from '@nats-io/jetstream';
import { describe } from 'vitest';
import { NatsPool } from '../../src/pools/nats.ts';
import { type LossRig, poolLosses } from './losses.ts';
import { poolContract } from './pool.ts';
import { have, natsServer } from './servers.ts';

const here = have('nats-server', 'the contract of NatsPool', 'apt-get install nats-server');

async function start(): Promise<LossRig> {
  const server = await natsServer();
  const address = `nats://127.0.0.1:${server.port}?lockMs=2000`;
  return {
    address,
    open: (options = {}) => new NatsPool({ ...options, servers: address, logger: false }),
    leftovers: async () => {
      const connection = await connect({ servers: `127.0.0.1:${server.port}` });
      const jsm = await jetstreamManager(connection);
      const found: string[] = [];
      for (const name of ['gristmill', 'KV_gristmill-open', 'KV_gristmill-cache']) {
        const { state } = await jsm.streams.info(name, { subjects_filter: '>' });
        found.push(...Object.keys(state.subjects ?? {}));
      }
      await connection.close();
      return found;
    },
    kill: () => server.kill(),
    start: () => server.start(),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

describe.runIf(here)('with nats-server', () => {
  poolContract('NatsPool', start);
  poolLosses('NatsPool', start);
});
