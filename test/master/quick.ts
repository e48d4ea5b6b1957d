/** What the tests of rooms begin with: a worker of which it is known that it is quick. */
import type { MasterConfig } from '../../src/master/core.ts';
import { type Played, World } from './world.ts';

/** Ends all that it was given. */
export function end(world: World, worker: Played, micros: number): void {
  const keys = world.parts(worker).map((part) => part.key);
  worker.got.length = 0;
  world.finish(worker, keys, { micros });
  world.flush();
}

export function given(world: World, worker: Played, name: string): number {
  return world.parts(worker).filter((part) => part.function === name).length;
}

/** A worker that has shown that a `foo` takes a tenth of a millisecond. */
export function quick({ slots = 2, more = {} }: { slots?: number; more?: Partial<MasterConfig> } = {}): {
  world: World;
  worker: Played;
  client: Played;
} {
  const world = new World(more);
  const worker = world.worker('one', ['foo', 'bar', 'baz'], slots);
  const client = world.client();
  world.open(client, 1, { results: 5_000, bytes: 10_000_000 });
  world.jobs(client, 8, { end: false });
  world.flush();
  end(world, worker, 100);
  end(world, worker, 100);
  world.pass(20);
  return { world, worker, client };
}

/** What went out by PUSH goes to one after the other, and is accepted. */
export function deliver(world: World, workers: readonly Played[]): void {
  const pushes = world.log.splice(0).flatMap(({ instructions }) => instructions.filter((one) => one.type === 'push'));
  for (const [turn, { records }] of pushes.entries()) {
    const worker = workers[turn % workers.length] as Played;
    worker.got.push(...records);
    for (const record of records)
      if (record.kind === 'parts') world.report(worker, { kind: 'accepted', keys: record.keys, attempts: record.attempts });
  }
}
