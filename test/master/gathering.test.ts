import { describe, expect, it } from 'vitest';
import type { MasterInstruction } from '../../src/master/instructions.ts';
import { ENTRY } from '../../src/protocol/stream_records.ts';
import { type Played, World } from './world.ts';

type Instruction<T extends MasterInstruction['type']> = Extract<MasterInstruction, { type: T }>;

/** Plays the user's code: each scatter yields `parts` messages in all, each gather yields what `gather` says. */
class Play {
  readonly world: World;
  readonly gathered: { job: number; part: number; last: boolean }[] = [];
  readonly #parts: number;
  readonly #gather: (what: { job: number; part: number; last: boolean }) => number;
  readonly #yielded = new Map<string, number>();
  #read = 0;

  constructor(world: World, parts: number, gather: (what: { job: number; part: number; last: boolean }) => number = () => 1) {
    this.world = world;
    this.#parts = parts;
    this.#gather = gather;
  }

  /** Answers all that was asked since. */
  answer(): void {
    for (; this.#read < this.world.log.length; this.#read += 1) {
      for (const instruction of this.world.log[this.#read]?.instructions ?? []) {
        if (instruction.type === 'scatter') this.#scatter(instruction);
        if (instruction.type === 'gather') this.#gatherOne(instruction);
      }
    }
  }

  #scatter({ stream, job, count, message }: Instruction<'scatter'>): void {
    const id = `${stream}:${job}`;
    const before = this.#yielded.get(id) ?? 0;
    const now = Math.min(count, this.#parts - before);
    this.#yielded.set(id, before + now);
    const slots = Array.from({ length: now }, () => this.world.slot());
    const columns = { slots, lengths: slots.map(() => 9), functions: slots.map(() => message.function) };
    this.world.feed({ type: 'scattered', stream, job, ...columns, ended: now < count, error: -1 });
  }

  #gatherOne({ stream, job, message }: Instruction<'gather'>): void {
    const what = { job, part: message.part, last: message.last };
    this.gathered.push(what);
    const slots = Array.from({ length: this.#gather(what) }, () => this.world.slot());
    this.world.feed({ type: 'gathered', stream, job, slots, lengths: slots.map(() => 9), error: -1 });
  }

  run(worker: Played, rounds = 200, micros = 10): void {
    for (let i = 0; i < rounds; i += 1) {
      this.world.flush();
      this.answer();
      const keys = worker.got.splice(0).flatMap((record) => (record.kind === 'parts' ? record.keys : []));
      if (keys.length > 0) this.world.finish(worker, keys, { micros });
    }
    this.world.flush();
  }
}

describe('scatter', () => {
  it('makes parts of each job, and ends the job after the last', () => {
    const world = new World({ scatter: true });
    const play = new Play(world, 3);
    const worker = world.worker('one');
    const client = world.client();
    world.open(client);
    world.jobs(client, 10);
    play.run(worker);
    const entries = world.entries(client);
    expect(entries.filter((entry) => (entry.flags & ENTRY.result) !== 0)).toHaveLength(30);
    expect(entries.filter((entry) => (entry.flags & ENTRY.jobEnd) !== 0)).toHaveLength(10);
    expect(world.state.status.streams).toEqual([]);
    expect(world.held.size).toBe(0);
  });

  it('that yields nothing ends the job with no result, and the stream still ends', () => {
    const world = new World({ scatter: true });
    const play = new Play(world, 0);
    const worker = world.worker('one');
    const client = world.client();
    world.open(client);
    world.jobs(client, 3);
    play.run(worker);
    expect(world.entries(client).map((entry) => entry.flags)).toEqual([ENTRY.jobEnd, ENTRY.jobEnd, ENTRY.jobEnd]);
    expect(world.state.status.streams).toEqual([]);
  });

  it('is pulled only as far as parts are placed: a million parts of one job are no queue', () => {
    const world = new World({ scatter: true });
    const play = new Play(world, 1_000_000);
    const worker = world.worker('one');
    const client = world.client();
    world.open(client, 1, { results: 1_000_000, bytes: 1e9 });
    world.jobs(client, 1);
    let most = 0;
    for (let i = 0; i < 100; i += 1) {
      play.run(worker, 1);
      most = Math.max(most, world.state.status.queued);
    }
    expect(most).toBeLessThanOrEqual(512);
    expect(world.entries(client).length).toBeGreaterThan(100);
    world.say(client, { kind: 'cancel', stream: 1, job: -1 });
    play.run(worker, 3);
    expect(world.log.flatMap((step) => step.instructions).some((instruction) => instruction.type === 'stopScatter')).toBe(true);
    expect(world.held.size).toBe(0);
  });

  it('that throws fails its job alone, after the parts that it had yielded were dropped', () => {
    const world = new World({ scatter: true });
    const worker = world.worker('one');
    const client = world.client();
    world.open(client);
    world.jobs(client, 1);
    world.flush();
    const asked = world.log
      .flatMap((step) => step.instructions)
      .find((instruction) => instruction.type === 'scatter') as Instruction<'scatter'>;
    world.feed({
      type: 'scattered',
      stream: asked.stream,
      job: 0,
      slots: [world.slot()],
      lengths: [9],
      functions: ['foo'],
      ended: true,
      error: world.slot(),
    });
    world.flush();
    expect(world.parts(worker)).toEqual([]);
    expect(world.entries(client).map((entry) => entry.flags)).toEqual([ENTRY.error | ENTRY.jobEnd]);
    expect(world.held.size).toBe(0);
  });
});

describe('gather', () => {
  it('sees every result, and is told once for each job that its other parts have ended', () => {
    const world = new World({ scatter: true, gather: true });
    const play = new Play(world, 3);
    const worker = world.worker('one');
    const client = world.client();
    world.open(client);
    world.jobs(client, 10);
    play.run(worker);
    expect(play.gathered).toHaveLength(30);
    expect(play.gathered.filter((one) => one.last).map((one) => one.job)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(world.entries(client)).toHaveLength(30);
    expect(world.held.size).toBe(0);
  });

  it('has its jobs delivered whole: results and end in one batch', () => {
    const world = new World({ gather: true });
    const play = new Play(world, 1, () => 5);
    const worker = world.worker('one');
    const client = world.client();
    world.open(client);
    world.jobs(client, 4);
    play.run(worker);
    const batches = world.log
      .flatMap((step) => step.instructions)
      .flatMap((instruction) => (instruction.type === 'send' && instruction.session === client.session ? [instruction.records] : []));
    for (const records of batches) {
      const entries = records.flatMap((record) =>
        record.kind === 'results' ? record.jobs.map((job, i) => ({ job, flags: record.flags[i] as number })) : [],
      );
      const begun = new Set(entries.map((entry) => entry.job));
      const ended = new Set(entries.filter((entry) => (entry.flags & ENTRY.jobEnd) !== 0).map((entry) => entry.job));
      expect(ended).toEqual(begun);
    }
    expect(world.entries(client).map((entry) => entry.index)).toEqual([0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1, 2, 3, 4]);
  });

  it('that yields nothing delivers nothing, and the stream still ends', () => {
    const world = new World({ gather: true });
    const play = new Play(world, 1, () => 0);
    const worker = world.worker('one');
    const client = world.client();
    world.open(client);
    world.jobs(client, 3);
    play.run(worker);
    expect(world.entries(client).map((entry) => entry.flags)).toEqual([ENTRY.jobEnd, ENTRY.jobEnd, ENTRY.jobEnd]);
    expect(world.state.status.streams).toEqual([]);
  });

  it('waits for the consumer: no further job is begun while whole ones wait for credit', () => {
    const world = new World({ gather: true });
    const play = new Play(world, 1);
    const worker = world.worker('one');
    const client = world.client();
    world.open(client, 1, { results: 2 });
    world.jobs(client, 50);
    play.run(worker, 200, 6_000);
    expect(world.entries(client)).toHaveLength(2);
    expect(play.gathered.length).toBeLessThan(10);
    world.say(client, { kind: 'credit', stream: 1, results: 1_000, bytes: 10_000_000 });
    play.run(worker);
    expect(world.entries(client)).toHaveLength(50);
    expect(world.held.size).toBe(0);
  });

  it('fails a job whose results come to more than the limit', () => {
    const world = new World({ gather: true, maxJobResultBytes: 30 });
    const play = new Play(world, 1, () => 4);
    const worker = world.worker('one');
    const client = world.client();
    world.open(client);
    world.jobs(client, 1);
    play.run(worker);
    expect(world.entries(client).map((entry) => entry.flags)).toEqual([ENTRY.error | ENTRY.jobEnd]);
    const kept = world.log.flatMap((step) => step.instructions).find((instruction) => instruction.type === 'keep');
    expect(kept).toMatchObject({ error: { code: 'bad-result', phase: 'gather' } });
    expect(world.held.size).toBe(0);
  });
});
