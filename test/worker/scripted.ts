/** A worker's state machine with short words for what happens to it, and for what it asks. */
import type { Welcome } from '../../src/protocol/greetings.ts';
import { type Envelope, type Lane, NO_ID, type WireRecord } from '../../src/protocol/messages.ts';
import type { PartsRecord } from '../../src/protocol/part_records.ts';
import type { RanEvent, WorkerEvent } from '../../src/worker/events.ts';
import type { WorkerInstruction } from '../../src/worker/instructions.ts';
import { WorkerState, type WorkerStateOptions } from '../../src/worker/state.ts';
import { WELCOME as FIRST_WELCOME } from '../protocol/welcome.ts';
import type { Happening } from '../streams/transcript.ts';

/** Where reports go is another address, and the master takes less than most. */
export const WELCOME: Welcome = { ...FIRST_WELCOME, pullAt: '7002', maxMessageBytes: 1_000_000 };

const RAN: Omit<RanEvent, 'now'> = {
  type: 'ran',
  begun: 0,
  locals: [],
  indexes: [],
  flags: [],
  slots: [],
  lengths: [],
  waits: [],
  wanted: [],
  over: [],
  lends: [],
  goesOn: [],
  paused: false,
  busyMicros: 0,
  blockedMs: 0,
};

/** A record of parts: by default the first attempt at as many jobs as there are keys, each with credit for one result. */
export function parts(of: Partial<PartsRecord> & { readonly keys: readonly number[] }): PartsRecord {
  const each = (value: (key: number, at: number) => number): number[] => of.keys.map(value);
  return {
    kind: 'parts',
    stream: 5,
    id: 'c/1',
    client: 'c',
    function: 'foo',
    fields: [],
    attempts: each(() => 1),
    jobs: each((_, at) => at),
    parts: each(() => 0),
    grants: each(() => 1),
    bytes: each(() => 1_000),
    partFields: [],
    allocations: [],
    slots: each((key) => key + 100),
    lengths: each(() => 1),
    ...of,
  };
}

export class Scripted {
  state = new WorkerState({ name: 'w', functions: ['foo'], slots: 1, maxParked: 64 });
  readonly events: WorkerEvent[] = [];
  readonly instructions: WorkerInstruction[][] = [];
  #now = 0;
  #seq = 0;
  #welcome: Welcome = WELCOME;

  /** Makes something happen, and shows what is asked. `at` moves the clock. */
  play(what: Happening): readonly object[] {
    if (typeof what['at'] === 'number') this.#now = what['at'];
    if (what.type === 'worker') {
      const options = { name: 'w', functions: ['foo'], slots: 1, maxParked: 64 };
      this.state = new WorkerState({ ...options, ...(what as Partial<WorkerStateOptions>) });
      return [];
    }
    return this.feed(this.#event(what)).flatMap(shortened);
  }

  feed(event: WorkerEvent): WorkerInstruction[] {
    const instructions = this.state.handle(event);
    this.events.push(event);
    this.instructions.push(instructions);
    return instructions;
  }

  #event(what: Happening): WorkerEvent {
    const { type } = what;
    const rest: Record<string, unknown> = { ...what };
    delete rest['type'];
    delete rest['at'];
    const now = this.#now;
    switch (type) {
      case 'welcome':
        this.#welcome = { ...WELCOME, ...rest };
        if (!this.#welcome.resumed) this.#seq = 0;
        return { type, welcome: this.#welcome, now };
      case 'refused':
        return { type, refused: { type, code: 'role', text: '', ...rest }, now };
      case 'ran':
        return { ...RAN, ...rest, now };
      case 'parts':
      case 'pushed': {
        const record = parts(rest as unknown as PartsRecord);
        return this.#batch(type === 'pushed' ? 'push' : 'control', [record]);
      }
      case 'acknowledged':
        return { ...this.#batch('control', []), envelope: this.#envelope('control', 0, rest) };
      case 'revoke':
      case 'abort':
      case 'grant':
      case 'results':
      case 'reply':
      case 'outcomes':
        return this.#batch('control', [{ kind: type, ...rest } as WireRecord]);
      default:
        return { type, ...rest, now } as unknown as WorkerEvent;
    }
  }

  #batch(lane: Lane, records: readonly WireRecord[]): WorkerEvent & { type: 'batch' } {
    if (lane === 'control' && records.length > 0) this.#seq += 1;
    const envelope = this.#envelope(lane, lane === 'push' ? 0 : this.#seq, {});
    return { type: 'batch', envelope, records, bytes: 0, now: this.#now };
  }

  #envelope(lane: Lane, seq: number, rest: Partial<Envelope>): Envelope {
    const { epoch, session, token } = this.#welcome;
    const whose = lane === 'push' ? { session: 0, token: NO_ID } : { session, token };
    return { lane, epoch, ...whose, seq, ack: 0, reportsAck: 0, ...rest };
  }
}

/** An instruction as a transcript shows it: without what the scenario does not turn on. */
function shortened(instruction: WorkerInstruction): object[] {
  switch (instruction.type) {
    case 'wakeAt':
      return [];
    case 'greet':
      return [{ type: 'greet', session: instruction.hello.session, seen: instruction.hello.seen }];
    case 'send': {
      const { envelope, records, transmit } = instruction;
      const head = { type: 'send', lane: envelope.lane, seq: envelope.seq, ...(transmit ? {} : { transmit }) };
      return [head, ...records.map((record) => ({ ...record, kind: `  ${record.kind}` }))];
    }
    case 'run': {
      const { type, ready, free, locals, attempts } = instruction;
      return [{ type, ...(ready.length > 0 ? { ready } : {}), free, locals, ...(attempts.some((n) => n > 1) ? { attempts } : {}) }];
    }
    case 'welcomed':
      return [{ type: 'welcomed', how: instruction.how }];
    default:
      return [instruction];
  }
}
