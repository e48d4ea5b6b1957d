/** Names that nobody else has. */

const MASK = 2 ** 24 - 1;

let made = 0;

/**
 * Twelve hexadecimal digits by which peers are told apart; no secret (node:crypto takes 5 ms to load). Besides chance, which a program may
 * have seeded, they depend on the process and the time.
 */
export function unique(): string {
  made += 1;
  return hex(draw() ^ process.pid) + hex(draw() ^ made ^ Number(process.hrtime.bigint() & BigInt(MASK)));
}

function draw(): number {
  return Math.floor(Math.random() * (MASK + 1));
}

function hex(number: number): string {
  return (number & MASK).toString(16).padStart(6, '0');
}
