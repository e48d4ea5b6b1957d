/** The end of a world: when all streams have ended and all is quiet, nothing may be left; then everybody stops, and nobody hangs. */
import type { Fault } from './faults.ts';
import { overAtMs } from './injecting.ts';
import { ACK_EVERY } from '../protocol/session.ts';
import type { World } from './world.ts';

const QUIET_MS = 5_000;

export function closeWorld(world: World, faults: readonly Fault[], limitMs: number): void {
  const { kernel } = world;
  const { clientGraceMs = 30_000 } = world.options.config;
  // Clients that were killed are given up after their grace; whoever went is replaced.
  const quietMs = Math.max(kernel.nowMs, ...faults.map(overAtMs)) + QUIET_MS;
  const crashes = faults
    .filter(({ role, kind }) => role === 'client' && kind === 'crash')
    .map(({ atMs }) => atMs + clientGraceMs + QUIET_MS);
  const untilMs = Math.max(quietMs, ...crashes);
  pass(world, untilMs);
  nothingIsLeft(world);
  nobodyIsLost(world);
  world.closing = true;
  const workers = world.pastHosts.filter((host) => !host.gone);
  for (const worker of workers) worker.stop(limitMs);
  until(world, limitMs / 2, 'workers did not stop', () => workers.every((worker) => worker.gone));
  const clients = world.clients.filter((client) => !client.gone);
  for (const client of clients) client.close();
  until(world, limitMs / 2, 'clients did not close', () => clients.every((client) => client.gone));
  for (const master of world.masters) master?.stop(limitMs);
  until(world, limitMs / 2, 'the master did not stop', () => world.masters.every((master) => master?.gone !== false));
}

function pass(world: World, untilMs: number): void {
  while (world.kernel.agenda.step(untilMs));
}

function until(world: World, limitMs: number, complaint: string, done: () => boolean): void {
  const { kernel } = world;
  const atMs = kernel.nowMs + limitMs;
  while (!done()) if (!kernel.agenda.step(atMs)) kernel.blame(`${complaint} within ${limitMs} ms, although all was done`);
}

/** Who lives has a session: faults have ceased long ago. */
function nobodyIsLost({ kernel, masters, pastHosts, clients }: World): void {
  const known = new Set<string>();
  for (const master of masters) {
    if (master === undefined) continue;
    const { workers, clients: consumers } = master.machine.status;
    for (const { name, state } of [...workers, ...consumers]) if (state === 'joined') known.add(name);
  }
  for (const { name, gone } of [...pastHosts, ...clients]) {
    if (!gone && !known.has(name)) kernel.blame(`${name} lives, but no master has a session with it`);
  }
}

function nothingIsLeft({ kernel, masters, pastHosts, clients }: World): void {
  const living = masters.filter((master) => master !== undefined);
  if (living.length === 0) return kernel.blame('there is no master, although faults are over');
  for (const { machine } of living) {
    const { streams, workers } = machine.status;
    const held = workers.filter((worker) => worker.allocated > 0);
    if (held.length > 0) kernel.blame(`what parts were given is not free again: ${JSON.stringify(held)}`);
    if (streams.length > 0) kernel.blame(`the master still has streams: ${JSON.stringify(streams)}`);
  }
  const hosts = [...living, ...pastHosts, ...clients].filter((host) => !host.gone);
  for (const host of hosts) {
    const { name, store, kept } = host;
    if (store.count > 0)
      kernel.blame(`${name} keeps ${store.count} payloads, although nothing is under way: ${JSON.stringify(store.list().slice(0, 3))}`);
    const bound = living.some((master) => master === host) ? ACK_EVERY * hosts.length : 2 * ACK_EVERY;
    if (kept.count >= bound) kernel.blame(`${name} keeps ${kept.count} batches that nobody acknowledges`);
  }
}
