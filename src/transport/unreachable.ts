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
  #reason: string | undefined;
  #looking = false;

  /** Why, as it was found last. */
  get reason(): string | undefined {
    return this.#reason;
  }

  /** It could not be dialled, and will be tried again. */
  async look(address: string): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    this.#reason = await whyUnreachable(address);
    this.#looking = false;
  }

  /** It was reached. */
  over(): void {
    this.#reason = undefined;
  }
}
