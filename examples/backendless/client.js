// @ts-check
// node client.js [ADDRESS]
import { Client } from 'gristmill';

const client = new Client({ address: process.argv[2] ?? 'tcp://127.0.0.1:5555' });
const words = ['a message', 'another', 'and a last one'];
for await (const result of client.job('upper', words, { resources: { capacity: 1 }, ordered: true })) console.log(result.toString());
await client.close();
