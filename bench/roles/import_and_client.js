// @ts-check
/** What the import leaves for the first client, worker or master: ZeroMQ. */
import { Client } from 'gristmill';

await new Client({ address: 'tcp://127.0.0.1:9', logger: false }).close();
