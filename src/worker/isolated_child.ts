/**
 * The process of isolated functions: the worker's own program, run again up to the start of its worker, which then serves its parent
 * instead of a master. One function at a time; no socket is made here.
 */
import type { Payload, Status } from '../streams/types.ts';
import { bytesOf } from '../common/bytes_of.ts';
import { toBytes } from '../common/check.ts';
import { abandon, follow } from '../common/untrusted.ts';
import { isThenable, readAnswer, readStep, type Steps } from './answers.ts';
import type { JobContext } from './context.ts';
import type { Served } from './executor_options.ts';
import {
  asBuffer,
  type Askable,
  CHILD_VARIABLE,
  errorFrom,
  type FromChild,
  type IsolatedJob,
  type Reply,
  type ToChild,
  toldError,
} from './isolation_messages.ts';
import { inScope } from './invoking.ts';

const CHILD = process.env[CHILD_VARIABLE];
// Programs that this one runs are not run by our parent.
delete process.env[CHILD_VARIABLE];
let made = 0;

/** Whether this process is one of isolated functions. */
export function isChild(): boolean {
  return CHILD !== undefined;
}

/** The number of the isolated worker that is made now. */
export function countIsolated(): number {
  made += 1;
  return made;
}

interface Asked {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

export class IsolatedChild {
  readonly #owner: object;
  readonly #number: number;
  readonly #functions: ReadonlyMap<string, Served>;
  readonly #asked = new Map<number, Asked>();
  #questions = 0;
  #controller = new AbortController();
  #context: JobContext | undefined;
  #steps: Steps | undefined;
  /** The last that was given. */
  #order = 0;

  /** @param number which isolated worker of its program it is; 0: none, it does nothing */
  constructor(owner: object, functions: ReadonlyMap<string, Served>, number: number) {
    this.#owner = owner;
    this.#number = number;
    this.#functions = functions;
  }

  /** Serves until the parent is gone. Never resolves: what a program does once its worker has started is not done here. */
  start(): Promise<never> {
    if (String(this.#number) === CHILD) {
      // The program may have let go of the channel; it is what this process lives for.
      process.channel?.ref();
      process.on('message', (message: ToChild) => this.#hear(message));
      process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
      this.#say({ type: 'ready' });
    }
    return new Promise(() => undefined);
  }

  async set(value: Payload, key?: string): Promise<string> {
    return (await this.ask('set', [toBytes('set: value', value), key])) as string;
  }

  async get(key: string): Promise<Buffer | undefined> {
    return asBuffer(await this.ask('get', [key])) as Buffer | undefined;
  }

  delete(key: string): Promise<boolean> {
    return this.ask('delete', [key]) as Promise<boolean>;
  }

  status(): Promise<Status> {
    return this.ask('status', []) as Promise<Status>;
  }

  ask(what: Askable, args: readonly unknown[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#questions += 1;
      // Throws for what cannot travel.
      this.#say({ type: 'ask', question: this.#questions, what, args });
      this.#asked.set(this.#questions, { resolve, reject });
    });
  }

  #say(message: FromChild): void {
    process.send?.(message);
  }

  #reply(reply: Reply): void {
    this.#say({ ...reply, to: this.#order });
  }

  #hear(message: ToChild): void {
    switch (message.type) {
      case 'run':
        this.#order = message.order;
        return this.#run(asBuffer(message.message) as Buffer, message.job);
      case 'next':
        this.#order = message.order;
        return this.#settle(
          () => this.#steps?.next(),
          (step) => this.#stepped(step),
        );
      case 'return':
        this.#order = message.order;
        return this.#settle(
          () => this.#steps?.return?.(),
          () => this.#ended(undefined),
        );
      case 'abort':
        return this.#controller.abort(Object.assign(new DOMException(message.reason.message, message.reason.name)));
      case 'answer': {
        const asked = this.#asked.get(message.question);
        this.#asked.delete(message.question);
        if (message.error === undefined) asked?.resolve(message.value);
        else asked?.reject(errorFrom(message.error));
        return;
      }
      default:
        message satisfies never;
    }
  }

  #run(message: Buffer, job: IsolatedJob): void {
    this.#controller = new AbortController();
    this.#context = contextOf(job, this.#controller.signal, this);
    bind(job.resources);
    const served = this.#functions.get(job.function) as Served;
    const context = this.#context;
    this.#settle(
      () => served.call(this.#owner, message, context),
      (value) => {
        const bytes = bytesOf(value);
        if (bytes !== undefined) return this.#ended(bytes);
        const answer = readAnswer(value, job.function);
        if (answer.kind === 'bad') return this.#bad('ended', answer.text, value);
        if (answer.kind !== 'steps') return this.#ended(value);
        this.#steps = answer.steps;
        this.#reply({ type: 'steps' });
      },
    );
  }

  /** Does something of the user's, and goes on with what it gives, now or later. */
  #settle(run: () => unknown, then: (value: unknown) => void): void {
    let value: unknown;
    try {
      value = inScope(this.#context, run);
    } catch (error) {
      return this.#threw(error);
    }
    const go = (given: unknown): void => {
      try {
        then(given);
      } catch (error) {
        this.#threw(error);
      }
    };
    if (!isThenable(value)) return go(value);
    follow(value, go, (error) => this.#threw(error));
  }

  #stepped(step: unknown): void {
    const read = readStep(step, this.#context?.function ?? '');
    if (read.kind === 'done') this.#ended(undefined);
    else if (read.kind === 'bad') this.#bad('step', read.text, read.value);
    else if (read.kind === 'bytes') this.#try({ type: 'step', value: read.bytes });
    else this.#bad('step', 'yielded something that cannot be looked at', step);
  }

  #bad(type: 'step' | 'ended', bad: string, value: unknown): void {
    abandon(value);
    this.#reply({ type, bad });
  }

  #ended(value: unknown): void {
    this.#steps = undefined;
    this.#try({ type: 'ended', value });
  }

  #threw(error: unknown): void {
    this.#steps = undefined;
    abandon(error);
    this.#reply({ type: 'ended', error: toldError(error) });
  }

  /** What a function gives may be something that cannot travel. */
  #try(reply: Reply): void {
    try {
      this.#reply(reply);
    } catch (error) {
      this.#threw(error);
    }
  }
}

/** What this process is told of its cores, for programs that it runs itself. */
function bind({ cores }: Readonly<Record<string, unknown>>): void {
  if (!Array.isArray(cores) || cores.length === 0) return;
  process.env['GRISTMILL_CORES'] = cores.join(',');
  process.env['OMP_NUM_THREADS'] = String(cores.length);
}

function contextOf(job: IsolatedJob, signal: AbortSignal, child: IsolatedChild): JobContext {
  return {
    ...job,
    signal,
    call: async (name: string, payload: Payload, options?: object) =>
      asBuffer(await child.ask('call', [name, toBytes('call: payload', payload), options])) as Buffer,
    execFile: async (program: string, args?: readonly string[], options?: object) => {
      const result = (await child.ask('execFile', [program, args, options])) as Record<'stdout' | 'stderr', Uint8Array>;
      return { ...result, stdout: asBuffer(result.stdout), stderr: asBuffer(result.stderr) };
    },
    job: () => {
      throw new TypeError('job.job: a function of a worker with isolate: true cannot stream jobs; it can call them, with job.call');
    },
  } as unknown as JobContext;
}
