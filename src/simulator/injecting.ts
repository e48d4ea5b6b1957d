/** Makes faults happen. */
import { describe, type Fault } from './faults.ts';
import type { Host } from './host.ts';
import { type Break, SILENCE_MS } from './network.ts';
import type { World } from './world.ts';

export function inject(world: World, fault: Fault): void {
  const { kernel } = world;
  kernel.at(fault.atMs, () => {
    kernel.remark(describe(fault));
    if (fault.role === 'master') injectMaster(world, fault);
    else if (fault.role === 'worker') injectWorker(world, fault);
    else injectClient(world, fault);
  });
}

/** When the last of its immediate effects is over. */
export function overAtMs(fault: Fault): number {
  return fault.atMs + fault.ms + 2 * SILENCE_MS;
}

function injectMaster(world: World, { kind, which, ms, silent }: Fault): void {
  const master = world.masters[which];
  if (master === undefined) return;
  if (kind === 'crash') return world.killMaster(which, silent, ms);
  if (kind === 'die') return world.killMaster(which, silent, Infinity);
  if (kind === 'stop') return world.stopMaster(which, ms, 50);
  if (kind === 'stranger') {
    if (world.options.policy.create().distribution !== 'push') return;
    world.executions.fault('master', ms);
    master.stranger(true);
    world.kernel.after(ms, () => master.stranger(false));
    return;
  }
  strike(world, master, kind, ms);
}

function injectWorker(world: World, fault: Fault): void {
  const { kind, which, ms, silent } = fault;
  if (kind === 'crash') return world.killWorker(which, silent, ms);
  if (kind === 'stop') return world.stopWorker(which, ms, 50);
  if (kind === 'join') {
    world.specs.push({ ...world.specs[which], slots: world.specs[which]?.slots ?? 1 });
    return world.startWorker(world.specs.length - 1);
  }
  const host = world.workers[which];
  if (host !== undefined) disturb(world, host, fault);
}

function injectClient(world: World, fault: Fault): void {
  const client = world.clients[fault.which];
  if (client === undefined) return;
  if (fault.kind === 'crash') return world.killClient(fault.which, fault.silent);
  disturb(world, client, fault);
}

function disturb(world: World, host: Host, { kind, ms, plug, direction, silent }: Fault): void {
  if (host.gone) return;
  const link = world.network.linksOf(host).find((one) => one.plug === plug);
  if (kind === 'cut') {
    if (link !== undefined) world.executions.fault(host.name, silent ? 2 * SILENCE_MS : 0);
    link?.break(aBreak(world, silent));
  } else if (kind === 'partition') part(world, host, ms, direction);
  else strike(world, host, kind, ms);
}

/** How a connection breaks: each side hears of it at once, or one only when it has heard nothing for long. */
function aBreak({ kernel: { random } }: World, silent: boolean): Break {
  const late = random.between(SILENCE_MS, SILENCE_MS + 500);
  const soon = (): number => random.between(0, 20);
  const dialler = random.chance(0.5);
  return {
    diallerMs: silent && dialler ? late : soon(),
    boundMs: silent && !dialler ? late : soon(),
    upward: random.next(),
    downward: random.next(),
    unread: random.next(),
  };
}

/** What happens to a process alone. */
function strike(world: World, host: Host, kind: Fault['kind'], ms: number): void {
  const { kernel, executions, network } = world;
  executions.fault(host.name, ms);
  if (kind === 'block') return host.block(Math.min(ms, 2_000));
  if (kind === 'slow') {
    host.slownessMs = Math.min(60, ms / 20);
    kernel.after(ms, () => {
      host.slownessMs = 0;
    });
    return;
  }
  if (kind !== 'freeze') return;
  host.freeze(ms);
  if (ms < SILENCE_MS) return;
  for (const link of network.linksOf(host)) {
    const silence = kernel.random.between(SILENCE_MS, SILENCE_MS + 300);
    if (silence < ms) kernel.after(silence, () => link.break({ ...aBreak(world, false), diallerMs: 0, boundMs: 0 }));
  }
}

/** Nothing arrives any more, in one direction or both: first it is late, and when it has been for too long, connections break. */
function part(world: World, host: Host, ms: number, direction: Fault['direction']): void {
  const { kernel, network, executions } = world;
  executions.fault(host.name, ms);
  network.keepApart(host, kernel.nowMs + ms);
  for (const link of network.linksOf(host)) {
    if (direction !== 'down') link.up.hold(kernel.nowMs + ms);
    if (direction !== 'up') link.down.hold(kernel.nowMs + ms);
    const silence = kernel.random.between(SILENCE_MS, SILENCE_MS + 500);
    if (silence > ms) continue;
    kernel.after(silence, () => {
      const upward = direction === 'down' ? kernel.random.next() : 0;
      const downward = direction === 'up' ? kernel.random.next() : 0;
      const other = kernel.random.between(0, direction === 'both' ? 500 : 10);
      const hears = direction === 'up' ? { boundMs: 0, diallerMs: other } : { boundMs: other, diallerMs: 0 };
      link.break({ ...hears, upward, downward, unread: kernel.random.next() });
    });
  }
}
