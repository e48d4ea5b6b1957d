/** Why a dialled address cannot be reached, as far as that can be found out at this end: libzmq only says that it tries again. */
import { dirname } from 'node:path';
import { builtin } from '../common/builtin.ts';
import { parseAddress } from './addresses.ts';

/** Undefined: nothing is wrong with it, as seen from here. */
async function whyUnreachable(address: string): Promise<string | undefined> {
  const { scheme, host } = parseAddress(address);
  // (`@` is Linux's name space for sockets that are no files.)
  if (scheme === 'ipc' && !host.startsWith('@')) {
    const folder = dirname(host);
    const found = await builtin('fs/promises')
      .stat(folder)
      .catch(() => undefined);
    if (found?.isDirectory() !== true) return `there is no folder ${folder}`;
  }
  if (scheme === 'tcp' && !host.startsWith('[')) {
    try {
      await builtin('dns/promises').lookup(host);
    } catch (error) {
      return `the host ${host} is not found (${(error as NodeJS.ErrnoException).code})`;
    }
  }
  return undefined;
}

export class Unreachable {
  readonly #reasons = new Map<string, string>();
  readonly #looking = new Set<string>();

  /** Why, as it was found last, of all addresses with which something is wrong. */
  get reason(): string | undefined {
    return this.#reasons.size === 0 ? undefined : [...this.#reasons.values()].join('; ');
  }

  /** It could not be dialled, and will be tried again. */
  async look(address: string): Promise<void> {
    if (this.#looking.has(address)) return;
    this.#looking.add(address);
    const reason = await whyUnreachable(address);
    // Else it was reached meanwhile.
    if (!this.#looking.delete(address)) return;
    if (reason === undefined) this.#reasons.delete(address);
    else this.#reasons.set(address, reason);
  }

  /** It was reached. */
  over(address: string): void {
    this.#looking.delete(address);
    this.#reasons.delete(address);
  }
}
