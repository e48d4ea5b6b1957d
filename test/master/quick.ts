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
