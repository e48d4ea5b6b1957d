/** What a module of specialized workers is: two set-ups, each a generator that yields once. */
import { shown } from '../common/check.ts';

/** Known across copies of this package: the module may have one of its own. */
const SPECIALIZED = Symbol.for('gristmill.specialized');

/** What `run` yields: the instance's name, and what `context` needs to reach it. Plain data: it travels to the head. */
export interface InstanceFields {
  /** Unique among all instances. */
  readonly name: string;
}

export interface SpecializedDefinition<F extends InstanceFields = InstanceFields, C = unknown> {
  /** `run`, too, is on the head, and no worker process exists. Default: false. */
  readonly backendless?: boolean | undefined;
  /** On the worker's side: sets a server up, yields its name and what a client needs to reach it, and cleans up when it is resumed. */
  run(): AsyncGenerator<F, void, void>;
  /** On the head: sets a client up, yields it for the tasklets, and cleans up when it is resumed. */
  context(fields: F): AsyncGenerator<C, void, void>;
}

/** What `defineSpecializedWorker` makes. */
export interface Specialized {
  readonly [SPECIALIZED]: true;
  readonly backendless: boolean;
  run(): AsyncGenerator<unknown, void, void>;
  context(fields: InstanceFields): AsyncGenerator<unknown, void, void>;
}

/**
 * Defines a specialized worker: one that brings its own server (`run`, beside the resources) and its own client (`context`, on the
 * head). Tasklets then run on the head with that client, while the worker's resources are bound as usual. Both set-ups run once for
 * each instance, and are cleaned up whichever way it ends. It is the default export of a module, which is loaded by its name.
 *
 * @example
 *     export default defineSpecializedWorker({
 *       async *run() {
 *         const server = await startServer();
 *         yield { name: `server-${server.port}`, port: server.port };
 *         await server.stop();
 *       },
 *       async *context({ port }) {
 *         const client = await connect(port);
 *         yield client;
 *         await client.close();
 *       },
 *     });
 *
 * @throws TypeError that names what was wrong
 */
export function defineSpecializedWorker<F extends InstanceFields, C>(definition: SpecializedDefinition<F, C>): Specialized {
  const what = 'defineSpecializedWorker';
  if (definition === null || typeof definition !== 'object') throw new TypeError(`${what}: expected an object, got ${shown(definition)}`);
  const { backendless = false, ...rest } = definition;
  for (const name of ['run', 'context'] as const)
    if (typeof definition[name] !== 'function')
      throw new TypeError(`${what}: ${name}: expected an async generator function, got ${shown(definition[name])}`);
  if (typeof backendless !== 'boolean') throw new TypeError(`${what}: backendless: expected true or false, got ${shown(backendless)}`);
  const unknown = Object.keys(rest).find((name) => name !== 'run' && name !== 'context');
  if (unknown !== undefined) throw new TypeError(`${what}: unknown field '${unknown}'; known are backendless, run, context`);
  return {
    [SPECIALIZED]: true,
    backendless,
    run: () => definition.run(),
    context: (fields) => definition.context(fields as F),
  };
}

export function isSpecialized(value: unknown): value is Specialized {
  return value !== null && typeof value === 'object' && SPECIALIZED in value;
}
