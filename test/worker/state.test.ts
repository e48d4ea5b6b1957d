import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { WorkerState } from '../../src/worker/state.ts';
import { History } from '../../src/machine/history.ts';
import { aboutParts } from '../../src/worker/story.ts';
import type { WorkerEvent } from '../../src/worker/events.ts';
import type { WorkerInstruction } from '../../src/worker/instructions.ts';
import { playTranscript } from '../streams/transcript.ts';
import { Scripted } from './scripted.ts';

const folder = new URL('transcripts/', import.meta.url);
const scenarios = readdirSync(folder).map((file) => file.replace('.txt', '').replaceAll('_', ' '));

describe('a worker, as a state machine', () => {
  it.each(scenarios)('%s', (name) => {
    const worker = new Scripted();
    const file = new URL(`${name.replaceAll(' ', '_')}.txt`, folder);
    const { told, written } = playTranscript(file, (what) => worker.play(what));
    expect(told).toBe(written);
  });

  it('replays its history to identical instructions', () => {
    const worker = scenario();
    const again = new WorkerState({ name: 'w', functions: ['foo'], slots: 1, maxParked: 64 });
    expect(worker.events.map((event) => again.handle(event))).toEqual(worker.instructions);
  });

  it('tells the story of a part, and of a job, and leaves the others out', () => {
    const worker = scenario();
    const history = new History<WorkerEvent, WorkerInstruction>(Infinity);
    worker.events.forEach((event, at) => history.record(event, worker.instructions[at] as WorkerInstruction[]));
    const story = history.story(aboutParts(history.entries(), 12));
    expect(story.map((line) => /"type":"(\w+)"/.exec(line)?.[1])).toEqual(['batch', 'turn', 'run', 'turn', 'run', 'ran', 'flush', 'send']);
    expect(history.story(aboutParts(history.entries(), { stream: 'c/1', job: 1 }))).toEqual(story);
    expect(history.story(aboutParts(history.entries(), { stream: 'other', job: 1 }))).toEqual([]);
  });

  it('asks to be woken when something is due, and not twice for the same time', () => {
    const worker = new WorkerState({ name: 'w', functions: ['foo'], slots: 1, maxParked: 64 });
    const wakes = (event: WorkerEvent): number[] => worker.handle(event).flatMap((one) => (one.type === 'wakeAt' ? [one.atMs] : []));
    expect(wakes({ type: 'start', now: 10 })).toEqual([1_010]);
    expect(wakes({ type: 'flush', now: 20 })).toEqual([]);
    expect(wakes({ type: 'wake', now: 1_010 })).toEqual([Infinity]);
  });
});

/** Two parts, the one after the other. */
function scenario(): Scripted {
  const worker = new Scripted();
  worker.play({ type: 'start' });
  worker.play({ type: 'connected' });
  worker.play({ type: 'welcome' });
  worker.play({ type: 'parts', keys: [11, 12] });
  worker.play({ type: 'turn' });
  worker.play({ type: 'ran', begun: 1, locals: [0], indexes: [0], flags: [3], slots: [50], lengths: [2] });
  worker.play({ type: 'flush' });
  worker.play({ type: 'turn' });
  worker.play({ type: 'ran', begun: 1, locals: [1], indexes: [0], flags: [3], slots: [51], lengths: [2] });
  worker.play({ type: 'flush' });
  return worker;
}
