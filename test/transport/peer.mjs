// A peer in its own process, on bare zeromq.js: says hello, then echoes, until it is killed.
import { Dealer } from 'zeromq';

const dealer = new Dealer({ linger: 0 });
dealer.connect(String(process.argv[2]));
await dealer.send('hello');
for await (const [message] of dealer) await dealer.send(`echo ${String(message)}`);
