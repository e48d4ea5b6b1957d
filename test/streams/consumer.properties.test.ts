/** The consumer against a dumb model: a master that is played by chance, dies by chance, and keeps to its credit. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Drafts } from '../../src/protocol/drafts.ts';
import { INITIAL_JOBS } from '../../src/protocol/limits.ts';
import { ENTRY, type ResultsRecord } from '../../src/protocol/stream_records.ts';
import { Consumer } from '../../src/streams/consumer.ts';
import type { ConsumerInstruction } from '../../src/streams/events.ts';

const WINDOW = 6;
const BYTES = 5;

/** For each job its parts, for each part how many results it has. */
type Plan = readonly (readonly number[])[];

interface Part {
  readonly job: number;
  readonly part: number;
  next: number;
  ended: boolean;
}

/** One life of a master. */
interface Life {
  opened: boolean;
  results: number;
  delivered: number;
  allowed: number;
  jobs: number;
  ended: number;
  parts: Part[];
}

class World {
  readonly consumer = new Consumer();
  readonly shown: string[] = [];
  /** Jobs that their owner cancelled before they had ended. */
  readonly dropped = new Set<number>();
  ended = false;
  readonly #plan: Plan;
  readonly #ordered: boolean;
  readonly #choose: () => number;
  #life: Life = newLife();
  #given = 0;
  #sourceTold = false;
  #pull = 0;
  #untaken = 0;
  #lastSlot = 0;
  readonly #slots = new Set<number>();

  constructor(plan: Plan, ordered: boolean, choose: () => number) {
    this.#plan = plan;
    this.#ordered = ordered;
    this.#choose = choose;
    this.#run((out) =>
      this.consumer.handle({ type: 'begin', stream: 1, id: 's', ordered, parent: 0, messages: 0, fields: [], window: WINDOW }, out),
    );
  }

  get slots(): number {
    return this.#slots.size;
  }

  step(kind: number): void {
    const steps = [() => this.give(), () => this.write(), () => this.answer(), () => this.take(), () => this.grant(), () => this.die()];
    steps[kind]?.();
  }

  /** The owner of some job cancels it, whatever has become of it. */
  drop(): void {
    if (this.#given === 0) return;
    const job = this.#choose() % this.#given;
    const shown = this.#choose() % 2 === 0;
    this.#run((out) => this.consumer.handle({ type: 'dropped', stream: 1, jobs: [job, job], shown }, out), job);
  }

  give(): void {
    const slots: number[] = [];
    const first = this.#given;
    for (; this.#given < Math.min(this.#pull, this.#plan.length); this.#given += 1) slots.push(this.#slot());
    const end = this.#given === this.#plan.length;
    if (this.#sourceTold || (slots.length === 0 && !end)) return;
    this.#sourceTold = end;
    const columns = { functions: ['f'], which: [], fields: [], slots, lengths: slots.map(() => BYTES) };
    this.#run((out) => this.consumer.handle({ type: 'pulled', stream: 1, first, ...columns, source: end ? 'ended' : 'open' }, out));
  }

  write(): void {
    const drafts = new Drafts();
    this.consumer.write(drafts);
    const life = this.#life;
    for (const record of drafts.take().flat()) {
      if (record.kind === 'open') {
        life.opened = true;
        life.results = record.results;
      } else if (record.kind === 'credit') {
        must(record.results > life.results, 'credit that is no more');
        life.results = record.results;
      } else if (record.kind === 'end') {
        must(record.jobs === life.jobs, 'an end with another count');
      } else if (record.kind === 'jobs') {
        must(life.opened, 'jobs before the open');
        record.slots.forEach((slot, i) => this.#job(record.first + i, slot));
      } else if (record.kind === 'cancel') this.#cancel(record.job);
      else throw new Error(`unexpected ${record.kind}`);
    }
  }

  /** The master drops a job, or the stream. */
  #cancel(job: number): void {
    const life = this.#life;
    if (job < 0) life.parts = [];
    const mine = life.parts.filter((part) => part.job === job && !part.ended);
    must(job < 0 || this.dropped.has(job), 'a job that nobody cancelled');
    if (mine.length > 0) life.ended += 1;
    for (const part of mine) part.ended = true;
  }

  /** The master reports the next of some open part, if there is credit. */
  answer(): void {
    const life = this.#life;
    const open = life.parts.filter((part) => !part.ended);
    const oldest = open[0];
    if (oldest === undefined) return;
    const left = life.results - life.delivered;
    const part = this.#ordered && left <= 1 ? oldest : (open[this.#choose() % open.length] as Part);
    const count = this.#plan[part.job]?.[part.part] ?? 0;
    const hasResult = part.next < count;
    if (hasResult && left < 1) return;
    const style = this.#choose();
    const endsPart = hasResult ? part.next + 1 === count && style % 2 === 0 : true;
    let flags = (hasResult ? ENTRY.result : 0) | (endsPart ? ENTRY.partEnd : 0);
    const index = part.next;
    if (hasResult) part.next += 1;
    if (hasResult) life.delivered += 1;
    part.ended = endsPart;
    const jobOver = life.parts.every((other) => other.job !== part.job || other.ended);
    if (jobOver && style % 3 > 0) flags |= ENTRY.jobEnd;
    this.#entries(part.job, part.part, index, flags, hasResult);
    if (jobOver && (flags & ENTRY.jobEnd) === 0) this.#entries(part.job, 0, this.#plan[part.job]?.length ?? 0, ENTRY.jobEnd, false);
    if (jobOver) {
      life.ended += 1;
    }
  }

  take(): void {
    if (this.#untaken === 0) return;
    const results = 1 + (this.#choose() % this.#untaken);
    this.#untaken -= results;
    this.#run((out) => this.consumer.handle({ type: 'taken', stream: 1, results, bytes: results * BYTES }, out));
  }

  grant(): void {
    const life = this.#life;
    if (!life.opened) return;
    life.allowed = Math.max(life.allowed, life.ended + INITIAL_JOBS + (this.#choose() % 20));
    const window = { kind: 'window', stream: 1, jobs: life.allowed, bytes: 1_000_000 } as const;
    this.#run((out) => this.consumer.receive(window, out));
  }

  die(): void {
    this.#life = newLife();
    this.#run((out) => this.consumer.restate(out));
  }

  #job(index: number, slot: number): void {
    const life = this.#life;
    must(this.#slots.has(slot), 'a job without its payload');
    must(life.jobs < life.allowed || life.ended === life.jobs, 'a job without credit');
    life.jobs += 1;
    const parts = this.#plan[index] ?? [];
    life.parts.push(...parts.map((_, part) => ({ job: index, part, next: 0, ended: false })));
    if (parts.length > 0) return;
    life.ended += 1;
    this.#entries(index, 0, 0, ENTRY.jobEnd, false);
  }

  #entries(job: number, part: number, index: number, flags: number, result: boolean): void {
    const columns = { jobs: [job], parts: [part], indexes: [index], flags: [flags] };
    const slots = [result ? this.#slot() : -1];
    const record: ResultsRecord = { kind: 'results', stream: 1, ...columns, slots, lengths: [result ? BYTES : 0] };
    this.#run((out) => this.consumer.receive(record, out));
  }

  #slot(): number {
    this.#lastSlot += 1;
    this.#slots.add(this.#lastSlot);
    return this.#lastSlot;
  }

  #letGo(slot: number): void {
    if (slot >= 0 && !this.#slots.delete(slot)) throw new Error(`slot ${slot} was let go twice`);
  }

  #run(act: (out: ConsumerInstruction[]) => void, dropping = -1): void {
    const out: ConsumerInstruction[] = [];
    act(out);
    for (const instruction of out) {
      if (instruction.type === 'pull') this.#pull = instruction.jobs;
      else if (instruction.type === 'release' && dropping >= 0) {
        this.dropped.add(dropping);
        instruction.slots.forEach((slot) => this.#letGo(slot));
      } else if (instruction.type === 'release') instruction.slots.forEach((slot) => this.#letGo(slot));
      else if (instruction.type === 'ended') this.ended = true;
      else if (instruction.type === 'deliver') {
        instruction.flags.forEach((flags, i) => {
          this.#letGo(instruction.slots[i] as number);
          const owned = instruction.indexes[i] === -1;
          if (owned) this.#untaken += 1;
          if (owned || (flags & (ENTRY.result | ENTRY.error)) === 0) return;
          this.#untaken += 1;
          this.shown.push(`${instruction.jobs[i]}.${instruction.parts[i]}.${instruction.indexes[i]}${flags & ENTRY.error ? '!' : ''}`);
        });
        // What was held back by order may fill the window, and after a restart more comes.
        must(this.#untaken <= WINDOW * 2 + this.dropped.size, 'more than the window waits for the user');
      }
    }
  }
}

function must(law: boolean, broken: string): void {
  if (!law) throw new Error(broken);
}

function newLife(): Life {
  return { opened: false, results: 0, delivered: 0, allowed: INITIAL_JOBS, jobs: 0, ended: 0, parts: [] };
}

function everything(plan: Plan): string[] {
  return plan.flatMap((parts, job) => parts.flatMap((count, part) => Array.from({ length: count }, (_, i) => `${job}.${part}.${i}`)));
}

const plans = fc.oneof(
  fc.array(fc.array(fc.nat(3), { maxLength: 4 }), { maxLength: 30 }),
  // More jobs than a page has.
  fc.integer({ min: 250, max: 600 }).map((count) => Array.from({ length: count }, () => [1])),
  fc.array(fc.nat(2), { minLength: 20, maxLength: 60 }).map((parts) => [parts, [1], parts]),
);

describe('the consumer, whatever the master does and however often it dies,', () => {
  it.each([false, true])('delivers everything once, lets every payload go once, and ends (ordered: %s)', (ordered) => {
    const walk = fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 600 });
    const chances = fc.infiniteStream(fc.nat(1_000));
    fc.assert(
      fc.property(plans, walk, chances, (plan, steps, chance) => {
        const world = new World(plan, ordered, () => chance.next().value as number);
        // Death is one step in forty.
        for (const step of steps) if (!world.ended) world.step(step === 40 ? 5 : step % 5);
        for (let round = 0; !world.ended; round += 1) {
          if (round > 20_000) throw new Error(`it hangs, having delivered ${world.shown.length} of ${everything(plan).length}`);
          for (let kind = 0; kind < 5 && !world.ended; kind += 1) world.step(kind);
        }
        const all = everything(plan);
        expect(ordered ? world.shown : [...world.shown].sort()).toEqual(ordered ? all : all.sort());
        expect(world.slots).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  it.each([false, true])('delivers nothing of a job after it was cancelled, and all of the others (ordered: %s)', (ordered) => {
    const walk = fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 600 });
    const chances = fc.infiniteStream(fc.nat(1_000));
    fc.assert(
      fc.property(plans, walk, chances, (plan, steps, chance) => {
        const world = new World(plan, ordered, () => chance.next().value as number);
        // Death is one step in forty, and so many jobs are cancelled.
        for (const step of steps) {
          if (world.ended) break;
          if (step > 35 && step < 40) world.drop();
          else world.step(step === 40 ? 5 : step % 5);
        }
        for (let round = 0; !world.ended; round += 1) {
          if (round > 20_000) throw new Error(`it hangs, having delivered ${world.shown.length} of ${everything(plan).length}`);
          for (let kind = 0; kind < 5 && !world.ended; kind += 1) world.step(kind);
        }
        world.write();
        const kept = (name: string): boolean => !world.dropped.has(Number.parseInt(name, 10));
        const all = everything(plan);
        const shown = ordered ? world.shown : [...world.shown].sort();
        expect(shown.filter(kept)).toEqual((ordered ? all : all.sort()).filter(kept));
        expect(all).toEqual(expect.arrayContaining(shown));
        expect(new Set(shown).size).toBe(shown.length);
        expect(world.slots).toBe(0);
      }),
      { numRuns: 300 },
    );
  });
});
