/**
 * The session as a client or a worker has it (the master's side is master/sessions.ts). Pure: it takes what happened, and pushes
 * instructions for the shell onto the list that it was given.
 *
 *     connected → greet (hello) → welcome → joined: batches flow → disconnected → suspect: batches are kept → connected → …
 */
import { NO_FIELDS, type Fields } from './fields.ts';
import { Drafts } from './drafts.ts';
import type { Hello, Refused, Role, Welcome } from './greetings.ts';
import { type Envelope, type Lane, NO_ID, type WireRecord } from './messages.ts';
import { ACK_BYTES, ACK_EVERY, Inbox, moved, Outbox, SESSION_MOVES, type SessionState } from './session.ts';

/** What the shell does for a session. */
export type PeerInstruction =
  /** Send this hello on the DEALER. */
  | { readonly type: 'greet'; readonly hello: Hello }
  /** Encode and keep under (lane, seq) if seq > 0; send it if `transmit`, else it goes out by a later `resend`. */
  | { readonly type: 'send'; readonly envelope: Envelope; readonly records: readonly WireRecord[]; readonly transmit: boolean }
  /** Send again all that is kept of a lane, from `from` on, in order. Everything before `from` is let go first. */
  | { readonly type: 'resend'; readonly lane: Lane; readonly from: number }
  /** Let go what is kept of a lane up to and with `upTo`. */
  | { readonly type: 'forget'; readonly lane: Lane; readonly upTo: number }
  /** Let go all that is kept, of all lanes. */
  | { readonly type: 'forgetAll' };

/** The list that takes the instructions; it may hold others as well. */
export interface PeerOut {
  push(instruction: PeerInstruction): unknown;
}

export interface PeerOptions {
  readonly role: Role;
  readonly name: string;
  readonly functions?: readonly string[];
  readonly slots?: number;
  /** What a hello says beside, when it is said. */
  readonly fields?: (() => Fields) | undefined;
}

/** How a welcome changed things. `anew`: another session began; what the old one had under way must be said again. */
export type Welcomed = 'first' | 'resumed' | 'anew';

export class Peer {
  readonly control: Drafts = new Drafts();
  readonly reports: Drafts = new Drafts();
  readonly #options: PeerOptions;
  readonly #out: Record<'control' | 'reports', Outbox> = { control: new Outbox(), reports: new Outbox() };
  readonly #in = new Inbox();
  #owedBytes = 0;
  #state: SessionState = 'greeting';
  #greeted = false;
  #epoch = NO_ID;
  #session = 0;
  #token = NO_ID;
  #welcome: Welcome | undefined;

  constructor(options: PeerOptions) {
    this.#options = options;
  }

  get state(): SessionState {
    return this.#state;
  }

  /** A hello is under way, and not answered yet. */
  get greeted(): boolean {
    return this.#greeted;
  }

  /** The master's last welcome. */
  get welcome(): Welcome | undefined {
    return this.#welcome;
  }

  /** How many batches the master has not acknowledged. */
  get kept(): number {
    return this.#out.control.kept + this.#out.reports.kept;
  }

  /** The number of the last batch of reports. */
  get reported(): number {
    return this.#out.reports.acknowledged + this.#out.reports.kept;
  }

  /** Whether the master has not acknowledged all reports up to this one, or something else that was said. */
  owes(upTo: number): boolean {
    return !this.control.empty || this.#out.control.kept > 0 || this.#out.reports.acknowledged < upTo;
  }

  #move(move: 'welcome' | 'lose' | 'end'): void {
    this.#state = moved(SESSION_MOVES, 'session', this.#state, move);
  }

  /** The DEALER stands (again), or the master asked who we are. */
  greet(out: PeerOut): void {
    if (this.#state === 'ended') return;
    this.#greeted = true;
    const { role, name, functions = [], slots = 0, fields } = this.#options;
    const session = { epoch: this.#epoch, session: this.#session, token: this.#token, seen: this.#in.seen };
    out.push({ type: 'greet', hello: { type: 'hello', role, name, ...session, functions, slots, fields: fields?.() ?? NO_FIELDS } });
  }

  /** The DEALER is gone. */
  disconnected(): void {
    this.#greeted = false;
    if (this.#state !== 'ended') this.#move('lose');
  }

  /** A message that the master could not place: it asks for a hello. One is enough until it is answered. */
  resync(out: PeerOut): void {
    if (!this.#greeted) this.greet(out);
  }

  /** The PUSH connection for reports stands (again): what was sent before may be lost, and is sent again. */
  reportsConnected(out: PeerOut): void {
    if (this.#state === 'joined' && this.#out.reports.kept > 0)
      out.push({ type: 'resend', lane: 'reports', from: this.#out.reports.acknowledged + 1 });
  }

  /** The master refused; the session is over if it will never be otherwise. */
  refused(refused: Refused): void {
    this.#greeted = false;
    if (refused.code !== 'closing' && this.#state !== 'ended') this.#move('end');
  }

  welcomed(welcome: Welcome, out: PeerOut): Welcomed | undefined {
    if (this.#state === 'ended') return undefined;
    const first = this.#welcome === undefined;
    const same = welcome.epoch === this.#epoch && welcome.session === this.#session && welcome.token === this.#token;
    const resumed =
      welcome.resumed && same && this.#out.control.plausible(welcome.seen) && this.#out.reports.plausible(welcome.reportsSeen);
    this.#greeted = false;
    this.#welcome = welcome;
    this.#move('welcome');
    if (resumed) {
      this.#acknowledge('control', welcome.seen, out);
      this.#acknowledge('reports', welcome.reportsSeen, out);
      for (const lane of ['control', 'reports'] as const) {
        if (this.#out[lane].kept > 0) out.push({ type: 'resend', lane, from: this.#out[lane].acknowledged + 1 });
      }
      return 'resumed';
    }
    this.#epoch = welcome.epoch;
    this.#session = welcome.session;
    this.#token = welcome.token;
    this.#out.control.reset();
    this.#out.reports.reset();
    this.#in.reset();
    this.#owedBytes = 0;
    this.control.take();
    this.reports.take();
    out.push({ type: 'forgetAll' });
    return first ? 'first' : 'anew';
  }

  /**
   * A batch came on the control lane. Returns whether its records are to be handled: not if it is of another session, a duplicate, or
   * behind a gap (then the master is asked to go on from where we are).
   */
  receive(envelope: Envelope, payloadBytes: number, out: PeerOut): boolean {
    if (this.#state !== 'joined' || envelope.session !== this.#session || envelope.token !== this.#token || envelope.epoch !== this.#epoch)
      return false;
    this.#acknowledge('control', envelope.ack, out);
    this.#acknowledge('reports', envelope.reportsAck, out);
    if (envelope.seq === 0) return false;
    const verdict = this.#in.receive(envelope.seq);
    if (verdict === 'gap') this.resync(out);
    if (verdict === 'fresh') this.#owedBytes += payloadBytes;
    return verdict === 'fresh';
  }

  /** Whether a batch that came by PUSH is of the master's present life. */
  ofThisEpoch(envelope: Envelope): boolean {
    return this.#state === 'joined' && envelope.epoch === this.#epoch;
  }

  /** Sends what has gathered, with the acknowledgements that are owed; alone only when many are. */
  flush(out: PeerOut): void {
    if (this.#state === 'ended' || this.#welcome === undefined) return;
    for (const lane of ['control', 'reports'] as const) {
      for (const records of this[lane].take()) {
        out.push({ type: 'send', envelope: this.#envelope(lane, this.#out[lane].next()), records, transmit: this.#state === 'joined' });
      }
    }
    if (this.#state === 'joined' && (this.#in.owed >= ACK_EVERY || this.#owedBytes >= ACK_BYTES)) this.heartbeat(out);
  }

  /** An empty batch: acknowledges, and says that we live. */
  heartbeat(out: PeerOut): void {
    if (this.#state === 'joined') out.push({ type: 'send', envelope: this.#envelope('control', 0), records: [], transmit: true });
  }

  /** The session is over: nothing is sent any more. */
  end(): void {
    if (this.#state !== 'ended') this.#move('end');
  }

  #envelope(lane: Lane, seq: number): Envelope {
    this.#owedBytes = 0;
    return { lane, epoch: this.#epoch, session: this.#session, token: this.#token, seq, ack: this.#in.tell(), reportsAck: 0 };
  }

  #acknowledge(lane: 'control' | 'reports', seq: number, out: PeerOut): void {
    if (this.#out[lane].acknowledge(seq)) out.push({ type: 'forget', lane, upTo: seq });
  }
}
