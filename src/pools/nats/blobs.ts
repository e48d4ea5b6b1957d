/**
 * Values of any size in a KV bucket. What does not fit into one message is kept in pieces, under keys of its own, and its key says where
 * they are. Pieces come before their key and go after it, so that whoever finds a key finds the value.
 *
 *     KEY           0 bytes…  |  1 VERSION PIECES
 *     KEY.VERSION.N the pieces
 */
import type { JetStreamManager } from '@nats-io/jetstream';
import type { KV } from '@nats-io/kv';
import { randomBytes } from 'node:crypto';
import { viewOf } from '../../common/bytes_of.ts';

const PIECE_BYTES = 262_144;

export class Blobs {
  readonly #kv: KV;
  readonly #jsm: JetStreamManager;
  readonly #bucket: string;

  constructor(kv: KV, jsm: JetStreamManager, bucket: string) {
    this.#kv = kv;
    this.#jsm = jsm;
    this.#bucket = bucket;
  }

  async get(key: string): Promise<Buffer | undefined> {
    const entry = await this.#kv.get(key);
    if (entry === null || entry.operation !== 'PUT') return undefined;
    const value = viewOf(entry.value);
    if (value[0] === 0) return value.subarray(1);
    const [version, count] = value.toString('utf8', 1).split(' ');
    const pieces = await Promise.all(Array.from({ length: Number(count) }, (_, at) => this.#kv.get(`${key}.${version}.${at}`)));
    // It was replaced, or deleted, meanwhile.
    if (pieces.includes(null)) return await this.get(key);
    return Buffer.concat(pieces.map((piece) => (piece as { value: Uint8Array }).value));
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    const inPieces = bytes.length > PIECE_BYTES || (await this.#isInPieces(key));
    await this.#kv.put(key, await this.#head(key, bytes));
    if (!inPieces) return;
    const { value } = (await this.#kv.get(key)) ?? { value: new Uint8Array() };
    const [version] = viewOf(value).toString('utf8', 1).split(' ');
    const names = await this.#kv.keys(`${key}.>`);
    for await (const name of names) if (!name.startsWith(`${key}.${version}.`)) await this.#purge(name);
  }

  /** Puts a value that is small, where there was none, or a small one. */
  async putSmall(key: string, bytes: Uint8Array): Promise<void> {
    await this.#kv.put(key, Buffer.concat([Buffer.of(0), bytes]));
  }

  /** Deletes such a value. */
  async deleteSmall(key: string): Promise<void> {
    await this.#purge(key);
  }

  /** Puts a value if there is none. Resolves to whether it did. */
  async create(key: string, bytes: Uint8Array): Promise<boolean> {
    const head = await this.#head(key, bytes);
    try {
      await this.#kv.create(key, head);
      return true;
    } catch (error) {
      if (!isTaken(error)) throw error;
      if (head[0] === 1) await this.#purge(`${key}.${viewOf(head).toString('utf8', 1).split(' ')[0]}.>`);
      return false;
    }
  }

  /** Resolves to whether it was there. Nothing is left of it. */
  async delete(key: string): Promise<boolean> {
    const was = await this.#purge(key);
    await this.#purge(`${key}.>`);
    return was;
  }

  async #isInPieces(key: string): Promise<boolean> {
    const entry = await this.#kv.get(key);
    return entry !== null && entry.value[0] === 1;
  }

  async #head(key: string, bytes: Uint8Array): Promise<Uint8Array> {
    if (bytes.length <= PIECE_BYTES) return Buffer.concat([Buffer.of(0), bytes]);
    const version = randomBytes(6).toString('hex');
    const count = Math.ceil(bytes.length / PIECE_BYTES);
    for (let at = 0; at < count; at += 1)
      await this.#kv.put(`${key}.${version}.${at}`, bytes.subarray(at * PIECE_BYTES, (at + 1) * PIECE_BYTES));
    return Buffer.concat([Buffer.of(1), Buffer.from(`${version} ${count}`)]);
  }

  /** Removes messages themselves: a deleted key would leave a marker. */
  async #purge(key: string): Promise<boolean> {
    const { purged } = await this.#jsm.streams.purge(`KV_${this.#bucket}`, { filter: `$KV.${this.#bucket}.${key}` });
    return purged > 0;
  }
}

function isTaken(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === WRONG_LAST_SEQUENCE;
}

const WRONG_LAST_SEQUENCE = 10_071;
