// @ts-check
// node client.js [ADDRESS]
import { Client } from 'gristmill';

const client = new Client({ address: process.argv[2] ?? 'tcp://127.0.0.1:5555' });
const lists = Array.from({ length: 10 }, (_, i) => `${i + 3} ${i + 1} ${i + 2}`);
for await (const result of client.job('sort', lists, { resources: { cores: 1 } })) console.log(result.toString());
await client.close();
