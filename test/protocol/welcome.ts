/** The welcome to a first session, for tests that play a master by hand: they change of it what matters to them. */
import type { Welcome } from '../../src/protocol/greetings.ts';
import { MAX_MESSAGE_BYTES } from '../../src/protocol/limits.ts';

export const EPOCH = '00000000000000e1';
export const TOKEN = '00000000000000aa';

export const WELCOME: Welcome = {
  type: 'welcome',
  master: 'm',
  epoch: EPOCH,
  session: 1,
  token: TOKEN,
  seen: 0,
  reportsSeen: 0,
  resumed: false,
  pushAt: '',
  pullAt: '',
  heartbeatMs: 0,
  maxMessageBytes: MAX_MESSAGE_BYTES,
  fields: [],
};
