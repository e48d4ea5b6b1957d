import { MasterPool } from '../../src/index.ts';
import { startCluster } from '../integration/processes.ts';
import { type LossRig, poolLosses } from './losses.ts';
import { poolContract } from './pool.ts';

async function start(): Promise<LossRig> {
  const cluster = await startCluster({ workers: 0 });
  return {
    address: cluster.address,
    open: (options = {}) => new MasterPool({ ...options, address: cluster.address, logger: false }),
    leftovers: async () => [],
    [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
    kill: async () => {
      cluster.master.kill('SIGKILL');
      await cluster.master.ended;
    },
    start: async () => await cluster.startMaster().printed(/^listening/),
  };
}

poolContract('MasterPool', start);
poolLosses('MasterPool', start);
