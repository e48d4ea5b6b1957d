// @ts-check
// node worker.js NAME [ADDRESS]: one instance. NAME is for what it prints; the instance's own name is what `run` yields.
import { fileURLToPath } from 'node:url';
import { SpecializedWorker } from 'gristmill';

const [name = 'worker', address = 'tcp://127.0.0.1:5555'] = process.argv.slice(2);
const specializedType = fileURLToPath(new URL('redis.js', import.meta.url));
const worker = new SpecializedWorker({ specializedType, address, resources: { cores: 1 } });
worker.events.on('connected', () => console.log(`${name} is ready`));
await worker.start({ signals: true });
