import { describe, expect, it } from 'vitest';
import type { MasterInstruction } from '../../src/master/instructions.ts';
import { World } from './world.ts';

function greetings(instructions: readonly MasterInstruction[]): string[] {
  return instructions.flatMap((one) => (one.type === 'post' ? [`${one.greeting.type} to ${one.connection}`] : []));
}

describe('hellos of two connections that are read in the wrong order', () => {
  it('do not orphan a worker: when the older connection is gone, the newer one is asked', () => {
    const world = new World();
    const worker = world.worker('worker');
    world.lose(worker);
    const [older, newer] = [100, 101];
    expect(greetings(world.hello(worker, newer))).toEqual([`welcome to ${newer}`]);
    expect(greetings(world.hello(worker, older))).toEqual([`welcome to ${older}`]);
    expect(greetings(world.feed({ type: 'lost', connection: older, now: world.now }))).toEqual([`resync to ${newer}`]);
    expect(greetings(world.hello(worker, newer))).toEqual([`welcome to ${newer}`]);
    world.pass(10_000);
    expect(world.state.status.workers).toMatchObject([{ name: 'worker', state: 'joined' }]);
  });

  it('cost nothing in the right order: the notice of the older connection is no news', () => {
    const world = new World();
    const worker = world.worker('worker');
    const first = worker.connection;
    expect(greetings(world.hello(worker, 100))).toEqual(['welcome to 100']);
    expect(world.feed({ type: 'lost', connection: first, now: world.now })).toEqual([]);
    expect(greetings(world.feed({ type: 'lost', connection: 100, now: world.now }))).toEqual([]);
  });
});
