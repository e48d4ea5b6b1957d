/** Results whose memory was transferred elsewhere before they were sent, of jobs that may be tried again. */
import { describe, expect, it } from 'vitest';
import { Client, leastLoaded, Master, type PolicyChoice, roundRobin, Worker } from '../../src/index.ts';
import { texts, transferred } from './helpers.ts';

/** Too large to be copied. */
function lost(): Uint8Array {
  const bytes = new Uint8Array(100_000);
  queueMicrotask(() => transferred(bytes));
  return bytes;
}

/** Loses what it gives, the first time. */
class Moody extends Worker {
  begun = 0;

  once(): Uint8Array | string {
    this.begun += 1;
    return this.begun === 1 ? lost() : 'well';
  }

  *steps(): Generator<Uint8Array | string> {
    yield this.once();
    yield 'two';
    yield 'three';
  }

  echo(message: Buffer): Buffer {
    return message;
  }
}

interface Place extends AsyncDisposable {
  readonly client: Client<Moody>;
  readonly worker: Moody;
}

/** With one worker, over sockets: only those push. */
async function start(policy: PolicyChoice): Promise<Place> {
  const master = new Master({ name: 'master', address: 'tcp://127.0.0.1:*', policy, logger: false });
  await master.start();
  const worker = new Moody({ name: 'worker', address: master.address, logger: false });
  await worker.start();
  const client = new Client<Moody>({ address: master.address, logger: false });
  return {
    client,
    worker,
    [Symbol.asyncDispose]: async () => {
      await client.close();
      await worker.stop();
      await master.stop();
    },
  };
}

describe.each([leastLoaded(), roundRobin()])('a lost result, with $name', (policy) => {
  const retries = { attempts: 1, minMs: 0, on: ['bad-result'] } as const;

  it('is given by another attempt, on the same worker, where its job allows that', async () => {
    await using place = await start(policy);
    expect((await place.client.call('once', '', { retries })).toString()).toBe('well');
    expect(await texts(place.client.job('echo', ['a', 'b'], { ordered: true }))).toEqual(['a', 'b']);
    expect(place.worker.begun).toBe(2);
  });

  it('takes those behind it along: the next attempt begins anew', async () => {
    await using place = await start(policy);
    expect(await texts(place.client.job('steps', [''], { retries }))).toEqual(['well', 'two', 'three']);
    expect(place.worker.begun).toBe(2);
  });
});
