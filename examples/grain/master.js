// @ts-check
// node master.js [ADDRESS]
import { grain, Master } from 'gristmill';

const master = new Master({ name: 'master', address: process.argv[2] ?? 'tcp://127.0.0.1:5555', policy: grain() });
await master.start({ signals: true });
console.log(`${master.name} listens at ${master.address}`);
