/** The thread of a Renewer: it says that jobs are worked on, and that the worker is there. It must never load zeromq. */
import { connect } from '@nats-io/transport-node';
import { Kvm } from '@nats-io/kv';
import { setTimeout as pause } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { SeenJobs } from '../held.ts';
import { dialling, namesOf, type NatsSettings } from './settings.ts';

/** How often a NATS that refuses is asked. */
const AGAIN_MS = 500;

/** Whoever serves the queue says what is wrong with NATS. */
async function again<T>(action: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await action();
    } catch {
      await pause(AGAIN_MS);
    }
  }
}

const settings = workerData as NatsSettings & { readonly name: string };
const { stream, lockMs, name } = settings;
const held = new SeenJobs();
parentPort?.on('message', (page: SharedArrayBuffer) => held.add(page));
const connection = await again(() => connect(dialling(settings)));

function renewAll(): void {
  for (const [, reply] of held.all()) connection.publish(reply, '+WPI');
}

// What is there by now was kept by a thread that has ended, and may have little time left.
renewAll();
setInterval(renewAll, lockMs / 4);

const workers = await again(() => new Kvm(connection).open(namesOf(stream).workers));
const presence = Buffer.concat([Buffer.of(0), Buffer.from(name)]);
const key = Buffer.from(name).toString('base64url');
await again(() => workers.put(key, presence));
setInterval(() => void workers.put(key, presence).catch(() => undefined), lockMs / 4);
parentPort?.postMessage('ready');
