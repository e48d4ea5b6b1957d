/** What executes the jobs of one combine: a client, and, where no master runs yet, a head with its workers. */
import { Client } from '../client/client.ts';
import { type Logger, loggerFor } from '../common/logger.ts';
import { grain } from '../scheduling/grain.ts';
import { Master } from '../specialized/master.ts';
import { offered } from '../worker/offered.ts';
import { LocalWorker } from './local.ts';
import type { HeadOptions, ReadOptions } from './options.ts';
import type { Executor } from './scope.ts';

/** What is unfinished when a combine ends was cancelled; nobody waits for it. */
const STOP_MS = 1_000;

export interface Engine {
  readonly executor: Executor;
  /** Resolves when nothing of it is left. */
  close(): Promise<void>;
}

/**
 * @param failed told if the engine can never run anything
 * @throws what is wrong with the options of master, client and specialized workers; what their set-ups throw
 */
export async function openEngine({ where, logger }: ReadOptions, failed: (error: Error) => void): Promise<Engine> {
  if ('address' in where) return clientOf(where.address, where.transport, logger);
  return await openHead(where, logger, failed);
}

function clientOf(
  address: string | readonly string[],
  transport: ConstructorParameters<typeof Client>[0]['transport'],
  logger: Logger | false | undefined,
): Engine {
  const client = new Client({ address, transport, logger });
  return { executor: client, close: () => client.close() };
}

async function openHead(options: HeadOptions, logger: Logger | false | undefined, failed: (error: Error) => void): Promise<Engine> {
  const {
    policy = grain(),
    workers = [],
    resourcesPerWorker,
    local,
    isolate = true,
    workerModule,
    tasklets = {},
    specializedType,
  } = options;
  const instances = { slots: 1, resources: resourcesPerWorker };
  const master = new Master({ name: 'combine', address: 'tcp://127.0.0.1:*', policy, logger, specializedType, instances });
  for (const [name, tasklet] of Object.entries(tasklets)) master.tasklet(name, tasklet);
  for (const address of workers) master.dial(address, { resources: resourcesPerWorker });
  await master.start();
  const worker =
    workerModule === undefined ? undefined : startLocal(master, workerModule, { local, isolate, logger: loggerFor(logger), failed });
  const client = clientOf(master.address, undefined, logger);
  return {
    executor: client.executor,
    close: async () => {
      await client.close();
      await Promise.all([worker?.stop(), ...workers.map((address) => master.undial(address, { deadlineMs: STOP_MS }))]);
      await master.stop({ deadlineMs: STOP_MS });
    },
  };
}

/** A worker of this machine: a slot for each core, since each function has a process of its own. */
function startLocal(
  master: Master,
  module: URL | string,
  { local, isolate, logger, failed }: { local: HeadOptions['local']; isolate: boolean; logger: Logger; failed: (error: Error) => void },
): LocalWorker {
  const resources = offered('runCombine: local', local);
  const { cores } = resources;
  const slots = Math.max(1, Array.isArray(cores) ? cores.length : Number(cores ?? 1));
  return new LocalWorker({ master, module, worker: { resources, slots, isolate }, logger, failed });
}
