/** Runs the user's scatter and gather. Whatever they do ends in an event; nothing here rejects. */
import { checkString, shown } from '../common/check.ts';
import { isA, told } from '../common/thrown.ts';
import { bytesOf, viewOf } from '../common/bytes_of.ts';
import { abandon } from '../common/untrusted.ts';
import type { PayloadStore } from '../protocol/payloads.ts';
import { encodeError } from '../protocol/remote_error.ts';
import type { MasterEvent } from './events.ts';
import type { MasterInstruction, MessageInfo } from './instructions.ts';
import { Message } from './message.ts';

type Instruction<T extends MasterInstruction['type']> = Extract<MasterInstruction, { type: T }>;

/** What users may write: any iterable of messages, sync or async; nothing counts as none. */
export type Messages = Iterable<Message> | AsyncIterable<Message>;
type Iterating = Iterator<Message, unknown> | AsyncIterator<Message, unknown>;

export interface UserCode {
  scatter(message: Message): Messages;
  gather(message: Message): Messages;
}

/** What a generator gave within one pull. */
interface Pulled {
  readonly slots: number[];
  readonly lengths: number[];
  readonly functions: string[];
  ended: boolean;
  error: number;
}

export class Generators {
  readonly #user: UserCode;
  readonly #store: PayloadStore;
  readonly #maxMessageBytes: number;
  readonly #scatters = new Map<string, Iterating>();

  constructor(user: UserCode, store: PayloadStore, maxMessageBytes: number) {
    this.#user = user;
    this.#store = store;
    this.#maxMessageBytes = maxMessageBytes;
  }

  async scatter({ stream, job, message, count }: Instruction<'scatter'>): Promise<MasterEvent[]> {
    const id = `${stream}:${job}`;
    const pulled: Pulled = { slots: [], lengths: [], functions: [], ended: false, error: -1 };
    await this.#run('scatter', message, pulled, async () => {
      let iterating = this.#scatters.get(id);
      if (iterating === undefined) this.#scatters.set(id, (iterating = begin('scatter', this.#user.scatter(this.#message(message, job)))));
      await this.#pull('scatter', iterating, pulled, count);
    });
    if (pulled.ended) this.#scatters.delete(id);
    return [{ type: 'scattered', stream, job, ...pulled }];
  }

  async gather({ stream, job, message }: Instruction<'gather'>): Promise<MasterEvent[]> {
    const pulled: Pulled = { slots: [], lengths: [], functions: [], ended: false, error: -1 };
    await this.#run('gather', message, pulled, () =>
      this.#pull('gather', begin('gather', this.#user.gather(this.#message(message, job))), pulled, Infinity),
    );
    return [{ type: 'gathered', stream, job, slots: pulled.slots, lengths: pulled.lengths, error: pulled.error }];
  }

  /** Ends a scatter that nobody needs. */
  stop({ stream, job }: Instruction<'stopScatter'>): void {
    const id = `${stream}:${job}`;
    const iterating = this.#scatters.get(id);
    this.#scatters.delete(id);
    if (iterating !== undefined) finish(iterating);
  }

  #message(info: MessageInfo, job: number): Message {
    return new Message(this.#store.joined(info.slot), info.function, {
      client: info.client,
      stream: info.id,
      job,
      part: info.part,
      last: info.last,
    });
  }

  async #run(phase: 'scatter' | 'gather', message: MessageInfo, pulled: Pulled, body: () => Promise<void>): Promise<void> {
    try {
      await body();
    } catch (thrown) {
      abandon(thrown);
      const { message: text, stack } = told(thrown);
      const about = { function: message.function, worker: '', attempts: 1, stack, phase };
      pulled.ended = true;
      pulled.error = this.#store.put(encodeError({ code: 'function-threw', message: `${phase}: ${text}`, ...about }));
    }
  }

  async #pull(phase: string, iterating: Iterating, pulled: Pulled, count: number): Promise<void> {
    while (pulled.slots.length < count) {
      const next = iterating.next();
      const step = 'then' in next ? await next : next;
      if (step.done === true) {
        pulled.ended = true;
        return;
      }
      let value: unknown;
      try {
        value = step.value;
        this.#take(value, phase, pulled);
      } catch (error) {
        finish(iterating);
        abandon(value);
        throw error;
      }
    }
  }

  #take(message: unknown, phase: string, pulled: Pulled): void {
    if (!isA(Message, message)) throw new TypeError(`expected it to yield messages (message, or message.with(…)), got ${shown(message)}`);
    const { payload: given } = message;
    const payload = bytesOf(given);
    const name = checkString(`the function of a message (from ${phase})`, message.function);
    if (payload === undefined) throw new TypeError(`expected the payload of a message to be a Buffer (from ${phase}), got ${shown(given)}`);
    if (payload.length > this.#maxMessageBytes)
      throw new RangeError(`a message of ${payload.length} bytes is over maxMessageBytes, ${this.#maxMessageBytes} (from ${phase})`);
    // Copied: who yields may use it again, or give it away.
    pulled.slots.push(this.#store.put(Buffer.from(viewOf(payload))));
    pulled.lengths.push(payload.length);
    pulled.functions.push(name);
  }
}

/** Ends a generator that nobody needs any more: its `finally` blocks run, what they throw concerns nobody. */
function finish(iterating: Iterating): void {
  Promise.resolve(iterating)
    .then((ending) => ending.return?.())
    .catch(() => undefined);
}

function begin(phase: string, messages: Messages): Iterating {
  if (messages !== null && typeof messages === 'object') {
    if (Symbol.asyncIterator in messages) return messages[Symbol.asyncIterator]();
    if (Symbol.iterator in messages) return messages[Symbol.iterator]();
  }
  throw new TypeError(`expected ${phase} to be a generator of messages, it gave ${shown(messages)}`);
}
