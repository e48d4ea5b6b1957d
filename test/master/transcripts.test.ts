import { readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { MasterConfig } from '../../src/master/core.ts';
import { MasterState } from '../../src/master/state.ts';
import { roundRobin } from '../../src/scheduling/round_robin.ts';
import { type Happening, playTranscript } from '../streams/transcript.ts';
import { type Played, World } from './world.ts';

const FOLDER = new URL('transcripts/', import.meta.url);

/** What a line of a scenario does; every peer goes by its name. */
function happens(world: World, what: Happening): void {
  const player = world.players.find((one) => one.name === what['peer']) as Played;
  switch (what.type) {
    case 'worker':
      return void world.worker(String(what['name']), (what['functions'] as string[] | undefined) ?? ['foo'], Number(what['slots'] ?? 1));
    case 'client':
      return void world.client(String(what['name']));
    case 'open':
      return world.open(player, 1, what as object);
    case 'jobs':
      return world.jobs(player, Number(what['count']), { name: (what['function'] as string | undefined) ?? 'foo' });
    case 'finish':
      return world.finish(player, [world.parts(player).at(Number(what['at'] ?? -1))?.key as number], {
        micros: Number(what['micros'] ?? 10),
      });
    case 'lose':
      return void world.lose(player);
    case 'back':
      return void world.comeBack(player, what['role'] as 'worker' | 'client');
    case 'say':
      return world.say(player, what['record'] as never);
    case 'report':
      return world.report(player, what['record'] as never);
    case 'flush':
      return world.flush();
    case 'pass':
      return world.pass(Number(what['ms']));
    case 'pushPeers':
      return void world.feed({ type: 'pushPeers', count: Number(what['count']), strangers: Number(what['strangers'] ?? 0) });
    case 'stop':
      return void world.feed({ type: 'stop', deadlineMs: 10_000, now: world.now });
    default:
      throw new Error(`no such happening: ${what.type}`);
  }
}

it.each(readdirSync(FOLDER))('%s tells what a master does', (file) => {
  const config: Partial<MasterConfig> = file.startsWith('push') ? { policy: roundRobin() } : {};
  const world = new World(config);
  const { told, written } = playTranscript(new URL(file, FOLDER), (what) => {
    const before = world.log.length;
    happens(world, what);
    return world.log.slice(before).flatMap((step) => step.instructions);
  });
  expect(told).toBe(written);
  const again = new MasterState(world.config);
  for (const { event, instructions } of world.log) expect(again.handle(event)).toEqual(instructions);
});
