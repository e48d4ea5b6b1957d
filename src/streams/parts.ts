/**
 * What has been delivered of one job that has not ended: so that a replay of it, after the master's death, delivers nothing twice, and
 * one that tells another story is found out. It stays small for a job of a million parts: those that have ended are runs of equal
 * counts.
 */

/** Parts that have ended, and how many results each had: runs of neighbours with the same count, in order. */
class EndedParts {
  readonly #from: number[] = [];
  readonly #to: number[] = [];
  readonly #counts: number[] = [];

  get runs(): number {
    return this.#from.length;
  }

  /** The highest part that has ended, plus one. */
  get bound(): number {
    return this.#to.at(-1) ?? 0;
  }

  /** How many results the part had, or -1 if it has not ended. */
  count(part: number): number {
    const at = this.#before(part);
    return at >= 0 && part < (this.#to[at] as number) ? (this.#counts[at] as number) : -1;
  }

  add(part: number, count: number): void {
    const at = this.#before(part);
    const joinsLeft = at >= 0 && this.#to[at] === part && this.#counts[at] === count;
    const joinsRight = this.#from[at + 1] === part + 1 && this.#counts[at + 1] === count;
    if (joinsLeft && joinsRight) {
      this.#to[at] = this.#to[at + 1] as number;
      for (const column of [this.#from, this.#to, this.#counts]) column.splice(at + 1, 1);
    } else if (joinsLeft) this.#to[at] = part + 1;
    else if (joinsRight) this.#from[at + 1] = part;
    else {
      this.#from.splice(at + 1, 0, part);
      this.#to.splice(at + 1, 0, part + 1);
      this.#counts.splice(at + 1, 0, count);
    }
  }

  /** The last run that begins at or before the part, or -1. */
  #before(part: number): number {
    let low = 0;
    let high = this.#from.length - 1;
    if (high >= 0 && (this.#from[high] as number) <= part) return high;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      if ((this.#from[middle] as number) <= part) low = middle + 1;
      else high = middle - 1;
    }
    return high;
  }
}

/** `fresh`: deliver it. `known`: it has been delivered. `contradiction`: this is not what was delivered before. */
export type Verdict = 'fresh' | 'known' | 'contradiction';

export class PartProgress {
  readonly #ended = new EndedParts();
  /** How many results have come of each part that has begun and not ended. */
  readonly #open = new Map<number, number>();
  #bound = 0;
  /** Whether the job was sent again since something of it came. */
  #replayed = false;

  /** How many things are kept. */
  get size(): number {
    return this.#ended.runs + this.#open.size;
  }

  replay(): void {
    this.#replayed = true;
  }

  ended(part: number): boolean {
    return this.#ended.count(part) >= 0;
  }

  /** A result that may end its part too. */
  result(part: number, index: number, endsPart: boolean): Verdict {
    const count = this.#ended.count(part);
    if (count >= 0) {
      if (index >= count || (endsPart && index + 1 !== count)) return 'contradiction';
      return 'known';
    }
    const next = this.#open.get(part) ?? 0;
    if (endsPart && index + 1 < next) return 'contradiction';
    this.#bound = Math.max(this.#bound, part + 1);
    if (endsPart) this.#end(part, Math.max(next, index + 1));
    else if (index >= next) this.#open.set(part, index + 1);
    return index < next ? 'known' : 'fresh';
  }

  /** The end of a part that had so many results. */
  partEnd(part: number, count: number): Verdict {
    const known = this.#ended.count(part);
    if (known >= 0) return known === count ? 'known' : 'contradiction';
    if (count < (this.#open.get(part) ?? 0)) return 'contradiction';
    this.#bound = Math.max(this.#bound, part + 1);
    this.#end(part, count);
    return 'fresh';
  }

  /** The end of the job. `parts`: how many it had, where that is known. */
  jobEnd(parts: number | undefined): Verdict {
    if (!this.#replayed) return 'fresh';
    return this.#open.size > 0 || (parts !== undefined && parts < this.#bound) ? 'contradiction' : 'fresh';
  }

  #end(part: number, count: number): void {
    this.#open.delete(part);
    this.#ended.add(part, count);
  }
}
