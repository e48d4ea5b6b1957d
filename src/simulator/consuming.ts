/** What client and worker processes have in common: readers by stream, and the consumer's instructions. (Production: streams/caller.ts.) */
import type { ConsumerEvent, ConsumerInstruction } from '../streams/events.ts';
import type { CacheCalls } from './cache_calls.ts';
import type { SymbolicStore } from './payloads.ts';
import type { Reader } from './reader.ts';

/** Carries it out. Returns events to feed behind those that are being fed. */
export function consume(
  instruction: ConsumerInstruction,
  readers: ReadonlyMap<number, Reader>,
  store: SymbolicStore,
  calls: CacheCalls,
): readonly ConsumerEvent[] {
  if (instruction.type === 'release') return release(store, instruction.slots);
  if (instruction.type === 'answer') {
    calls.answer(instruction);
    return [];
  }
  const reader = readers.get(instruction.stream);
  switch (instruction.type) {
    case 'pull':
      return reader?.pull(instruction.jobs, instruction.bytes) ?? [];
    case 'deliver':
      if (reader === undefined) return release(store, instruction.slots);
      reader.deliver(instruction);
      return [];
    case 'ended':
      reader?.ended(instruction.early);
      return [];
    case 'failed':
      reader?.failed();
      return [];
    case 'notice':
    case 'givenUp':
      return [];
    default:
      return instruction satisfies never;
  }
}

function release(store: SymbolicStore, slots: readonly number[]): readonly ConsumerEvent[] {
  for (const slot of slots) if (slot >= 0) store.release(slot);
  return [];
}
