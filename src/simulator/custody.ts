/** Which batches a worker must take: those of the session that stands, each once and in order. The witness of protocol/session.ts. */
import type { Welcome } from '../protocol/greetings.ts';
import type { Envelope } from '../protocol/messages.ts';

export class Custody {
  #epoch = '';
  #session = 0;
  #read = 0;
  #stands = false;

  welcomed({ epoch, session }: Welcome, anew: boolean): void {
    this.#stands = true;
    if (!anew) return;
    this.#epoch = epoch;
    this.#session = session;
    this.#read = 0;
  }

  lost(): void {
    this.#stands = false;
  }

  takes({ lane, epoch, session, seq }: Envelope): boolean {
    if (!this.#stands || epoch !== this.#epoch) return false;
    if (lane === 'push') return true;
    if (session !== this.#session || seq !== this.#read + 1) return false;
    this.#read = seq;
    return true;
  }
}
