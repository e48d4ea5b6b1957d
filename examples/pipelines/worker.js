// @ts-check
// node worker.js NAME [ADDRESS]
import { PipelinesWorker } from 'gristmill/pipelines';
import { asyncPipeline, isOddPipeline } from './pipelines.js';

const [name = 'worker', address = 'tcp://127.0.0.1:5555'] = process.argv.slice(2);
const worker = new PipelinesWorker({ name, pipelines: [isOddPipeline, asyncPipeline], address });
worker.events.on('connected', () => console.log(`${name} is ready`));
await worker.start({ signals: true });
