// @ts-check
/** A process of workerpool. */
import { noop, sleep } from './functions.js';

/** A specifier that the type checker does not follow: see pool_client.js. @type {string} */
const name = 'workerpool';
const { default: workerpool } = /** @type {{ default: { worker(functions: object): void } }} */ (await import(name));
workerpool.worker({ noop, sleep });
