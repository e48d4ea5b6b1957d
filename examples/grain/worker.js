// @ts-check
// node worker.js NAME [ADDRESS]: offers four cores, or as many as CORES says, even where the machine has fewer.
import { Worker } from 'gristmill';

class Compressor extends Worker {
  gzip(bytes, job) {
    return compress(job, 'gzip', ['-9', '-c'], bytes);
  }

  bzip2(bytes, job) {
    return compress(job, 'bzip2', ['-9', '-c'], bytes);
  }

  xz(bytes, job) {
    return compress(job, 'xz', ['-9', '-c', `-T${job.resources.cores.length}`], bytes);
  }
}

/** First a line that tells which cores the program ran on, then what it wrote. Nothing at all where there is no such program. */
async function compress(job, program, args, input) {
  try {
    const { stdout, stderr, status } = await job.execFile(program, args, { input });
    if (status !== 0) throw new Error(`${program}: ${stderr}`);
    return Buffer.concat([Buffer.from(`${job.resources.cores.join()}\n`), stdout]);
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT') return undefined;
    throw error;
  }
}

const [name = 'worker', address = 'tcp://127.0.0.1:5555'] = process.argv.slice(2);
const cores = Array.from({ length: Number(process.env.CORES ?? 4) }, (_, core) => core);
const worker = new Compressor({ name, address, resources: { cores } });
worker.events.on('connected', () => console.log(`${name} is ready`));
await worker.start({ signals: true });
