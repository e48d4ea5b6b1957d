import { describe, expect, it } from 'vitest';
import { type Played, World } from './world.ts';

/** Two workers that each run a part of about 1 ms and have another one behind it; nothing else waits. */
function twoBusy(): { world: World; late: Played; other: Played } {
  const world = new World();
  const [late, other] = [world.worker('late'), world.worker('other')];
  const client = world.client();
  world.open(client, 1);
  world.jobs(client, 2, { end: false });
  world.flush();
  for (const worker of [late, other]) {
    world.finish(worker, [world.parts(worker)[0]?.key as number], { micros: 1_000 });
    worker.got.splice(0);
  }
  world.jobs(client, 4, { first: 2 });
  world.flush();
  return { world, late, other };
}

/** A millisecond later all that a worker has is finished. @returns its keys */
function idleSoon(world: World, worker: Played): readonly number[] {
  world.pass(1);
  const keys = world.parts(worker).map(({ key }) => key);
  world.finish(worker, keys, { micros: 1_000 });
  world.flush();
  return keys;
}

function revoked(worker: Played): readonly number[] {
  return worker.got.flatMap((record) => (record.kind === 'revoke' ? record.keys : []));
}

describe('parts that are not begun', () => {
  it('wait behind those that typically take 1 ms, shared by all', () => {
    const { world, late, other } = twoBusy();
    expect(world.parts(late)).toHaveLength(2);
    expect(world.parts(other)).toHaveLength(2);
  });

  it('are taken back for a worker that idles, as soon as what runs before them is late, and run there', () => {
    const { world, late, other } = twoBusy();
    const [, behind] = world.parts(late).map(({ key }) => key) as [number, number];
    idleSoon(world, other);
    expect(revoked(late)).toEqual([]);
    world.pass(1);
    expect(revoked(late)).toEqual([behind]);
    world.report(late, { kind: 'returned', keys: [behind], attempts: [1] });
    world.flush();
    expect(world.parts(other).map(({ key, attempt }) => ({ key, attempt }))).toContainEqual({ key: behind, attempt: 2 });
  });

  it('stay with a worker whose connection is gone until it is known for lost, if it may have begun them', () => {
    const { world, late, other } = twoBusy();
    const [, behind] = world.parts(late).map(({ key }) => key) as [number, number];
    const keys = idleSoon(world, other);
    world.pass(1);
    expect(revoked(late)).toEqual([behind]);
    // What runs there waits for credit, and has lent its slot.
    world.report(late, { kind: 'lent', count: 1 });
    world.lose(late);
    world.pass(900);
    expect(world.parts(other).map(({ key }) => key)).toEqual(keys);
    world.pass(200);
    expect(world.parts(other).map(({ key }) => key)).toContain(behind);
  });

  it('stay where they are while everybody is late', () => {
    const { world, late, other } = twoBusy();
    world.pass(100);
    expect([...revoked(late), ...revoked(other)]).toEqual([]);
  });

  it('are taken back before anybody idles: as soon as another has room and is in time', () => {
    const { world, late, other } = twoBusy();
    const [, behind] = world.parts(late).map(({ key }) => key) as [number, number];
    world.pass(1);
    world.finish(other, [world.parts(other)[0]?.key as number], { micros: 1_000 });
    world.flush();
    world.pass(1);
    expect(revoked(late)).toEqual([behind]);
    world.report(late, { kind: 'returned', keys: [behind], attempts: [1] });
    world.flush();
    expect(world.parts(other).map(({ key }) => key)).toContain(behind);
    expect(world.parts(late)).toHaveLength(2);
  });

  it('stay behind a late one while many wait for their turn, and are taken back when few do', () => {
    const { world, late, other } = twoBusy();
    const client = world.client('crowd');
    world.open(client, 1);
    world.jobs(client, 40);
    world.flush();
    const behind = world
      .parts(late)
      .map(({ key }) => key)
      .slice(1);
    let ended = 0;
    const endOne = (): void => {
      world.finish(other, [world.parts(other)[ended++]?.key as number], { micros: 1_000 });
      world.flush();
      world.pass(1);
    };
    for (let i = 0; i < 10; i += 1) endOne();
    expect(revoked(late)).toEqual([]);
    for (let i = 0; i < 20; i += 1) endOne();
    expect(revoked(late)).toEqual(behind);
  });

  it('stay where they are while what runs before them is in time', () => {
    const { world, late, other } = twoBusy();
    const [first] = world.parts(late).map(({ key }) => key) as [number, number];
    world.finish(
      other,
      world.parts(other).map(({ key }) => key),
      { micros: 1_000 },
    );
    world.pass(1);
    world.finish(late, [first], { micros: 1_000 });
    world.flush();
    world.pass(0.5);
    expect(revoked(late)).toEqual([]);
  });

  /** A part that came to a lent slot, which its worker has taken back without a word of having begun it; another worker idles. */
  function behindLent(crashLimit: number): { world: World; late: Played; other: Played; key: number } {
    const world = new World({ crashLimit });
    const [late, other] = [world.worker('late'), world.worker('other')];
    const client = world.client();
    world.open(client, 1);
    world.jobs(client, 2, { end: false });
    world.flush();
    world.report(late, { kind: 'lent', count: 1 });
    world.jobs(client, 1, { first: 2 });
    world.flush();
    const key = world.parts(late)[1]?.key as number;
    world.report(late, { kind: 'lent', count: 0 });
    world.finish(other, [world.parts(other)[0]?.key as number], { micros: 1_000 });
    world.flush();
    world.pass(10);
    expect(revoked(late)).toEqual([key]);
    return { world, late, other, key };
  }

  it('are taken from a worker that does not answer', () => {
    const { world, other, key } = behindLent(3);
    world.pass(200);
    expect(world.parts(other).map((part) => part.key)).toContain(key);
  });

  it('are taken from one that has reported in the moment in which it was asked, and is silent from then on', () => {
    const { world, late, other } = twoBusy();
    const [first, behind] = world.parts(late).map(({ key }) => key) as [number, number];
    idleSoon(world, other);
    while (revoked(late).length === 0 && world.now < 10) world.pass(world.wakeAtMs - world.now);
    expect(revoked(late)).toEqual([behind]);
    world.finish(late, [first], { micros: 1_000, end: false });
    world.flush();
    world.pass(60);
    expect(world.parts(other).map(({ key }) => key)).toContain(behind);
  });

  it('are not, where one worker brought down is as many as may be: it may have begun them, and be gone', () => {
    const { world, late, other, key } = behindLent(1);
    world.pass(200);
    expect(revoked(late)).toEqual([key]);
    world.lose(late);
    world.pass(2_000);
    expect(world.parts(other).map((part) => part.key)).not.toContain(key);
  });

  it('are asked for again as soon as the worker has answered, even that it had nothing to give back', () => {
    const { world, late, other } = twoBusy();
    const [first, behind] = world.parts(late).map(({ key }) => key) as [number, number];
    const idle = (): void =>
      world.finish(
        other,
        world.parts(other).map(({ key }) => key),
        { micros: 1_000 },
      );
    world.pass(1);
    idle();
    world.flush();
    world.pass(1);
    expect(revoked(late)).toEqual([behind]);
    world.finish(late, [first], { micros: 1_000 });
    world.report(late, { kind: 'returned', keys: [], attempts: [] });
    const client = world.client();
    world.open(client, 1);
    world.jobs(client, 3);
    world.flush();
    const next = world.parts(late).map(({ key }) => key);
    expect(next).toHaveLength(3);
    idle();
    world.flush();
    world.pass(5);
    expect(revoked(late)).toEqual([behind, next[2]]);
  });

  it('are not taken without a word because an earlier question, which was answered, has run out', () => {
    const { world, late, other } = twoBusy();
    const [first, behind] = world.parts(late).map(({ key }) => key) as [number, number];
    world.pass(1);
    world.finish(
      other,
      world.parts(other).map(({ key }) => key),
      { micros: 1_000 },
    );
    world.flush();
    world.pass(1);
    expect(revoked(late)).toEqual([behind]);
    world.finish(late, [first, behind], { micros: 1_000 });
    world.report(late, { kind: 'returned', keys: [], attempts: [] });
    const client = world.client();
    world.open(client, 1);
    world.jobs(client, 4);
    world.flush();
    // The master itself comes late: it wakes for the old question when it is about to ask anew.
    world.finish(
      other,
      world
        .parts(other)
        .slice(2)
        .map(({ key }) => key),
      { micros: 1_000 },
    );
    world.now += 60;
    world.feed({ type: 'wake', now: world.now });
    world.flush();
    expect(revoked(late)).toHaveLength(2);
    expect(late.got.filter(({ kind }) => kind === 'abort')).toEqual([]);
  });
});
