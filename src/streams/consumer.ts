/**
 * The consumer's half of a client or a worker: its streams and its calls to the master. Who owns a session embeds one:
 *
 *     handle(event)    for each event that isConsumerEvent
 *     receive(record)  for each fresh record that isConsumerRecord
 *     restate()        when a welcome was 'first' or 'anew'
 *     write(drafts)    at each flush, once a first welcome has come, right before the peer's own flush
 *
 * Nothing is written before the first welcome: what is wanted stays here, and is said when there is somebody to say it to.
 */
import type { Drafts } from '../protocol/drafts.ts';
import { Calls } from './calls.ts';
import type { ConsumerEvent, ConsumerOut, ConsumerRecord } from './events.ts';
import { StreamTable } from './table.ts';

export class Consumer {
  readonly #streams = new StreamTable();
  readonly #calls = new Calls();

  /** Open streams and unanswered calls. */
  get open(): number {
    return this.#streams.open + this.#calls.open;
  }

  handle(event: ConsumerEvent, out: ConsumerOut): void {
    if (event.type === 'ask') this.#calls.ask(event);
    else this.#streams.handle(event, out);
  }

  receive(record: ConsumerRecord, out: ConsumerOut): void {
    if (record.kind === 'reply') this.#calls.reply(record, out);
    else this.#streams.receive(record, out);
  }

  /** Another session began: everything that is still wanted will be said again. */
  restate(out: ConsumerOut): void {
    this.#streams.restate(out);
    this.#calls.restate();
  }

  /** Writes what is to be said now. */
  write(drafts: Drafts): void {
    this.#streams.write(drafts);
    this.#calls.write(drafts);
  }

  /** Everything ends: the master is told to stop (at the next write), all payloads are let go, nothing is delivered any more. */
  close(out: ConsumerOut): void {
    this.#streams.close(out);
    this.#calls.close(out);
  }
}
