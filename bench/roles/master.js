// @ts-check
import { grain, leastLoaded, Master, roundRobin } from 'gristmill';
import { quiet } from './quiet.js';
import { config, serve } from './role.js';

const POLICIES = { grain, leastLoaded, roundRobin };

const { policy = 'leastLoaded' } = /** @type {{ policy?: keyof typeof POLICIES }} */ (config);
const master = new Master({
  name: 'master',
  address: 'tcp://127.0.0.1:*',
  policy: POLICIES[policy](),
  logger: quiet,
});
await master.start();
serve({ address: master.address });
