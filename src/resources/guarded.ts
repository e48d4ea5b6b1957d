/**
 * A kind of the user's own, called so that no mistake in it reaches anybody else. The first one puts the kind out of use: nothing that asks
 * for it fits any more, and `broken` says why; all other kinds, and what asks for those, go on.
 */
import { shown } from '../common/check.ts';
import { told } from '../common/thrown.ts';
import { packValue, unpackValue } from '../protocol/fields.ts';
import type { Kind } from './kind.ts';

type Taken = { readonly pool: unknown; readonly share: unknown } | undefined;

export class GuardedKind implements Kind {
  readonly #name: string;
  readonly #kind: Kind;
  /** Absent where the kind has none. */
  readonly left?: (pool: unknown, nowMs: number) => number;
  #broken: string | undefined;

  constructor(name: string, kind: Kind) {
    this.#name = name;
    this.#kind = kind;
    if (kind.left !== undefined) this.left = (pool, nowMs) => this.#left(pool, nowMs);
  }

  /** What it did wrong; undefined: nothing so far. */
  get broken(): string | undefined {
    return this.#broken;
  }

  get unoffered(): unknown {
    return this.#kind.unoffered;
  }

  /** Whoever calls this expects errors. */
  request(value: unknown, what: string): unknown {
    if (this.#broken !== undefined) throw new Error(this.#broken);
    return this.#kind.request(value, what);
  }

  /** Whoever calls this expects errors. */
  offer(value: unknown, what: string, nowMs: number): unknown {
    return this.#kind.offer(value, what, nowMs);
  }

  /** Nothing is taken that could not be shown. */
  take(pool: unknown, request: unknown, nowMs: number): Taken {
    if (this.#broken !== undefined) return undefined;
    return this.#guard('take', undefined, () => {
      const taken: unknown = this.#kind.take(pool, request, nowMs);
      if (taken === undefined) return undefined;
      if (taken === null || typeof taken !== 'object' || !('pool' in taken) || !('share' in taken))
        throw new TypeError(`expected { pool, share } or undefined, got ${shown(taken)}`);
      const { share } = taken;
      const travels = this.#guard('show', false, () => {
        const value = this.#kind.show(share);
        if (typeof value === 'function' || value === undefined) throw new TypeError(`expected plain data, got ${shown(value)}`);
        unpackValue(packValue(value));
        return true;
      });
      return travels ? taken : undefined;
    });
  }

  giveBack(pool: unknown, share: unknown): unknown {
    return this.#guard('giveBack', pool, () => this.#kind.giveBack(pool, share));
  }

  show(share: unknown): unknown {
    return this.#kind.show(share);
  }

  words(request: unknown): string {
    return this.#guard('words', this.#name, () => this.#kind.words?.(request) ?? `${this.#name} ${JSON.stringify(request)}`);
  }

  has(pool: unknown, nowMs: number): string | undefined {
    return this.#guard('has', undefined, () => this.#kind.has?.(pool, nowMs));
  }

  #left(pool: unknown, nowMs: number): number {
    return this.#guard('left', 0, () => {
      const left: unknown = this.#kind.left?.(pool, nowMs);
      if (typeof left !== 'number' || Number.isNaN(left)) throw new TypeError(`expected a number, got ${shown(left)}`);
      return left;
    });
  }

  #guard<T>(called: string, otherwise: T, body: () => T): T {
    try {
      return body();
    } catch (error) {
      this.#broken ??= `the kind ${this.#name} is out of use, its function ${called} failed: ${told(error).message}`;
      return otherwise;
    }
  }
}
