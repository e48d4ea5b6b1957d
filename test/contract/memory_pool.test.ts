import { MemoryPool } from '../../src/testing/index.ts';
import { poolContract } from './pool.ts';

poolContract('MemoryPool', async () => {
  const main = new MemoryPool();
  return {
    address: main.address,
    open: (options = {}) => main.another(options),
    leftovers: async () => [],
    [Symbol.asyncDispose]: () => main.close(),
  };
});
