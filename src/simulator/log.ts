/** What happened in a world, in order: what each machine was told and answered, and remarks of the world itself (faults, users). */
import { brief } from '../machine/history.ts';

export interface LogEntry {
  readonly atMs: number;
  /** Whose machine it is, or 'world'. */
  readonly who: string;
  readonly event: { readonly type: string };
  readonly instructions: readonly { readonly type: string }[];
}

interface Remark {
  readonly type: 'remark';
  readonly text: string;
}

export class Log {
  readonly #keeps: boolean;
  readonly entries: LogEntry[] = [];
  #count = 0;

  /** @param keeps whether entries are kept; else they are only counted */
  constructor(keeps: boolean) {
    this.#keeps = keeps;
  }

  /** How many events there were. */
  get count(): number {
    return this.#count;
  }

  add(atMs: number, who: string, event: { readonly type: string }, instructions: readonly { readonly type: string }[]): void {
    this.#count += 1;
    if (this.#keeps) this.entries.push({ atMs, who, event, instructions });
  }

  remark(atMs: number, text: string): void {
    const remark: Remark = { type: 'remark', text };
    if (this.#keeps) this.entries.push({ atMs, who: 'world', event: remark, instructions: [] });
  }

  /** All of it, a line for each event with all that was asked: equal texts are equal histories. */
  text(): string {
    return this.entries.map(({ atMs, who, event, instructions }) => JSON.stringify([atMs, who, event, instructions])).join('\n');
  }
}

/** Fields that make lines long and say little. */
const DULL = new Set(['type', 'now', 'token', 'epoch', 'fields', 'partFields', 'kind', 'cause', 'id', 'client', 'lane', 'session']);

/** What happened as a person may read it. `about` picks what to tell; what says nothing is left out anyway. */
export function tell(entries: readonly LogEntry[], about: (text: string) => boolean = () => true): string[] {
  const lines: string[] = [];
  for (const { atMs, who, event, instructions } of entries) {
    const time = atMs.toFixed(3).padStart(10);
    if ('text' in event && event.type === 'remark') {
      lines.push(`${time}  ** ${String(event.text)}`);
      continue;
    }
    const told = instructions.filter((one) => one.type !== 'wakeAt').map((one) => `${' '.repeat(12)}→ ${shown(one)}`);
    const line = `${time}  ${who}: ${shown(event)}`;
    if (told.length === 0 && (event.type === 'flush' || event.type === 'turn' || event.type === 'wake')) continue;
    if ([line, ...told].some(about)) lines.push(line, ...told);
  }
  return lines;
}

function shown(thing: { readonly type: string }): string {
  const { records, envelope, ...rest } = thing as {
    type: string;
    records?: readonly { kind: string }[];
    envelope?: { seq: number; lane: string };
  };
  const head = envelope === undefined ? '' : ` ${envelope.lane} ${brief(without(envelope))}`;
  const batch = (Array.isArray(records) && thing.type !== 'run' ? records : []).map(
    (record) => `; ${record.kind} ${brief(without(record))}`,
  );
  return `${thing.type}${head} ${brief(without(rest))}${batch.join('')}`;
}

function without(thing: object): object {
  return Object.fromEntries(
    Object.entries(thing).filter(([name, value]) => !DULL.has(name) && !(Array.isArray(value) && value.length === 0)),
  );
}
