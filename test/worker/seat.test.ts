import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Seat, type SeatEvent, type SeatInstruction } from '../../src/worker/seat.ts';

const asks = (connection: number, life: string, now = 0): SeatEvent => ({ type: 'asks', connection, life, now });
const gone = (connection: number): SeatEvent => ({ type: 'gone', connection, now: 0 });
const seat = (connection: number): SeatInstruction => ({ type: 'seat', connection });
const VACATE: SeatInstruction = { type: 'vacate' };

describe('the seat of a worker that listens', () => {
  it('is given to who asks first, and once', () => {
    const machine = new Seat();
    expect(machine.handle(asks(1, 'a'))).toEqual([seat(1)]);
    expect(machine.handle(asks(1, 'a'))).toEqual([]);
  });

  it('is given to who waits when it is free, in turn, without a word of refusal if that is soon', () => {
    const machine = new Seat();
    machine.handle(asks(1, 'a'));
    expect(machine.handle(asks(2, 'b', 100))).toEqual([{ type: 'wakeAt', atMs: 2_100 }]);
    expect(machine.handle(asks(3, 'c', 200))).toEqual([]);
    expect(machine.handle(gone(1))).toEqual([VACATE, seat(2), { type: 'wakeAt', atMs: 2_200 }]);
    expect(machine.handle(gone(3))).toEqual([{ type: 'wakeAt', atMs: Infinity }]);
    expect(machine.handle(gone(2))).toEqual([VACATE]);
    expect(machine.holder).toBe(-1);
  });

  it('tells who waits for long, once, and keeps its place', () => {
    const machine = new Seat();
    machine.handle(asks(1, 'a'));
    machine.handle(asks(2, 'b', 0));
    expect(machine.handle({ type: 'wake', now: 2_000 })).toEqual([
      { type: 'refuse', connection: 2 },
      { type: 'wakeAt', atMs: Infinity },
    ]);
    expect(machine.handle(asks(2, 'b', 3_000))).toEqual([]);
    expect(machine.handle(gone(1))).toEqual([VACATE, seat(2)]);
  });

  it('is given at once to the master that has it, over another connection', () => {
    const machine = new Seat();
    machine.handle(asks(1, 'a'));
    expect(machine.handle(asks(2, 'a'))).toEqual([VACATE, seat(2)]);
    expect(machine.handle(gone(1))).toEqual([]);
    expect(machine.holder).toBe(2);
  });

  it('is free when its master does not want the worker', () => {
    const machine = new Seat();
    machine.handle(asks(1, 'a'));
    expect(machine.handle({ type: 'declined', now: 0 })).toEqual([VACATE]);
    expect(machine.handle({ type: 'declined', now: 0 })).toEqual([]);
  });

  it('lets only so many wait', () => {
    const machine = new Seat();
    for (let i = 0; i <= 64; i += 1) machine.handle(asks(i, `${i}`));
    expect(machine.handle(asks(65, 'x'))).toEqual([{ type: 'refuse', connection: 65 }]);
  });
});

it('whatever happens: one has the seat, it is vacated before it is given, it is never free while one waits, nobody is told twice', () => {
  const connection = fc.nat(5);
  const event: fc.Arbitrary<SeatEvent> = fc.oneof(
    fc.record({ type: fc.constant('asks' as const), connection, life: fc.constantFrom('a', 'b', 'c'), now: fc.nat(5_000) }),
    fc.record({ type: fc.constant('gone' as const), connection, now: fc.nat(5_000) }),
    fc.record({ type: fc.constant('declined' as const), now: fc.nat(5_000) }),
    fc.record({ type: fc.constant('wake' as const), now: fc.nat(9_000) }),
  );
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (events) => {
      const machine = new Seat();
      /** Who has asked and is there: by hand. */
      const present = new Set<number>();
      const told = new Set<number>();
      let holder = -1;
      for (const event of events) {
        if (event.type === 'asks') present.add(event.connection);
        if (event.type === 'gone') present.delete(event.connection);
        if (event.type === 'gone') told.delete(event.connection);
        const before = holder;
        const wrong: string[] = [];
        for (const instruction of machine.handle(event)) {
          if (instruction.type === 'vacate') {
            if (holder < 0) wrong.push('vacated twice');
            // Who had it must ask again.
            present.delete(holder);
            told.delete(holder);
            holder = -1;
          } else if (instruction.type === 'seat') {
            if (holder >= 0 || !present.has(instruction.connection)) wrong.push(`seated ${instruction.connection}`);
            holder = instruction.connection;
          } else if (instruction.type === 'refuse') {
            if (told.has(instruction.connection) || instruction.connection === holder) wrong.push(`refused ${instruction.connection}`);
            told.add(instruction.connection);
          }
        }
        expect(wrong).toEqual([]);
        expect(machine.handle({ type: 'wake', now: -1 })).toEqual([]);
        expect(machine.holder).toBe(holder);
        const left = holder < 0 ? [...present].filter((one) => one !== before) : [];
        expect(left).toEqual([]);
      }
    }),
  );
});
