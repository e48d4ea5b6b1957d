/** What jobs ask for may be another thing each time: the books do not grow by that, and nobody who waits is forgotten. */
import { describe, expect, it } from 'vitest';
import { Core } from '../../src/master/core.ts';
import type { WorkerBook } from '../../src/master/books.ts';
import { shapeLoad } from '../../src/master/rooms.ts';
import { ShapeLoad } from '../../src/scheduling/service_time.ts';
import { forgetShapes, FEW_SHAPES } from '../../src/master/shapes.ts';
import type { Fields } from '../../src/protocol/fields.ts';
import { packValue } from '../../src/protocol/fields.ts';
import { grain } from '../../src/scheduling/grain.ts';
import { World } from './world.ts';

const asks = (resources: object): Fields => [['resources', packValue(resources)]];

describe('shapes', () => {
  it('are forgotten when no part of them is open, but for those of functions that are served', () => {
    const { config } = new World({ policy: grain() });
    const core = new Core(config);
    core.served.add('foo');
    const plain = core.shape('foo', []);
    const open = [];
    for (let i = 0; i < 20 * FEW_SHAPES; i += 1) {
      const shape = i % 2 === 0 ? core.shape('foo', asks({ walltime: 1 + i })) : core.shape(`nobody's ${i}`, []);
      const row = core.parts.create(1, i, 0, shape.id, -1, 0);
      if (i % FEW_SHAPES === 7) open.push({ row, shape });
      else core.parts.end(row);
      forgetShapes(core);
    }
    expect(open).toHaveLength(20);
    for (const { row, shape } of open) expect(core.shapes[core.parts.shape[row] as number]).toBe(shape);
    expect(core.shapes[plain.id]).toBe(plain);
    expect(core.shapeIds.size).toBeLessThanOrEqual(FEW_SHAPES);
    expect(core.shapes.length).toBeLessThanOrEqual(FEW_SHAPES);
    for (const [key, shape] of core.shapeIds) expect([key, core.shapes[shape.id]]).toEqual([key, shape]);
  });

  it('leave nothing at a worker: the next one with their number is counted by itself', () => {
    const core = new Core(new World().config);
    const worker = { session: 1, lease: undefined, loads: new Map(), load: new ShapeLoad(-1) } as unknown as WorkerBook;
    core.workers.set(1, worker);
    const shapes = Array.from({ length: FEW_SHAPES }, (_, i) => core.shape(`nobody's ${i}`, []));
    for (const { id } of shapes) shapeLoad(worker, id).placed = 7;
    forgetShapes(core);
    expect(core.shapeIds.size).toBe(0);
    const { id } = core.shape('another', []);
    expect(shapes.at(-1)?.id).toBe(id);
    expect(shapeLoad(worker, id).placed).toBe(0);
    expect(worker.loads.get(id)).toBe(shapeLoad(worker, id));
  });

  it('that many jobs ask for once each come and go; one that waits meanwhile is placed when there is room for it', () => {
    const world = new World({ policy: grain() });
    const small = world.worker('small', ['foo'], 4, asks({ cores: 4 }));
    const client = world.client();
    world.open(client, 1, { results: 5_000, bytes: 4_000_000 });
    world.jobs(client, 1, { fields: asks({ cores: 64 }), end: false });
    const rounds = 4 * FEW_SHAPES;
    for (let i = 1; i <= rounds; i += 1) {
      world.jobs(client, 1, { first: 2 * i - 1, fields: asks({ cores: 1, walltime: 1 + i }), end: false });
      world.jobs(client, 1, { first: 2 * i, fields: asks({ cores: 2, walltime: 1 + i }), end: false });
      world.flush();
      const keys = world.parts(small).map(({ key }) => key);
      small.got.length = 0;
      expect(keys).toHaveLength(2);
      world.finish(small, keys, { attempt: 1 });
      world.flush();
      world.pass(1);
    }
    expect(world.state.status.waiting.map(({ parts, resources }) => ({ parts, resources }))).toEqual([
      { parts: 1, resources: { cores: 64 } },
    ]);
    const large = world.worker('large', ['foo'], 1, asks({ cores: 64 }));
    world.flush();
    expect(world.parts(large).map(({ job }) => job)).toEqual([0]);
    expect(world.entries(client)).toHaveLength(2 * rounds);
  });

  it('of which a part goes on although nobody waits for it: its resources are its own until it has ended', () => {
    const world = new World({ policy: grain() });
    const worker = world.worker('one', ['foo'], 1, asks({ cores: 1 }));
    const client = world.client();
    world.open(client, 1, { results: 5_000, bytes: 4_000_000 });
    world.jobs(client, 1, { fields: asks({ cores: 1, walltime: 7 }), end: false });
    world.flush();
    const [part] = world.parts(worker);
    world.say(client, { kind: 'cancel', stream: 1, job: 0 });
    for (let i = 1; i <= 2 * FEW_SHAPES; i += 1) {
      world.jobs(client, 1, { first: i, fields: asks({ cores: 1, walltime: 10 + i }), end: false });
      world.say(client, { kind: 'cancel', stream: 1, job: i });
      world.flush();
    }
    world.jobs(client, 1, { first: 2 * FEW_SHAPES + 1, fields: asks({ cores: 1 }), end: false });
    world.flush();
    expect(world.parts(worker)).toHaveLength(1);
    expect(world.state.status.waiting[0]?.why).toContain('foo (1 core, 7 s of walltime)');
    world.finish(worker, [part?.key as number], { attempt: 1 });
    world.flush();
    expect(world.parts(worker)).toHaveLength(2);
  });
});
