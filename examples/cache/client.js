// @ts-check
// node client.js [ADDRESS]
import { Client } from 'gristmill';

async function* messages() {
  for (let i = 0; i < 10; i += 1) yield 'a message';
}

const client = new Client({ address: process.argv[2] ?? 'tcp://127.0.0.1:5555' });
await client.set(' cached data ', 'cached');
console.log(String(await client.get('cached')));
for await (const result of client.job('foo', messages())) console.log(result.toString());
await client.close();
