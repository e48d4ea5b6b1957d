/** The way from a client or a worker to an engine, by its address. */
import type { Logger } from '../common/logger.ts';
import type { Engine } from '../transport/addresses.ts';
import type { EngineWay } from '../transport/engines.ts';
import type { PoolEngine } from './engine_pool.ts';
import { Gate, GATE } from './gate.ts';

export async function openWay(engine: Engine, address: string, logger: Logger): Promise<EngineWay> {
  const found = await open(engine, address, logger);
  const gate = new Gate(found, found);
  return {
    transport: gate.transport(),
    address: GATE,
    trouble: () => found.troubles.last,
    close: async () => {
      await gate.close();
      await found.close();
    },
  };
}

async function open(engine: Engine, address: string, logger: Logger): Promise<PoolEngine> {
  switch (engine) {
    case 'redis': {
      const { openRedis } = await import('./redis.ts');
      const { readRedis } = await import('./redis/settings.ts');
      return await openRedis(readRedis('address', address), logger);
    }
    case 'nats': {
      const { openNats } = await import('./nats.ts');
      const { readNats } = await import('./nats/settings.ts');
      return await openNats(readNats('address', address), 0, logger);
    }
    default:
      return engine satisfies never;
  }
}
