import { expect, it } from 'vitest';
import { failureFlags } from '../../src/protocol/part_records.ts';
import { readJobOptions } from '../../src/streams/job_options.ts';
import { World } from './world.ts';

it('an error of an attempt that was given up does not end a part that is tried again: the newest attempt decides', () => {
  const world = new World();
  const [first, second] = [world.worker('first'), world.worker('second')];
  const client = world.client();
  world.open(client, 1, { fields: readJobOptions('job', { retries: 1 }) });
  world.jobs(client, 1);
  world.flush();
  const [holder, other] = world.parts(first).length > 0 ? [first, second] : [second, first];
  const [part] = world.parts(holder);
  world.lose(holder);
  world.pass(900);
  // Its grace is not over: it comes back with an error, when the part has been given to another.
  world.report(holder, { kind: 'returned', keys: [part?.key as number], attempts: [1] });
  world.flush();
  expect(world.parts(other)).toMatchObject([{ key: part?.key, attempt: 2 }]);
  const error = { indexes: [0], flags: [failureFlags('function-threw')], busyMicros: 0, slots: [world.slot()], lengths: [9] };
  world.report(holder, { kind: 'outcomes', keys: [part?.key as number], attempts: [1], ...error });
  world.flush();
  expect(world.entries(client)).toEqual([]);
  expect(world.state.status).toMatchObject({ queued: 0, placed: 1 });
  world.finish(other, [part?.key as number]);
  world.flush();
  expect(world.entries(client)).toHaveLength(1);
});
