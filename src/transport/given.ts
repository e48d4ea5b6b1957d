/** The option `transport`. */
import { shown } from '../common/check.ts';
import type { Transport } from './transport.ts';

const METHODS = ['bindRouter', 'bindPull', 'bindPush', 'dialDealer', 'dialPull', 'dialPush'] as const;

/** @throws TypeError that names the option, what was expected and the value seen */
export function checkTransport(option: string, value: unknown): Transport | undefined {
  if (value === undefined) return undefined;
  const methods = value as Partial<Record<string, unknown>> | null;
  if (methods === null || typeof methods !== 'object' || METHODS.some((name) => typeof methods[name] !== 'function'))
    throw new TypeError(`${option}: expected a Transport, which has ${METHODS.join(', ')}, got ${shown(value)}`);
  return value as Transport;
}
