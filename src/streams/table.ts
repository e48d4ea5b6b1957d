/** All streams of a consumer, by number. */
import { Todo } from '../machine/todo.ts';
import type { Drafts } from '../protocol/drafts.ts';
import type { WireRecord } from '../protocol/messages.ts';
import type { GiveUpRecord, NoticeRecord, ResultsRecord, WindowRecord } from '../protocol/stream_records.ts';
import type { AskEvent, ConsumerEvent, ConsumerOut } from './events.ts';
import { Stream } from './stream.ts';

/** Texts that are remembered so as not to be told again. */
const MAX_NOTICES = 1_000;

export class StreamTable {
  readonly #streams = new Map<number, Stream>();
  /** Those that may have something to say. */
  readonly #changed = new Todo<Stream>();
  readonly #notices = new Set<string>();
  #farewells: WireRecord[] = [];

  get open(): number {
    return this.#streams.size;
  }

  handle(event: Exclude<ConsumerEvent, AskEvent>, out: ConsumerOut): void {
    if (event.type === 'begin') {
      const begun = new Stream(event);
      this.#streams.set(event.stream, begun);
      begun.pull(out);
      return;
    }
    const stream = this.#streams.get(event.stream);
    if (stream === undefined) {
      if (event.type === 'pulled' && event.slots.length > 0) out.push({ type: 'release', slots: event.slots });
      return;
    }
    if (event.type === 'pulled') stream.pulled(event, out);
    else if (event.type === 'dropped') stream.drop(event, out);
    else if (event.type === 'taken') stream.taken(event, out);
    else stream.cancel(out);
    this.#settle(stream);
  }

  receive(record: WindowRecord | ResultsRecord | NoticeRecord | GiveUpRecord, out: ConsumerOut): void {
    const stream = this.#streams.get(record.stream);
    if (record.kind === 'notice') return this.#notice(record, out);
    if (stream === undefined) {
      const slots = record.kind === 'results' ? record.slots.filter((slot) => slot >= 0) : [];
      if (slots.length > 0) out.push({ type: 'release', slots });
      return;
    }
    if (record.kind === 'giveUp') out.push({ type: 'givenUp', stream: record.stream, text: record.text });
    else if (record.kind === 'window') stream.granted(record.jobs, record.bytes, out);
    else stream.receive(record, out);
    this.#settle(stream);
  }

  restate(out: ConsumerOut): void {
    this.#farewells = [];
    for (const stream of this.#streams.values()) {
      stream.restate(out);
      this.#changed.add(stream);
    }
  }

  write(drafts: Drafts): void {
    for (const record of this.#farewells) drafts.add(record);
    this.#farewells = [];
    for (let stream = this.#changed.take(); stream !== undefined; stream = this.#changed.take()) stream.write(drafts);
  }

  close(out: ConsumerOut): void {
    for (const stream of this.#streams.values()) {
      stream.cancel(out);
      this.#settle(stream);
    }
  }

  /** After an event of a stream: it has something to say, or is over. */
  #settle(stream: Stream): void {
    if (!stream.over) {
      this.#changed.add(stream);
      return;
    }
    const farewell = stream.farewell();
    if (farewell !== undefined) this.#farewells.push(farewell);
    this.#streams.delete(stream.number);
    this.#changed.delete(stream);
  }

  #notice(record: NoticeRecord, out: ConsumerOut): void {
    if (this.#notices.has(record.text)) return;
    if (this.#notices.size >= MAX_NOTICES) this.#notices.clear();
    this.#notices.add(record.text);
    out.push({ type: 'notice', stream: record.stream, text: record.text });
  }
}
