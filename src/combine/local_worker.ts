/** The process of a combine's local worker. Its arguments: name, address, the URL of the worker's module, the worker's other options as JSON. */
import { shown } from '../common/check.ts';
import { BASE } from '../worker/served.ts';
import { Worker, type WorkerOptions } from '../worker/worker.ts';

type WorkerClass = new (options: WorkerOptions) => Worker;

const [name = '', address = '', module = '', json = '{}'] = process.argv.slice(2);

/** By the name of the base: the module may have a copy of this package of its own. */
function isWorkerClass(value: unknown): value is WorkerClass {
  for (let at = value; typeof at === 'function'; at = Object.getPrototypeOf(at) as unknown)
    if (at !== value && (at.name === Worker.name || Object.hasOwn(at, BASE))) return true;
  return false;
}

const exported = (await import(module)) as Record<string, unknown>;
const candidates = [...new Set([exported['default'], ...Object.values(exported)])].filter(isWorkerClass);
const [Chosen] = candidates;
if (Chosen === undefined || (candidates.length > 1 && Chosen !== exported['default']))
  throw new TypeError(
    `runCombine: workerModule: expected the default export of ${module} to be a class that extends Worker, got ${shown(exported['default'])}`,
  );
await new Chosen({ ...(JSON.parse(json) as Partial<WorkerOptions>), name, address }).start({ signals: true });
