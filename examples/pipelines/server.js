// @ts-check
// node server.js [ADDRESS [PORT]]: ADDRESS is where the workers' jobs wait: tcp://, for which a master is
// started here, or redis:// or nats://.
import { Master, openPool } from 'gristmill';
import { PipelinesServer } from 'gristmill/pipelines';
import { asyncPipeline, isOddPipeline } from './pipelines.js';

const [address = 'tcp://127.0.0.1:5555', port = '5600'] = process.argv.slice(2);
const master = address.startsWith('tcp://') ? new Master({ name: 'master', address }) : undefined;
await master?.start();
const pool = await openPool(address);
const server = new PipelinesServer({ pipelines: [isOddPipeline, asyncPipeline], pool, port: Number(port) });
await server.start({ signals: true });
console.log(`pipelines are served at ${server.url}`);

await server.events.once('closed');
await pool.close();
await master?.stop();
