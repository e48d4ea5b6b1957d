/** Letting go of a worker that was dialled: not before it knows that its last word was read. */
import { describe, expect, it } from 'vitest';
import type { MasterInstruction } from '../../src/master/instructions.ts';
import { type Played, World } from './world.ts';

const hangsUp = (instructions: readonly MasterInstruction[]): boolean => instructions.some(({ type }) => type === 'hangUp');

/** A worker that was given a part. */
function laden(): { world: World; worker: Played; connection: number } {
  const world = new World();
  const worker = world.worker('worker');
  const client = world.client();
  world.open(client);
  world.jobs(client, 1);
  world.flush();
  return { world, worker, connection: worker.connection };
}

/** The same, undialled. */
function undialled(): ReturnType<typeof laden> {
  const { world, worker, connection } = laden();
  world.feed({ type: 'undial', connection, deadlineMs: 5_000, now: 0 });
  expect(hangsUp(world.feed({ type: 'flush', now: 0 }))).toBe(false);
  return { world, worker, connection };
}

const asked = (instructions: readonly MasterInstruction[]): boolean =>
  instructions.some((one) => one.type === 'post' && one.greeting.type === 'resync');

describe('a worker that is undialled', () => {
  it('is let go when it has said that it knows that its last result was read', () => {
    const { world, worker, connection } = undialled();
    world.finish(worker, [world.parts(worker)[0]?.key as number]);
    const said = world.feed({ type: 'flush', now: 0 });
    // A batch with a number, by which the worker's word is asked for.
    expect(said).toContainEqual(
      expect.objectContaining({ type: 'send', connection, envelope: expect.objectContaining({ seq: 2, reportsAck: 1 }) }),
    );
    expect([hangsUp(said), asked(said)]).toEqual([false, true]);
    world.hello(worker, connection);
    expect(world.feed({ type: 'flush', now: 0 })).toContainEqual({ type: 'hangUp', connection });
    expect(world.state.status.workers).toEqual([]);
  });

  it('is let go when it knows that what it said before was read', () => {
    const { world, worker, connection } = laden();
    world.finish(worker, [world.parts(worker)[0]?.key as number]);
    // Read, and not acknowledged: one batch is not enough for that.
    world.flush();
    world.feed({ type: 'undial', connection, deadlineMs: 5_000, now: 0 });
    const said = world.feed({ type: 'flush', now: 0 });
    expect(said.find(({ type }) => type === 'send')).toMatchObject({ connection, envelope: { seq: worker.seen, reportsAck: 1 } });
    expect([hangsUp(said), asked(said)]).toEqual([false, true]);
    world.hello(worker, connection);
    expect(world.feed({ type: 'flush', now: 0 })).toContainEqual({ type: 'hangUp', connection });
  });

  it('is let go at once if all it said was read, and it knows', () => {
    const world = new World();
    const { connection } = world.worker('worker');
    world.feed({ type: 'undial', connection, deadlineMs: 5_000, now: 0 });
    expect(world.feed({ type: 'flush', now: 0 })).toContainEqual({ type: 'hangUp', connection });
  });

  it('is not waited for when its connection is gone', () => {
    const { world, worker, connection } = undialled();
    world.finish(worker, [world.parts(worker)[0]?.key as number]);
    world.feed({ type: 'flush', now: 0 });
    world.lose(worker);
    expect(world.feed({ type: 'flush', now: 0 })).toContainEqual({ type: 'hangUp', connection });
  });

  it('is let go at the deadline, whatever it has heard', () => {
    const { world, worker, connection } = undialled();
    world.finish(worker, [world.parts(worker)[0]?.key as number]);
    world.flush();
    world.pass(4_999);
    expect(world.log.some(({ instructions }) => hangsUp(instructions))).toBe(false);
    world.pass(1);
    expect(world.log.at(-1)?.instructions).toContainEqual({ type: 'hangUp', connection });
  });
});
