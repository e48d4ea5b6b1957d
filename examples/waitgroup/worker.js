// @ts-check
// node worker.js NAME [ADDRESS]
import { Worker } from 'gristmill';

class Counter extends Worker {
  /** How many primes there are from one number up to another: '100 200'. */
  primes(message) {
    const [from, to] = message.toString().split(' ').map(Number);
    let count = 0;
    for (let n = Math.max(2, from); n < to; n += 1) if (isPrime(n)) count += 1;
    return String(count);
  }

  /** The sum of numbers: '1 2 3'. */
  sum(message) {
    const numbers = message.toString().split(' ').map(Number);
    return String(numbers.reduce((sum, n) => sum + n, 0));
  }
}

function isPrime(n) {
  for (let divisor = 2; divisor * divisor <= n; divisor += 1) if (n % divisor === 0) return false;
  return true;
}

const [name = 'worker', address = 'tcp://127.0.0.1:5555'] = process.argv.slice(2);
const worker = new Counter({ name, address });
worker.events.on('connected', () => console.log(`${name} is ready`));
await worker.start({ signals: true });
