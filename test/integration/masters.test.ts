/** Everything in one process here: that is the point. */
import { describe, expect, it } from 'vitest';
import { Client, JobError, Master, type Message, Worker } from '../../src/index.ts';
import { collect, jobs, texts } from './helpers.ts';
import { freeAddress } from './ports.ts';
import { Processes } from './processes.ts';

class One extends Worker {
  foo(message: Buffer): string {
    return `one: ${this.name} ${message.toString()}`;
  }

  onlyOne(): string {
    return 'one';
  }

  async cached(message: Buffer): Promise<string> {
    return String(await this.get(message.toString()));
  }
}

class Two extends Worker {
  foo(message: Buffer): string {
    return `two: ${this.name} ${message.toString()}`;
  }

  *onlyTwo(): Generator<string> {
    yield 'two';
  }
}

async function start(processes: Processes, worker: typeof One | typeof Two, make = Master): Promise<{ master: Master; client: Client }> {
  const master = processes.uses(new make({ name: 'same name', address: await freeAddress(), logger: false }));
  await master.start();
  await processes.uses(new worker({ name: 'same name', address: master.address, logger: false })).start();
  return { master, client: processes.uses(new Client({ address: master.address, name: 'same name', logger: false })) };
}

describe('two masters in one process share nothing', () => {
  it('neither cache nor workers nor functions nor streams', async () => {
    await using processes = new Processes();
    const one = await start(processes, One);
    const two = await start(processes, Two);
    await one.client.set('of one', 'key');
    expect(await two.client.get('key')).toBeUndefined();
    expect(two.master.cache.get('key')).toBeUndefined();
    await two.client.set('of two', 'key');
    expect(String(await one.client.call('cached', 'key'))).toBe('of one');

    const both = await Promise.all([texts(one.client.job('foo', jobs(2_000))), texts(two.client.job('foo', jobs(2_000)))]);
    expect(both[0]).toHaveLength(2_000);
    expect(both[0]?.every((text) => text.startsWith('one: same name job '))).toBe(true);
    expect(both[1]?.every((text) => text.startsWith('two: same name job '))).toBe(true);

    expect(String(await one.client.call('onlyOne', ''))).toBe('one');
    expect(String(await two.client.call('onlyTwo', ''))).toBe('two');
    for (const [client, name] of [
      [one.client, 'onlyTwo'],
      [two.client, 'onlyOne'],
    ] as const)
      await expect(client.call(name, '')).rejects.toMatchObject({ code: 'unknown-function', function: name });

    expect(one.master.status()).toMatchObject({ workers: [{ functions: ['foo', 'onlyOne', 'cached'] }], clients: [{}], rejected: {} });
    expect(two.master.status()).toMatchObject({ workers: [{ functions: ['foo', 'onlyTwo'] }], clients: [{}], rejected: {} });
    expect(one.master.status().epoch).not.toBe(two.master.status().epoch);
  });

  it('and the end of one is nothing to the other', async () => {
    await using processes = new Processes();
    const one = await start(processes, One);
    const two = await start(processes, Two);
    const stream = two.client.job('foo', jobs(5_000));
    await stream.next();
    await one.client.close();
    await one.master.stop();
    expect(await collect(stream)).toHaveLength(4_999);
    expect(two.master.status()).toMatchObject({ workers: [{ state: 'joined' }], streams: [] });
  });

  it('a subclass that scatters does not change another master', async () => {
    await using processes = new Processes();
    class Doubling extends Master {
      override *scatter(message: Message): Generator<Message> {
        yield message;
        yield message;
      }
    }
    const doubling = processes.uses(new Doubling({ name: 'doubling', address: await freeAddress(), logger: false }));
    await doubling.start();
    await processes.uses(new One({ name: 'one', address: doubling.address, logger: false })).start();
    const plain = await start(processes, One);
    const client = processes.uses(new Client({ address: doubling.address, logger: false }));
    expect(await collect(client.job('foo', jobs(10)))).toHaveLength(20);
    expect(await collect(plain.client.job('foo', jobs(10)))).toHaveLength(10);
    await expect(client.call('foo', 'x')).rejects.toBeInstanceOf(JobError);
  });

  it.each([1, 100_000])('a subclass may use the %i bytes that it has yielded again, or transfer them', async (bytes) => {
    await using processes = new Processes();
    const scratch = Buffer.alloc(bytes);
    function* letters(message: Message, all: string): Generator<Message> {
      for (const letter of all) {
        scratch.write(letter);
        yield message.with({ payload: scratch });
        const own = new Uint8Array(scratch);
        yield message.with({ payload: own });
        structuredClone(own.buffer, { transfer: [own.buffer] });
      }
    }
    class Spelling extends Master {
      override scatter(message: Message): Generator<Message> {
        return letters(message, 'abc');
      }

      override gather(message: Message): Generator<Message> {
        return letters(message, `${message.payload.toString('latin1', 0, 1)}!`);
      }
    }
    class Same extends One {
      same(message: Buffer): Buffer {
        return message;
      }
    }
    const { client } = await start(processes, Same, Spelling);
    const results = await collect(client.job('same', ['x']));
    expect(
      results
        .map((result) => result.toString('latin1', 0, 1))
        .sort()
        .join(''),
    ).toBe('!!!!!!!!!!!!aaaabbbbcccc');
    expect(new Set(results.map(({ length }) => length))).toEqual(new Set([bytes]));
  });
});
