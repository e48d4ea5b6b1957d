/** A client and a fake master in a network of their own. */
import { Client, type ClientOptions } from '../../src/client/client.ts';
import { MemoryNetwork } from '../../src/transport/memory.ts';
import { FakeMaster, type FakeOptions } from './fake_master.ts';

export const ADDRESS = 'memory://master';

export interface World extends AsyncDisposable {
  readonly network: MemoryNetwork;
  readonly master: FakeMaster;
  readonly client: Client;
}

export async function world(fake: Omit<FakeOptions, 'transport'> = {}, options: Partial<ClientOptions> = {}): Promise<World> {
  const network = new MemoryNetwork();
  const master = await FakeMaster.start({ transport: network.transport(), ...fake });
  const client = new Client({ address: ADDRESS, transport: network.transport(), logger: false, ...options });
  const end = async (): Promise<void> => {
    await client.close();
    await master.stop();
  };
  return { network, master, client, [Symbol.asyncDispose]: end };
}

export async function all<T>(results: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const result of results) list.push(result);
  return list;
}

export async function texts(results: AsyncIterable<Buffer>): Promise<string[]> {
  return (await all(results)).map(String);
}

export async function* numbers(count: number): AsyncGenerator<string> {
  for (let i = 0; i < count; i += 1) yield String(i);
}
