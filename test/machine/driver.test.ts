import { describe, expect, it } from 'vitest';
import { Driver, type Handlers } from '../../src/machine/driver.ts';
import type { Machine } from '../../src/machine/history.ts';

type Event = { readonly type: 'do'; readonly instructions: readonly Instruction[] } | { readonly type: 'note'; readonly text: string };
type Instruction =
  | { readonly type: 'now'; readonly text: string }
  | { readonly type: 'later'; readonly text: string }
  | { readonly type: 'throw'; readonly text: string };

const note = (text: string): Event => ({ type: 'note', text });
const now = (text: string): Instruction => ({ type: 'now', text });
const later = (text: string): Instruction => ({ type: 'later', text });

/** A machine that answers what the event says, and writes down what it is told. */
class Told implements Machine<Event, Instruction> {
  readonly notes: string[] = [];

  handle(event: Event): Instruction[] {
    if (event.type === 'do') return [...event.instructions];
    if (event.text === 'impossible') throw new Error('assertion: this cannot be');
    this.notes.push(event.text);
    return [];
  }
}

/** Promises that the test ends itself. */
class Pending {
  readonly ends = new Map<string, { resolve: (events: readonly Event[] | undefined) => void; reject: (error: unknown) => void }>();

  begin(text: string): Promise<readonly Event[] | undefined> {
    return new Promise((resolve, reject) => this.ends.set(text, { resolve, reject }));
  }

  async resolve(text: string, events?: readonly Event[]): Promise<void> {
    this.ends.get(text)?.resolve(events);
    await Promise.resolve();
    await Promise.resolve();
  }

  async reject(text: string, error: unknown): Promise<void> {
    this.ends.get(text)?.reject(error);
    await Promise.resolve();
    await Promise.resolve();
  }
}

function setUp(replaced: Partial<Handlers<Instruction, Event>> = {}) {
  const machine = new Told();
  const pending = new Pending();
  const failures: Error[] = [];
  const causes: [string, number][] = [];
  const handlers: Handlers<Instruction, Event> = {
    now: ({ text }, cause) => {
      causes.push([text, cause]);
      return [note(`${text} 1`), note(`${text} 2`)];
    },
    later: ({ text }, cause) => {
      causes.push([text, cause]);
      return pending.begin(text);
    },
    throw: ({ text }) => {
      throw new Error(text);
    },
    ...replaced,
  };
  const driver = new Driver<Instruction, Event>({ machine, handlers, failed: (error) => failures.push(error) });
  const run = (...instructions: Instruction[]): void => driver.feed({ type: 'do', instructions });
  return { machine, pending, failures, causes, driver, run };
}

describe('the driver', () => {
  it('feeds back what a handler returns, in order, after the instructions of the same event', () => {
    const { machine, run, failures } = setUp();
    run(now('a'), now('b'));
    expect(machine.notes).toEqual(['a 1', 'a 2', 'b 1', 'b 2']);
    expect(failures).toEqual([]);
  });

  it('feeds back what a promise ends in, when it ends, and takes other events meanwhile', async () => {
    const { machine, pending, run, driver } = setUp();
    run(later('slow'), later('fast'), now('a'));
    driver.feed(note('between'));
    await pending.resolve('fast', [note('fast 1'), note('fast 2')]);
    await pending.resolve('slow');
    expect(machine.notes).toEqual(['a 1', 'a 2', 'between', 'fast 1', 'fast 2']);
  });

  it('an event that a handler feeds itself waits for its turn', () => {
    const order: string[] = [];
    const scene = setUp({
      now: ({ text }) => {
        order.push(`begin ${text}`);
        if (text === 'outer') scene.driver.feed({ type: 'do', instructions: [now('inner')] });
        order.push(`end ${text}`);
        return undefined;
      },
    });
    scene.run(now('outer'), now('next'));
    expect(order).toEqual(['begin outer', 'end outer', 'begin next', 'end next', 'begin inner', 'end inner']);
  });

  it('its dispatch can be replaced: a test decides what an instruction ends in', () => {
    const { machine, run } = setUp({ later: ({ text }) => [note(`${text} at once`)] });
    run(later('a'));
    expect(machine.notes).toEqual(['a at once']);
  });

  it('each instruction carries the id of the event that caused it', async () => {
    const { causes, pending, run, driver } = setUp();
    run(now('a'));
    run(later('b'));
    await pending.resolve('b', [{ type: 'do', instructions: [now('c')] }]);
    expect(causes).toEqual([
      ['a', 1],
      ['b', 4],
      ['c', 5],
    ]);
    expect(driver.history.entries().map(({ id, event }) => [id, event.type])).toEqual([
      [1, 'do'],
      [2, 'note'],
      [3, 'note'],
      [4, 'do'],
      [5, 'do'],
      [6, 'note'],
      [7, 'note'],
    ]);
  });

  it('a recorded history replays to identical instructions', () => {
    const { driver, run } = setUp();
    run(now('a'), now('b'));
    run(now('c'));
    const again = new Told();
    for (const { event, instructions } of driver.history.entries()) expect(again.handle(event)).toEqual(instructions);
  });
});

describe('a bug stops the driver, and is reported once with its story', () => {
  const report = (what: string, at: string, cause: number, tail: readonly string[]): string =>
    `a bug in gristmill: ${what}\nwhile at '${at}', caused by event #${cause}. Last events:\n${tail.join('\n')}`;

  it('a handler that throws', () => {
    const { machine, failures, causes, run, driver } = setUp();
    driver.feed(note('before'));
    run(now('a'), { type: 'throw', text: 'oh' }, now('never'));
    driver.feed(note('after'));
    expect([machine.notes, causes]).toEqual([['before'], [['a', 2]]]);
    const event = '{"type":"do","instructions":[{"type":"now","text":"a"},{"type":"throw","text":"oh"},{"type":"now","text":"never"}]}';
    expect(failures.map(({ message }) => message)).toEqual([
      report('oh', 'throw', 2, ['  #1 {"type":"note","text":"before"}', `  #2 ${event}`]),
    ]);
    expect(failures[0]?.cause).toEqual(new Error('oh'));
  });

  it('a handler whose promise rejects, once though several do', async () => {
    const { machine, failures, pending, run, driver } = setUp();
    run(later('a'));
    run(later('b'), later('c'));
    await pending.reject('b', new Error('oh'));
    await pending.reject('a', 'not an error');
    await pending.resolve('c', [note('too late')]);
    driver.feed(note('after'));
    expect(machine.notes).toEqual([]);
    expect(failures).toHaveLength(1);
    expect(failures[0]?.message).toContain("a bug in gristmill: oh\nwhile at 'later', caused by event #2.");
  });

  it('what is rejected with may be anything', async () => {
    const { failures, pending, run } = setUp();
    run(later('a'));
    await pending.reject('a', 'not an error');
    expect(failures[0]?.message).toContain('a bug in gristmill: not an error');
  });

  it('a state machine that throws', () => {
    const { failures, driver } = setUp();
    driver.feed(note('fine'));
    driver.feed(note('impossible'));
    driver.feed(note('after'));
    expect(failures.map(({ message }) => message)).toEqual([
      report('assertion: this cannot be', 'note', 2, ['  #1 {"type":"note","text":"fine"}']),
    ]);
  });

  it('tells the last ten events and no more', () => {
    const { failures, driver, run } = setUp();
    for (let i = 1; i <= 20; i += 1) driver.feed(note(`event ${i}`));
    run({ type: 'throw', text: 'oh' });
    const lines = failures[0]?.message.split('\n').slice(2) ?? [];
    expect(lines.map((line) => /#(\d+)/.exec(line)?.[1])).toEqual(['12', '13', '14', '15', '16', '17', '18', '19', '20', '21']);
  });
});
