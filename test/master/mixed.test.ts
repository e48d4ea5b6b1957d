/** Quick and slow functions on the same workers: nobody waits long behind who is slow. */
import { describe, expect, it } from 'vitest';
import { NEWEST, type Played, World } from './world.ts';

describe('where one function is quick', () => {
  /** A worker of two slots that has shown that a `foo` takes a tenth of a millisecond. */
  function quick(): { world: World; worker: Played; client: Played } {
    const world = new World();
    const worker = world.worker('one', ['foo', 'bar'], 2);
    const client = world.client();
    world.open(client, 1, { results: 5_000, bytes: 10_000_000 });
    world.jobs(client, 8, { end: false });
    world.flush();
    end(world, worker, 100);
    end(world, worker, 100);
    world.pass(20);
    return { world, worker, client };
  }

  /** Ends all that it was given. */
  function end(world: World, worker: Played, micros: number): void {
    const keys = world.parts(worker).map((part) => part.key);
    worker.got.length = 0;
    world.finish(worker, keys, { micros });
    world.flush();
  }

  function given(world: World, worker: Played, name: string): number {
    return world.parts(worker).filter((part) => part.function === name).length;
  }

  it('another has few parts ahead until one of them has ended, none if they are slow, and does not keep the quick ones from having many', () => {
    const { world, worker, client } = quick();
    world.open(client, 2, { results: 5_000, bytes: 10_000_000 });
    world.jobs(client, 50, { stream: 2, name: 'bar', end: false });
    world.flush();
    expect(given(world, worker, 'bar')).toBe(2 + 4);
    end(world, worker, 200_000);
    expect(given(world, worker, 'bar')).toBe(2);
    world.jobs(client, 50, { first: 8, end: false });
    world.flush();
    expect(given(world, worker, 'bar')).toBe(2);
    expect(given(world, worker, 'foo')).toBeGreaterThan(10);
  });

  it('its own parts are taken back when they turn out to be slow, once others wait', () => {
    const { world, worker, client } = quick();
    world.jobs(client, 50, { first: 8, end: false });
    world.flush();
    const keys = world.parts(worker).map((part) => part.key);
    expect(keys.length).toBeGreaterThan(20);
    world.finish(worker, keys.slice(0, 2), { micros: 400_000 });
    world.flush();
    world.pass(10);
    expect(worker.got.filter(({ kind }) => kind === 'revoke')).toEqual([]);
    world.open(client, 2);
    world.jobs(client, 1, { stream: 2, name: 'bar' });
    world.flush();
    world.pass(10);
    const asked = (): number[] => worker.got.flatMap((record) => (record.kind === 'revoke' ? record.keys : []));
    // All but what runs.
    expect(asked()).toEqual(keys.slice(4));
    let here = keys.slice(2);
    for (let ended = 0; given(world, worker, 'bar') === 0; ended += 1) {
      // What was ahead when it came ran, and one more for each slot.
      expect(ended).toBeLessThan(4);
      const back = asked();
      world.report(worker, { kind: 'returned', keys: back, attempts: back.map(() => NEWEST) });
      here = here.filter((key) => !back.includes(key));
      worker.got.length = 0;
      world.flush();
      // Not at once again.
      expect(world.parts(worker)).toEqual([]);
      world.finish(worker, [here.shift() as number], { micros: 200_000 });
      world.flush();
      world.pass(10);
      here.push(...world.parts(worker).map((part) => part.key));
    }
  });
});
