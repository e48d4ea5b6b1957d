/**
 * Carries out the calls of clients and workers: the cache, the status, and the jobs that were submitted (see desk.ts). Whatever comes
 * of one ends in `replied`.
 */
import type { PayloadStore } from '../protocol/payloads.ts';
import { type Desk, type DeskHost, JOB_KEY, type KeyStore, openDesk } from './desk.ts';
import type { MasterEvent } from './events.ts';
import type { MasterInstruction } from './instructions.ts';

export type Calling = Extract<MasterInstruction, { type: 'call' }>;
type Replied = Extract<MasterEvent, { type: 'replied' }>;
type Outcome = Pick<Replied, 'outcome'> & { readonly text?: string; readonly value?: Uint8Array };

export interface CallsOptions {
  readonly store: PayloadStore;
  readonly keys: KeyStore;
  readonly status: () => object;
  readonly host: () => DeskHost;
}

export class Calls {
  readonly #options: CallsOptions;
  #desk: Promise<Desk> | undefined;

  constructor(options: CallsOptions) {
    this.#options = options;
  }

  async close(): Promise<void> {
    const desk = await this.#desk?.catch(() => undefined);
    await desk?.close();
  }

  carryOut({ session, id, operation, key, slot }: Calling): MasterEvent[] | Promise<MasterEvent[]> {
    const { store } = this.#options;
    const replied = ({ outcome, text = '', value }: Outcome): MasterEvent[] => [
      { type: 'replied', session, id, outcome, text, slot: value === undefined ? -1 : store.put(value), length: value?.length ?? 0 },
    ];
    const refused = (error: unknown): MasterEvent[] => replied({ outcome: 'refused', text: (error as Error).message });
    const value = slot < 0 ? undefined : Buffer.concat(store.pieces(slot));
    if (slot >= 0) store.release(slot);
    try {
      const outcome = this.#outcome(operation, key, value);
      return outcome instanceof Promise ? outcome.then(replied, refused) : replied(outcome);
    } catch (error) {
      return refused(error);
    }
  }

  #outcome(operation: Calling['operation'], key: string, value: Uint8Array | undefined): Outcome | Promise<Outcome> {
    if (operation === 'status') return { outcome: 'done', value: Buffer.from(JSON.stringify(this.#options.status())) };
    if (!key.startsWith(JOB_KEY)) return ask(this.#options.keys, operation, key, value);
    this.#desk ??= openDesk(this.#options.host());
    return this.#desk.then((desk) => ask(desk, operation, key.slice(JOB_KEY.length), value));
  }
}

function ask(keys: KeyStore, operation: 'get' | 'set' | 'delete', key: string, value: Uint8Array | undefined): Outcome | Promise<Outcome> {
  switch (operation) {
    case 'get':
      return then(keys.get(key), (found) => (found === undefined ? { outcome: 'none' } : { outcome: 'done', value: found }));
    case 'set':
      return then(keys.set(value ?? Buffer.alloc(0), key), (text) => ({ outcome: 'done', text }));
    case 'delete':
      return then(keys.delete(key), (was) => ({ outcome: was ? 'done' : 'none' }));
    default:
      return operation satisfies never;
  }
}

function then<T>(value: T | Promise<T>, map: (value: T) => Outcome): Outcome | Promise<Outcome> {
  return value instanceof Promise ? value.then(map) : map(value);
}
