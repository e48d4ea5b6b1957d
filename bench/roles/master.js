// @ts-check
import { leastLoaded, Master, roundRobin } from 'gristmill';
import { quiet } from './quiet.js';
import { config, serve } from './role.js';

const { policy } = /** @type {{ policy?: string }} */ (config);
const master = new Master({
  name: 'master',
  address: 'tcp://127.0.0.1:*',
  policy: policy === 'roundRobin' ? roundRobin() : leastLoaded(),
  logger: quiet,
});
await master.start();
serve({ address: master.address });
