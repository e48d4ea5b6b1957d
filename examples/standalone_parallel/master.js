// @ts-check
// node master.js [ADDRESS]; with POLICY=roundRobin in the environment ZeroMQ deals the jobs out, each worker in turn
import { leastLoaded, Master, roundRobin } from 'gristmill';

const master = new Master({
  name: 'master',
  address: process.argv[2] ?? 'tcp://127.0.0.1:5555',
  policy: process.env['POLICY'] === 'roundRobin' ? roundRobin() : leastLoaded(),
});
await master.start({ signals: true });
console.log(`${master.name} listens at ${master.address}`);
