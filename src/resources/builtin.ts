/** The kinds that every master knows. */
import { capacity } from './capacity.ts';
import { cores } from './cores.ts';
import type { Kind } from './kind.ts';
import { memoryGb } from './memory.ts';
import { token } from './token.ts';
import { walltime } from './walltime.ts';

export const BUILTIN: ReadonlyMap<string, Kind> = new Map<string, Kind>(Object.entries({ cores, memoryGb, walltime, token, capacity }));
