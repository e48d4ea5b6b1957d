/**
 * The default policy: parts go to the worker with the most idle slots, and among those where nothing idles to the one with the most
 * room ahead; among equals, to the one that has waited longest, so equal workers alternate. (Room ahead counts last, since a worker that
 * happens to look faster would otherwise be given everything, and never be seen to be no faster than the others.) Workers that serve
 * the same functions share a heap, so a choice costs the logarithm of their number.
 */
import { Heap } from './heap.ts';
import type { Grant, Policy, PolicyChoice, PolicyWorker, Shape } from './policy.ts';

/** Workers that serve the same functions. */
interface Group {
  readonly functions: ReadonlySet<string>;
  readonly heap: Heap<Member>;
  members: number;
}

interface Member {
  readonly worker: number;
  place: number;
  readonly group: Group;
  room: number;
  idle: number;
  /** When it last got parts, by a count of grants. */
  served: number;
}

export class LeastLoaded implements Policy {
  readonly distribution: 'lease' | 'push' = 'lease';
  readonly #members = new Map<number, Member>();
  readonly #groups = new Map<string, Group>();
  readonly #byFunction = new Map<string, Set<Group>>();
  #grants = 0;

  join({ worker, functions }: PolicyWorker): string | undefined {
    const key = JSON.stringify([...functions].sort());
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = { functions: new Set(functions), heap: new Heap<Member>(before), members: 0 };
      this.#groups.set(key, group);
      for (const name of functions) {
        const groups = this.#byFunction.get(name) ?? new Set();
        this.#byFunction.set(name, groups.add(group));
      }
    }
    group.members += 1;
    this.#members.set(worker, { worker, place: -1, group, room: 0, idle: 0, served: this.#grants });
    return undefined;
  }

  leave(worker: number): void {
    const member = this.#members.get(worker);
    if (member === undefined) return;
    member.group.heap.remove(member);
    this.#members.delete(worker);
    member.group.members -= 1;
    if (member.group.members > 0) return;
    for (const [key, group] of this.#groups) if (group === member.group) this.#groups.delete(key);
    for (const name of member.group.functions) {
      const groups = this.#byFunction.get(name);
      groups?.delete(member.group);
      if (groups?.size === 0) this.#byFunction.delete(name);
    }
  }

  room(worker: number, room: number, idle: number): void {
    const member = this.#members.get(worker);
    const spare = Math.max(0, Math.min(idle, room));
    if (member === undefined || (member.room === room && member.idle === spare)) return;
    member.room = room;
    member.idle = spare;
    if (room > 0) member.group.heap.update(member);
    else member.group.heap.remove(member);
  }

  grant(shape: Shape, waiting: number): Grant | undefined {
    let best: Member | undefined;
    let ready = 0;
    for (const group of this.#byFunction.get(shape.function) ?? []) {
      const top = group.heap.top;
      ready += group.heap.size;
      if (top !== undefined && (best === undefined || before(top, best))) best = top;
    }
    if (best === undefined) return undefined;
    this.#grants += 1;
    best.served = this.#grants;
    best.group.heap.update(best);
    return { worker: best.worker, count: Math.min(best.room, Math.max(1, Math.ceil(waiting / ready))) };
  }

  serving(name: string): number {
    let count = 0;
    for (const group of this.#byFunction.get(name) ?? []) count += group.members;
    return count;
  }
}

function before(first: Member, second: Member): boolean {
  if (first.idle !== second.idle) return first.idle > second.idle;
  if (first.idle === 0 && first.room !== second.room) return first.room > second.room;
  return first.served < second.served;
}

/**
 * Parts go to the worker with the most idle slots, then the most room; equal workers alternate, but one job after the other goes to the
 * same for 10 ms. The default.
 */
export function leastLoaded(): PolicyChoice {
  return { name: 'leastLoaded', create: () => new LeastLoaded() };
}
