/** The thread of a Renewer: it says that jobs are worked on, and that the worker is there. It must never load zeromq. */
import { connect } from '@nats-io/transport-node';
import { Kvm } from '@nats-io/kv';
import { parentPort, workerData } from 'node:worker_threads';
import { SeenJobs } from '../held.ts';
import { namesOf, type NatsSettings } from './settings.ts';

const { servers, stream, lockMs, name } = workerData as NatsSettings & { readonly name: string };
const connection = await connect({ servers: [...servers], maxReconnectAttempts: -1, reconnectTimeWait: 200, waitOnFirstConnect: true });
const workers = await new Kvm(connection).open(namesOf(stream).workers);
const held = new SeenJobs();
const presence = Buffer.concat([Buffer.of(0), Buffer.from(name)]);
const key = Buffer.from(name).toString('base64url');

parentPort?.on('message', (page: SharedArrayBuffer) => held.add(page));

setInterval(() => {
  for (const [, reply] of held.all()) connection.publish(reply, '+WPI');
  workers.put(key, presence).catch(() => undefined);
}, lockMs / 4);

await workers.put(key, presence);
parentPort?.postMessage('ready');
