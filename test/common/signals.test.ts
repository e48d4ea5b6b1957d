import { describe, expect, it } from 'vitest';
import { onSignals } from '../../src/common/signals.ts';

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
