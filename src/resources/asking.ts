/** What users say of resources, checked where they say it, in the form in which it travels: equal requests are equal bytes. */
import { shown } from '../common/check.ts';
import { BUILTIN } from './builtin.ts';
import type { Kind } from './kind.ts';
import type { AllottedResources, ResourceRequest } from './types.ts';
import { seconds } from './walltime.ts';

type Plain = Readonly<Record<string, unknown>>;

/** Members that say something, by name; the soft limit becomes part of the walltime. */
function members(what: string, value: unknown): Record<string, unknown> {
  if (value === null || typeof value !== 'object' || Array.isArray(value) || ArrayBuffer.isView(value))
    throw new TypeError(`${what}: expected an object such as { cores: 2, memoryGb: 1.5 }, got ${shown(value)}`);
  const { softWalltime, ...rest } = value as ResourceRequest;
  const found = Object.entries(rest).filter(([, amount]) => amount !== undefined);
  const plain: Record<string, unknown> = Object.fromEntries(found.toSorted(([a], [b]) => (a < b ? -1 : 1)));
  if (softWalltime === undefined) return plain;
  if (plain['walltime'] === undefined) throw new TypeError(`${what}.softWalltime: expected a walltime with it, got none`);
  return { ...plain, walltime: [plain['walltime'], softWalltime] };
}

/**
 * Reads what a job asks for. Kinds that are not built in are looked at by the master, which knows them.
 * @returns undefined if it asks for nothing
 * @throws TypeError or RangeError that names the kind, what was expected and the value seen
 */
export function readRequest(what: string, value: unknown): Plain | undefined {
  const plain = members(what, value);
  for (const [name, amount] of Object.entries(plain)) {
    const kind: Kind | undefined = BUILTIN.get(name);
    if (kind === undefined) continue;
    const request = kind.request(amount, `${what}.${name}`);
    if (name === 'token') plain[name] = request;
    if (name === 'walltime') plain[name] = kind.show(request);
  }
  return Object.keys(plain).length === 0 ? undefined : plain;
}

/** Reads what a worker offers. @throws like `readRequest` */
export function readOffer(what: string, value: unknown): Plain {
  const plain = members(what, value);
  for (const [name, amount] of Object.entries(plain)) {
    BUILTIN.get(name)?.offer(amount, `${what}.${name}`, 0);
    if (name === 'walltime') plain[name] = seconds(amount, `${what}.${name}`);
  }
  return plain;
}

/** What a job was given, as its function sees it. */
export function shownAllotment(plain: Plain): AllottedResources {
  const { walltime } = plain;
  if (!Array.isArray(walltime)) return plain;
  const [hard, soft] = walltime as readonly number[];
  return { ...plain, walltime: hard as number, softWalltime: soft as number };
}

/** Short for cores and memory (in GiB): what a whole machine is asked or offered by. */
export function machine(cores: number, memoryGb: number): { cores: number; memoryGb: number } {
  return { cores, memoryGb };
}
