/**
 * Calls to the master itself: its cache and its status. At most MAX_CALLS are unanswered at a time; more wait here in their order. In
 * another session those without an answer are asked again.
 */
import { type CallRecord, MAX_CALLS, type ReplyRecord } from '../protocol/call_records.ts';
import type { Drafts } from '../protocol/drafts.ts';
import type { AskEvent, ConsumerOut } from './events.ts';

export class Calls {
  /** Asked in this session and not answered, in the order of asking. */
  readonly #open = new Map<number, CallRecord>();
  #waiting: CallRecord[] = [];
  #head = 0;

  get open(): number {
    return this.#open.size + this.#waiting.length - this.#head;
  }

  ask({ id, operation, key, slot, length }: AskEvent): void {
    this.#waiting.push({ kind: 'call', id, operation, key, slot, length });
  }

  reply(record: ReplyRecord, out: ConsumerOut): void {
    const { id, outcome, text, slot, length } = record;
    const call = this.#open.get(id);
    if (call === undefined) {
      if (slot >= 0) out.push({ type: 'release', slots: [slot] });
      return;
    }
    this.#open.delete(id);
    if (call.slot >= 0) out.push({ type: 'release', slots: [call.slot] });
    out.push({ type: 'answer', id, outcome, text, slot, length });
  }

  restate(): void {
    this.#waiting = [...this.#open.values(), ...this.#waiting.slice(this.#head)];
    this.#head = 0;
    this.#open.clear();
  }

  write(drafts: Drafts): void {
    while (this.#open.size < MAX_CALLS && this.#head < this.#waiting.length) {
      const call = this.#waiting[this.#head] as CallRecord;
      this.#head += 1;
      this.#open.set(call.id, call);
      drafts.add(call, call.length);
    }
    if (this.#head < 1024 && this.#head < this.#waiting.length) return;
    this.#waiting = this.#waiting.slice(this.#head);
    this.#head = 0;
  }

  close(out: ConsumerOut): void {
    const calls = [...this.#open.values(), ...this.#waiting.slice(this.#head)];
    const slots = calls.map((call) => call.slot).filter((slot) => slot >= 0);
    this.#open.clear();
    this.#waiting = [];
    this.#head = 0;
    if (slots.length > 0) out.push({ type: 'release', slots });
  }
}
