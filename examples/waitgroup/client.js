// @ts-check
// node client.js [ADDRESS]: parallel where nothing depends on each other, sequential where it does.
import { exec1, runCombine, waitgroup } from 'gristmill/combine';

const core = { cores: 1 };

/** Counts primes below a limit: its ten ranges side by side, then their sum. */
async function primesBelow(limit) {
  const counts = await waitgroup((wg) => {
    for (let i = 0; i < 10; i += 1) wg.submit(core, 'primes', `${(i * limit) / 10} ${((i + 1) * limit) / 10}`);
  });
  return await exec1(core, 'sum', counts.join(' '));
}

async function main() {
  console.log(`below 1000: ${String(await primesBelow(1_000))}`);
  const found = new Map();
  await waitgroup((wg) => {
    for (const limit of [10_000, 100_000]) wg.startSubtask(async () => found.set(limit, await primesBelow(limit)));
  });
  for (const limit of [10_000, 100_000]) console.log(`below ${limit}: ${String(found.get(limit))}`);
}

await runCombine(main, { address: process.argv[2] ?? 'tcp://127.0.0.1:5555' });
