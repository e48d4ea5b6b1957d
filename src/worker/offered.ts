/** What a worker offers where its options say nothing: the cores and the memory that this process may use. */
import { builtin } from '../common/builtin.ts';
import { checkFields, toFields } from '../protocol/fields.ts';
import { readOffer } from '../resources/asking.ts';

const GIB = 2 ** 30;

/** A file of the kernel, or undefined where there is no such thing. */
function read(path: string): string | undefined {
  try {
    return builtin('fs').readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}

/** Numbers of a list such as '0-3,8'. */
function numbers(list: string): number[] {
  return list.split(',').flatMap((range) => {
    const [first = '', last = first] = range.split('-');
    return Array.from({ length: Number(last) - Number(first) + 1 }, (_, i) => Number(first) + i);
  });
}

/** Cores by affinity, no more than the time that the control group grants. */
function ownCores(): number[] {
  const allowed = /^Cpus_allowed_list:\s*(\S+)$/m.exec(read('/proc/self/status') ?? '')?.[1];
  const cores = allowed === undefined ? Array.from({ length: builtin('os').availableParallelism() }, (_, core) => core) : numbers(allowed);
  const [quota, period] = (read('/sys/fs/cgroup/cpu.max') ?? '').split(' ').map(Number);
  const granted =
    Number.isFinite(quota) && Number.isFinite(period) ? Math.max(1, Math.floor((quota as number) / (period as number))) : Infinity;
  return cores.slice(0, Math.min(granted, Math.max(1, builtin('os').availableParallelism())));
}

function ownMemoryGb(): number {
  const limit = process.constrainedMemory();
  // Where there is no limit it is a huge number.
  return (limit > 0 && limit < builtin('os').totalmem() ? limit : builtin('os').totalmem()) / GIB;
}

/**
 * Reads the option `resources` of a worker. As many cores as a number says are the first that the process may use, if it may use so many.
 * @throws TypeError or RangeError that names the kind, what was expected and the value seen
 */
export function offered(what: string, value: unknown = {}): Readonly<Record<string, unknown>> {
  const given = readOffer(what, value);
  const { cores = ownCores(), memoryGb = ownMemoryGb(), ...rest } = given;
  const own = typeof cores === 'number' ? ownCores() : [];
  const offer = { ...rest, memoryGb, cores: typeof cores === 'number' && cores <= own.length ? own.slice(0, cores) : cores };
  checkFields(what, toFields({ resources: offer }));
  return offer;
}
