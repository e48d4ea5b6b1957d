import { describe, expect, it } from 'vitest';
import { onSignals, shared } from '../../src/common/signals.ts';

describe('signals', () => {
  it('have one handler for all roles of a process, which goes with the last of them', () => {
    const before = process.listenerCount('SIGTERM');
    const heard: number[] = [];
    const uninstall = Array.from({ length: 20 }, (_, i) => onSignals(() => heard.push(i)));
    expect(process.listenerCount('SIGTERM')).toBe(before + 1);
    expect(process.listenerCount('SIGINT')).toBe(before + 1);
    uninstall[0]?.();
    uninstall[0]?.();
    process.emit('SIGTERM');
    expect(heard).toEqual(Array.from({ length: 19 }, (_, i) => i + 1));
    for (const stop of uninstall) stop();
    expect(process.listenerCount('SIGTERM')).toBe(before);
  });
});

it('a signal that many share makes Node warn of no leak', async () => {
  const warnings: Error[] = [];
  const heard = (warning: Error): number => warnings.push(warning);
  process.on('warning', heard);
  const [few, many] = [new AbortController().signal, new AbortController().signal];
  for (const signal of [few, shared(many)]) for (let i = 0; i < 11; i += 1) signal.addEventListener('abort', () => i);
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
  process.off('warning', heard);
  expect(warnings).toMatchObject([{ name: 'MaxListenersExceededWarning', target: few }]);
  expect(shared(undefined)).toBeUndefined();
});
