/** Names that nobody else has. */

const DRAWS = 2 ** 24;

/** Twelve hexadecimal digits: enough for peers to tell each other apart, and no secret. (What makes secrets takes 5 ms to load.) */
export function unique(): string {
  return draw() + draw();
}

function draw(): string {
  return Math.floor(Math.random() * DRAWS)
    .toString(16)
    .padStart(6, '0');
}
