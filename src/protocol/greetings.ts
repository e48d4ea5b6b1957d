/**
 * The four messages that make a session. They carry no sequence.
 *
 *     1 hello    up    role name epoch session token seen functions slots listens fields
 *     2 welcome  down  master epoch session token seen reportsSeen resumed pushAt pullAt heartbeatMs maxMessageBytes results fields
 *     3 resync   down  [master] (say hello again)
 *     4 refused  down  code text
 *
 * A hello names the session that its sender would go on with, and how far it has read that session's control lane. The welcome says
 * whether the session goes on (`resumed`), and how far the master has read; both then send again what the other has not. A master that
 * dials a worker asks for the hello, and says of which life it is.
 */
import { Malformed, type Reader } from './bytes.ts';
import type { Writer } from './writer.ts';
import { type Fields, readFields, writeFields } from './fields.ts';

/** @internal */
export const ROLES = ['client', 'worker', 'instance'] as const;
/** 'instance': a specialized worker, which runs no parts itself: the head runs them beside its client. */
export type Role = (typeof ROLES)[number];

export interface Hello {
  readonly type: 'hello';
  readonly role: Role;
  readonly name: string;
  readonly epoch: string;
  readonly session: number;
  readonly token: string;
  readonly seen: number;
  readonly functions: readonly string[];
  /** How many parts the worker runs at a time; 0 for a client. */
  readonly slots: number;
  readonly fields: Fields;
}

export interface Welcome {
  readonly type: 'welcome';
  readonly master: string;
  readonly epoch: string;
  readonly session: number;
  readonly token: string;
  /** How far the master has read the peer's control lane and reports lane. */
  readonly seen: number;
  readonly reportsSeen: number;
  readonly resumed: boolean;
  /** Where the PUSH and PULL sockets are: a port, or the suffix of an ipc path. Empty: not for you. */
  readonly pushAt: string;
  readonly pullAt: string;
  /** How often a peer must be heard where the transport does not report lost peers; 0: no need. */
  readonly heartbeatMs: number;
  readonly maxMessageBytes: number;
  readonly fields: Fields;
}

interface Resync {
  readonly type: 'resync';
  /** The epoch of a master that has dialled. */
  readonly master?: string;
}

/** @internal */
export const REFUSALS = ['version', 'role', 'functions', 'closing', 'full'] as const;
export type Refusal = (typeof REFUSALS)[number];

export interface Refused {
  readonly type: 'refused';
  readonly code: Refusal;
  readonly text: string;
}

export type Greeting = Hello | Welcome | Resync | Refused;

/** As users may choose them: at most so many bytes, and characters. */
const MAX_NAME = 1_024;

export function writeGreeting(writer: Writer, greeting: Greeting): void {
  switch (greeting.type) {
    case 'hello':
      writer.u8(1);
      writer.u8(ROLES.indexOf(greeting.role));
      writer.string(greeting.name);
      writer.id(greeting.epoch);
      writer.int(greeting.session);
      writer.id(greeting.token);
      writer.int(greeting.seen);
      writer.strings(greeting.functions);
      writer.int(greeting.slots);
      writeFields(writer, greeting.fields);
      return;
    case 'welcome':
      writer.u8(2);
      writer.string(greeting.master);
      writer.id(greeting.epoch);
      writer.int(greeting.session);
      writer.id(greeting.token);
      writer.int(greeting.seen);
      writer.int(greeting.reportsSeen);
      writer.u8(greeting.resumed ? 1 : 0);
      writer.string(greeting.pushAt);
      writer.string(greeting.pullAt);
      writer.int(greeting.heartbeatMs);
      writer.int(greeting.maxMessageBytes);
      writeFields(writer, greeting.fields);
      return;
    case 'resync':
      writer.u8(3);
      if (greeting.master !== undefined) writer.id(greeting.master);
      return;
    case 'refused':
      writer.u8(4);
      writer.u8(REFUSALS.indexOf(greeting.code));
      writer.string(greeting.text);
  }
}

/** Reads the greeting of a type from 1 to 4. */
export function readGreeting(type: number, reader: Reader, frames: number): Greeting {
  if (frames !== 1) throw new Malformed('frames follow a greeting');
  const greeting =
    type === 1 ? readHello(reader) : type === 2 ? readWelcome(reader) : type === 3 ? readResync(reader) : readRefused(reader);
  reader.end();
  return greeting;
}

/** It stands in all parts of its streams. */
function readName(reader: Reader): string {
  const name = reader.string();
  if (name.length > MAX_NAME) throw new Malformed('a name is too long');
  return name;
}

function readHello(reader: Reader): Hello {
  return {
    type: 'hello',
    role: ROLES[reader.choice(ROLES.length, 'role')] as Role,
    name: readName(reader),
    epoch: reader.id(),
    session: reader.int(),
    token: reader.id(),
    seen: reader.int(),
    functions: reader.strings(),
    slots: reader.int(),
    fields: readFields(reader),
  };
}

function readWelcome(reader: Reader): Welcome {
  return {
    type: 'welcome',
    master: reader.string(),
    epoch: reader.id(),
    session: reader.int(),
    token: reader.id(),
    seen: reader.int(),
    reportsSeen: reader.int(),
    resumed: reader.choice(2, 'flag') === 1,
    pushAt: reader.string(),
    pullAt: reader.string(),
    heartbeatMs: reader.int(),
    maxMessageBytes: reader.int(),
    fields: readFields(reader),
  };
}

function readResync(reader: Reader): Resync {
  return reader.left === 0 ? { type: 'resync' } : { type: 'resync', master: reader.id() };
}

function readRefused(reader: Reader): Refused {
  return { type: 'refused', code: REFUSALS[reader.choice(REFUSALS.length, 'refusal')] as Refusal, text: reader.string() };
}
