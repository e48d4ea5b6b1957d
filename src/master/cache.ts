/** The master's key-value store, seen by all workers and clients. In memory, bounded by bytes; the least recently used go first. */
import { createRequire } from 'node:module';
import type * as lru from 'lru-cache';
import { builtin } from '../common/builtin.ts';
import { checkInteger, checkOptions, checkString, toBytes } from '../common/check.ts';

export interface CacheOptions {
  /** All that keys and values may take together. Default 256 MiB. */
  readonly maxBytes?: number | undefined;
  /** How long a value stays after it was set, in milliseconds. Default: until it is deleted or evicted. */
  readonly ttlMs?: number | undefined;
}

/** A value that had to go for others. */
export interface Evicted {
  readonly key: string;
  readonly bytes: number;
}

const DEFAULT_BYTES = 268_435_456;

export class Cache {
  readonly maxBytes: number;
  readonly #values: lru.LRUCache<string, Buffer>;
  #evicted = 0;

  constructor(options: CacheOptions | undefined, evicted: (what: Evicted) => void) {
    if (options !== undefined) checkOptions('Master: cache', options, ['maxBytes', 'ttlMs']);
    this.maxBytes = checkInteger('Master: cache.maxBytes', options?.maxBytes, DEFAULT_BYTES, 1);
    const ttl = checkInteger('Master: cache.ttlMs', options?.ttlMs, 0, 1);
    // Not imported: only masters have a cache.
    const { LRUCache } = createRequire(import.meta.url)('lru-cache') as typeof lru;
    this.#values = new LRUCache<string, Buffer>({
      maxSize: this.maxBytes,
      ttl,
      sizeCalculation: (value, key) => Math.max(1, value.length + Buffer.byteLength(key)),
      dispose: (value, key, reason) => {
        if (reason !== 'evict') return;
        this.#evicted += 1;
        evicted({ key, bytes: value.length });
      },
    });
  }

  /**
   * Sets a value; the value first, as with pylm. The bytes are copied.
   * @param key Default: one is made.
   * @returns the key.
   * @throws RangeError if the value can never fit; it names both sizes.
   */
  set(value: Uint8Array | string, key: string = builtin('crypto').randomUUID()): string {
    const bytes = Buffer.from(toBytes('cache.set', value));
    checkString('cache key', key);
    const size = bytes.length + Buffer.byteLength(key);
    if (size > this.maxBytes)
      throw new RangeError(`cache.set: '${key}' needs ${size} bytes with its key, the cache holds at most ${this.maxBytes}`);
    this.#values.set(key, bytes);
    return key;
  }

  /** The value, or undefined. It must not be written to. */
  get(key: string): Buffer | undefined {
    return this.#values.get(key);
  }

  /** Deletes a key; says whether it was there. */
  delete(key: string): boolean {
    return this.#values.delete(key);
  }

  get stats(): { entries: number; bytes: number; maxBytes: number; evicted: number } {
    return { entries: this.#values.size, bytes: this.#values.calculatedSize, maxBytes: this.maxBytes, evicted: this.#evicted };
  }
}
