/**
 * What the files of this room work on together: the books, the policy, the list of instructions being made. One Core for each master.
 */
import { Deque } from '../machine/deque.ts';
import { Timers } from '../machine/timers.ts';
import { Todo } from '../machine/todo.ts';
import { Drafts } from '../protocol/drafts.ts';
import { type Fields, fieldValue } from '../protocol/fields.ts';
import { ownSlot } from '../protocol/payloads.ts';
import type { RemoteError } from '../protocol/remote_error.ts';
import { Heap } from '../scheduling/heap.ts';
import type { Policy, PolicyChoice } from '../scheduling/policy.ts';
import type { Session, ShapeBook, Stream, WorkerBook } from './books.ts';
import type { MasterInstruction } from './instructions.ts';
import { Parts } from './parts.ts';

export interface MasterConfig {
  readonly name: string;
  /** 16 hexadecimal digits, random for each life of a master. */
  readonly epoch: string;
  readonly policy: PolicyChoice;
  /** Whether the user overrode them: where not, nothing of it is run. */
  /** Functions that will be served, though no worker may have said so yet. */
  readonly tasklets?: readonly string[] | undefined;
  readonly scatter: boolean;
  readonly gather: boolean;
  readonly pushAt: string;
  readonly pullAt: string;
  readonly maxMessageBytes: number;
  /** All that one job's gathered results may take. */
  readonly maxJobResultBytes: number;
  /** Shared by all streams for jobs that wait here. */
  readonly bufferBytes: number;
  readonly heartbeatMs: number;
  /** How long a peer that is gone may take to come back. */
  readonly workerGraceMs: number;
  readonly clientGraceMs: number;
  /** Workers that a part may bring down before it fails. */
  readonly crashLimit: number;
}

/** A part that waits to be tried again, by key, and until when. */
export interface Delay {
  readonly key: number;
  readonly atMs: number;
  place: number;
}

export class Core {
  readonly config: MasterConfig;
  readonly policy: Policy;
  readonly timers: Timers = new Timers();
  readonly parts: Parts = new Parts();
  readonly sessions: Map<number, Session> = new Map();
  readonly byConnection: Map<number, Session> = new Map();
  readonly streams: Map<number, Stream> = new Map();
  readonly workers: Map<number, WorkerBook> = new Map();
  /** By number; numbers that are free; and how many are so many that some are to be forgotten (shapes.ts). */
  readonly shapes: ShapeBook[] = [];
  readonly freeShapes: number[] = [];
  manyShapes = 0;
  /** Functions that any worker of this epoch has served. */
  readonly served: Set<string> = new Set();
  /** All of them, by what they are known by. */
  readonly shapeIds: Map<string, ShapeBook> = new Map();
  /** Connections that were asked for a hello. */
  readonly asked: Set<number> = new Set();
  /** Sessions with something to send, and those that are owed an acknowledgement. */
  readonly touched: Todo<Session> = new Todo();
  readonly owing: Todo<Session> = new Todo();
  /** Streams whose credit, jobs or parts changed in this tick. */
  readonly changed: Todo<Stream> = new Todo();
  /** Shapes of which parts may wait. */
  readonly active: Set<ShapeBook> = new Set();
  readonly roomChanged: Todo<WorkerBook> = new Todo();
  /** Workers that could be given more, and those with parts that they have not begun. When the latter were last looked at. */
  readonly roomy: Set<WorkerBook> = new Set();
  lookedAtMs = 0;
  readonly behind: Set<WorkerBook> = new Set();
  /** Those of which it has turned out that what they have not begun is very much work. */
  readonly laden: Set<WorkerBook> = new Set();
  /** Keys of parts that are on their way over PUSH. */
  readonly pushed: Set<number> = new Set();
  /** The first of them when they were last looked at, and when that was. */
  oldestPush: number | undefined;
  pushesSinceMs = 0;
  readonly pushDrafts: Drafts = new Drafts();
  /** Workers kept free for a part that must run alone. */
  readonly held: Set<WorkerBook> = new Set();
  /** Parts that wait to be tried again: when, by key, and which is next. */
  readonly delayed: Map<number, Delay> = new Map();
  readonly delays: Heap<Delay> = new Heap((a, b) => a.atMs < b.atMs);
  /** Workers that are dialled no more, by session: the connection to let go when they have finished. */
  readonly undialling: Map<number, number> = new Map();
  /** Of all workers. */
  slots = 0;
  pushPeers = 0;
  pushStrangers = 0;
  lastSession = 0;
  lastStream = 0;
  /** The newest mark of a doubt, and how many workers were lost (suspicion.ts). */
  lastMark = 0;
  lostWorkers = 0;
  now = 0;
  /** When this epoch began, and whether peers have come that knew an earlier one. */
  bornMs = NaN;
  reunites = false;
  shared = 0;
  stopping = false;
  stopped = false;
  wakeAtMs = Infinity;
  out: MasterInstruction[] = [];
  #released: number[] = [];
  #errors = 0;

  constructor(config: MasterConfig) {
    this.config = config;
    this.policy = config.policy.create();
  }

  /** A payload (-1: none) is let go: behind all that the event in hand asks for, so that what carries it goes first. */
  release(slot: number): void {
    if (slot < 0) return;
    if (this.#released.length === 0) this.#released = [slot];
    else this.#released.push(slot);
  }

  releaseAll(slots: readonly number[]): void {
    for (const slot of slots) this.release(slot);
  }

  /** All that the event in hand has let go becomes one instruction. */
  tellReleased(): void {
    if (this.#released.length === 0) return;
    this.out.push({ type: 'release', slots: this.#released });
    this.#released = [];
  }

  /** An error as a payload; its slot. */
  error(about: Partial<RemoteError> & Pick<RemoteError, 'code' | 'message'>): number {
    this.#errors += 1;
    const slot = ownSlot(this.#errors);
    this.out.push({ type: 'keep', slot, error: { function: '', worker: '', attempts: 0, stack: '', phase: '', ...about } });
    return slot;
  }

  /** Notes that the worker's room may have changed: the policy is told at the flush. */
  dirty(worker: WorkerBook): void {
    this.roomChanged.add(worker);
  }

  #judge(shape: ShapeBook): string | undefined {
    const { allocator } = this.policy;
    if (allocator === undefined) return `this master gives no resources: its policy is ${this.config.policy.name}(), not grain()`;
    return allocator.judge(shape);
  }

  shape(name: string, fields: Fields): ShapeBook {
    const plain = fields.length === 0 || this.policy.passesResources === true;
    const resources = plain ? undefined : fields.find(([field]) => field === 'resources')?.[1];
    const hasty = resources !== undefined && fieldValue(fields, 'unsatisfiable') === 'fail';
    const key = resources === undefined ? name : `${name}\u0000${Buffer.from(resources).toString('base64')}${hasty ? '!' : ''}`;
    let shape = this.shapeIds.get(key);
    if (shape === undefined) {
      const served = this.served.has(name) || this.config.tasklets?.includes(name) === true;
      const empty = { ready: [], warm: undefined, waiting: 0, pushed: 0, solo: new Deque(), warned: false };
      const id = this.freeShapes.pop() ?? this.shapes.length;
      shape = { id, function: name, resources, ...empty, hasty, served, refusal: undefined };
      if (resources !== undefined) shape.refusal = this.#judge(shape);
      this.shapes[id] = shape;
      this.shapeIds.set(key, shape);
    }
    return shape;
  }
}
