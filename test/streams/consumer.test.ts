import { describe, expect, it } from 'vitest';
import type { WireRecord } from '../../src/protocol/messages.ts';
import { Drafts } from '../../src/protocol/drafts.ts';
import { type ConsumerEvent, type ConsumerInstruction, type ConsumerRecord, isConsumerEvent } from '../../src/streams/events.ts';
import { RESULT_WINDOW } from '../../src/protocol/limits.ts';
import { Consumer } from '../../src/streams/consumer.ts';
import { type Happening, playTranscript } from './transcript.ts';

const DEFAULTS: Readonly<Record<string, object>> = {
  begin: { id: 'c/1', ordered: false, parent: 0, messages: 0, fields: [] },
  pulled: { functions: ['foo'], which: [], fields: [], source: 'open' },
  ask: { key: '', slot: -1, length: 0 },
  reply: { outcome: 'done', text: '', slot: -1, length: 0 },
};

function player(): (what: Happening) => readonly object[] {
  const consumer = new Consumer();
  return (what) => {
    const out: ConsumerInstruction[] = [];
    const { type, ...rest } = { ...DEFAULTS[what.type], ...what };
    if (type === 'write') return written(consumer);
    if (type === 'restate') consumer.restate(out);
    else if (type === 'close') consumer.close(out);
    else if (isConsumerEvent({ type })) consumer.handle({ type, ...rest } as unknown as ConsumerEvent, out);
    else consumer.receive({ kind: type, ...rest } as unknown as ConsumerRecord, out);
    return out;
  };
}

function written(consumer: Consumer): WireRecord[] {
  const drafts = new Drafts();
  consumer.write(drafts);
  return drafts.take().flat();
}

describe('the consumer, as a transcript:', () => {
  it.each([
    'a stream begins, is fed by credit, and ends by itself',
    'another master is told everything again, and nothing is delivered twice',
    'a replay that tells another story fails its job',
    'results in order',
    'credit for results',
    'leaving, failing, and stopping after so many messages',
    'one job is cancelled by its owner',
    'calls to the cache',
  ])('%s', (name) => {
    const { told, written } = playTranscript(new URL(`transcripts/${name.replaceAll(/[ ,]+/g, '_')}.txt`, import.meta.url), player());
    expect(told).toBe(written);
  });
});

describe('the consumer', () => {
  it('refuses jobs that come out of turn, as a bug of ours', () => {
    const play = player();
    play({ type: 'begin', stream: 1 });
    expect(() => play({ type: 'pulled', stream: 1, first: 1, slots: [1], lengths: [1] })).toThrow('assertion');
  });

  it('does not pull on a source that gives cancelled jobs faster than the user looks at them', () => {
    const play = player();
    const pulls = (came: readonly object[]): number[] =>
      came.flatMap((one) => ('type' in one && one.type === 'pull' ? [(one as object as { jobs: number }).jobs] : []));
    let given = 0;
    let [wanted = 0] = pulls(play({ type: 'begin', stream: 1 }));
    while (given < wanted && given < 100_000) {
      const slots = Array.from({ length: wanted - given }, (_, i) => given + i);
      play({ type: 'pulled', stream: 1, first: given, slots, lengths: slots.map(() => 1) });
      given = wanted;
      [wanted = given] = pulls(play({ type: 'dropped', stream: 1, jobs: slots, shown: true }));
    }
    expect(given).toBe(RESULT_WINDOW);
    expect(pulls(play({ type: 'taken', stream: 1, results: 1, bytes: 0 }))).toEqual([given + 64]);
  });

  it('knows no stream that is over: what comes for it is let go', () => {
    const play = player();
    expect(play({ type: 'pulled', stream: 1, first: 0, slots: [1, 2], lengths: [1, 1] })).toEqual([{ type: 'release', slots: [1, 2] }]);
    expect(play({ type: 'taken', stream: 1, results: 1, bytes: 1 })).toEqual([]);
    expect(play({ type: 'leave', stream: 1 })).toEqual([]);
  });
});
