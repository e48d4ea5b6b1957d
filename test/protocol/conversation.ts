/**
 * A `Peer` and a small honest master over three lines that lose whatever had not arrived when they are cut: up and down (one
 * connection), and reports (another, whose loss the peer may notice late). Each says numbers; who hears them writes them down.
 */
import { Kept } from '../../src/protocol/kept.ts';
import type { Hello, Welcome } from '../../src/protocol/greetings.ts';
import { type Envelope, NO_ID, type WireRecord } from '../../src/protocol/messages.ts';
import { Peer, type PeerInstruction } from '../../src/protocol/peer.ts';
import { Inbox, Outbox } from '../../src/protocol/session.ts';

export type Step =
  | { readonly type: 'say' | 'report' | 'answer' | 'up' | 'down' | 'reports'; readonly count: number }
  | { readonly type: 'cut' | 'cutReports'; readonly arrives: number }
  | { readonly type: 'flushPeer' | 'flushMaster' | 'connect' | 'connectReports' | 'noticeLoss' };

type Batch = { readonly type: 'batch'; readonly envelope: Envelope; readonly records: readonly WireRecord[] };
type Wire = Hello | Welcome | { readonly type: 'resync' } | Batch;
type Lane = 'control' | 'reports' | 'answers';

const MASTER = { epoch: '00000000000000e1', session: 5, token: '00000000000000aa' };

function frames(batch: Batch): Uint8Array[] {
  return [Buffer.from(JSON.stringify(batch))];
}

function unframed(kept: Uint8Array[]): Batch {
  return JSON.parse(Buffer.concat(kept).toString()) as Batch;
}

function numbers(records: readonly WireRecord[]): number[] {
  return records.map((record) => (record.kind === 'lent' ? record.count : -1));
}

export class Conversation {
  readonly said: Record<Lane, number[]> = { control: [], reports: [], answers: [] };
  readonly heard: Record<Lane, number[]> = { control: [], reports: [], answers: [] };
  duplicates = 0;
  gaps = 0;
  resyncs = 0;
  resent = 0;
  resumed = 0;
  readonly #peer = new Peer({ role: 'worker', name: 'w' });
  readonly #peerKept = new Kept();
  readonly #masterKept = new Kept();
  readonly #out = new Outbox();
  readonly #in = { control: new Inbox(), reports: new Inbox() };
  #answers: number[] = [];
  #begun = false;
  #joined = false;
  #asked = false;
  #connected = false;
  #lines: { up: Wire[]; down: Wire[]; reports: Wire[] } = { up: [], down: [], reports: [] };

  /** Batches that either side keeps for the other. */
  get kept(): number {
    return this.#peer.kept + this.#out.kept;
  }

  step(step: Step): void {
    switch (step.type) {
      case 'say':
        return this.#draft('control', step.count);
      case 'report':
        return this.#draft('reports', step.count);
      case 'answer':
        for (let i = 0; i < step.count; i += 1) this.#answers.push(this.said.answers.push(this.said.answers.length) - 1);
        return;
      case 'up':
      case 'down':
      case 'reports':
        return this.#deliver(step.type, step.count);
      case 'cut':
        this.#cut('up', step.arrives);
        this.#cut('down', step.arrives);
        return this.#disconnect();
      case 'cutReports':
        return this.#cut('reports', step.arrives);
      case 'flushPeer':
        return this.#tell((out) => this.#peer.flush(out));
      case 'flushMaster':
        return this.#flushMaster();
      case 'connect':
        return this.#connect();
      case 'noticeLoss':
      case 'connectReports':
        return this.#tell((out) => this.#peer.reportsConnected(out));
    }
  }

  /** Nothing is lost any more: everything comes to rest. */
  settle(): void {
    this.step({ type: 'connect' });
    this.step({ type: 'connectReports' });
    for (let round = 0; round < 6; round += 1) {
      for (const line of ['up', 'reports', 'down'] as const) this.#deliver(line, Infinity);
      this.#tell((out) => this.#peer.flush(out));
      this.#tell((out) => this.#peer.heartbeat(out));
      this.#flushMaster();
      this.#heartbeat();
    }
  }

  #draft(lane: 'control' | 'reports', count: number): void {
    // What was said before the first welcome is dropped: the machines above say it then.
    if (this.#peer.welcome === undefined) return;
    for (let i = 0; i < count; i += 1) {
      const number = this.said[lane].push(this.said[lane].length) - 1;
      this.#peer[lane].add({ kind: 'lent', count: number });
    }
  }

  #connect(): void {
    if (this.#connected) return;
    this.#connected = true;
    this.#tell((out) => this.#peer.greet(out));
  }

  #disconnect(): void {
    if (!this.#connected) return;
    this.#connected = false;
    this.#joined = false;
    this.#asked = false;
    this.#lines = { ...this.#lines, up: [], down: [] };
    this.#peer.disconnected();
  }

  /** The first of what is on a line still arrives; the rest is lost. */
  #cut(line: 'up' | 'down' | 'reports', arrives: number): void {
    this.#deliver(line, Math.floor(this.#lines[line].length * arrives));
    this.#lines[line] = [];
  }

  #deliver(line: 'up' | 'down' | 'reports', count: number): void {
    for (let left = Math.min(count, this.#lines[line].length); left > 0; left -= 1) {
      const message = this.#lines[line].shift();
      if (message === undefined) return;
      if (line === 'down') this.#atPeer(message);
      else this.#atMaster(message);
    }
  }

  #tell(act: (out: PeerInstruction[]) => unknown): void {
    const out: PeerInstruction[] = [];
    act(out);
    for (const instruction of out) this.#execute(instruction);
  }

  /** The shell of the peer. */
  #execute(instruction: PeerInstruction): void {
    switch (instruction.type) {
      case 'greet':
        if (this.#connected) this.#lines.up.push(instruction.hello);
        return;
      case 'send': {
        const batch: Batch = { type: 'batch', envelope: instruction.envelope, records: instruction.records };
        const { lane, seq } = instruction.envelope;
        if (seq > 0) this.#peerKept.keep(lane, seq, frames(batch));
        if (instruction.transmit) this.#transmit(batch);
        return;
      }
      case 'resend':
        this.resent += 1;
        for (const kept of this.#peerKept.from(instruction.lane, instruction.from)) this.#transmit(unframed(kept));
        return;
      case 'forget':
        return this.#peerKept.forget(instruction.lane, instruction.upTo);
      case 'forgetAll':
        return this.#peerKept.forgetAll();
    }
  }

  #transmit(batch: Batch): void {
    if (batch.envelope.lane === 'reports') this.#lines.reports.push(batch);
    else if (this.#connected) this.#lines.up.push(batch);
  }

  #atPeer(message: Wire): void {
    if (message.type === 'welcome') this.#tell((out) => this.#peer.welcomed(message, out));
    else if (message.type === 'resync') this.#tell((out) => this.#peer.resync(out));
    else if (message.type === 'batch') {
      let fresh = false;
      this.#tell((out) => (fresh = this.#peer.receive(message.envelope, 0, out)));
      if (fresh) this.heard.answers.push(...numbers(message.records));
    }
  }

  #atMaster(message: Wire): void {
    if (message.type === 'hello') return this.#welcome(message);
    if (message.type !== 'batch') return;
    const { lane, seq, ack } = message.envelope;
    if (lane === 'push') return;
    if (this.#out.acknowledge(ack)) this.#masterKept.forget('control', ack);
    if (seq === 0) return;
    const verdict = this.#in[lane].receive(seq);
    if (verdict === 'duplicate') this.duplicates += 1;
    if (verdict === 'gap') this.#gap();
    if (verdict === 'fresh') this.heard[lane].push(...numbers(message.records));
  }

  #gap(): void {
    this.gaps += 1;
    if (this.#asked || !this.#joined) return;
    this.#asked = true;
    this.resyncs += 1;
    this.#lines.down.push({ type: 'resync' });
  }

  #welcome(hello: Hello): void {
    const resumed = this.#begun && hello.token === MASTER.token;
    // A hello that never saw a welcome begins anew: nothing was heard of that session yet.
    if (!resumed && hello.token !== NO_ID) throw new Error('the peer names a session that never was');
    this.#begun = true;
    this.#joined = true;
    this.#asked = false;
    const seen = { seen: this.#in.control.tell(), reportsSeen: this.#in.reports.tell() };
    const rest = { master: 'm', pushAt: '', pullAt: '', heartbeatMs: 0, maxMessageBytes: 1, fields: [] };
    this.#lines.down.push({ type: 'welcome', ...MASTER, ...seen, ...rest, resumed });
    if (!resumed) {
      this.#out.reset();
      this.#masterKept.forgetAll();
      this.#answers = this.said.answers.slice();
      return;
    }
    this.resumed += 1;
    if (this.#out.acknowledge(hello.seen)) this.#masterKept.forget('control', hello.seen);
    for (const kept of this.#masterKept.from('control', this.#out.acknowledged + 1)) this.#lines.down.push(unframed(kept));
  }

  #flushMaster(): void {
    if (!this.#begun) return;
    if (this.#answers.length === 0) return;
    const records = this.#answers.map((count): WireRecord => ({ kind: 'lent', count }));
    this.#answers = [];
    const batch = this.#masterBatch(this.#out.next(), records);
    this.#masterKept.keep('control', batch.envelope.seq, frames(batch));
    if (this.#joined) this.#lines.down.push(batch);
  }

  #heartbeat(): void {
    if (this.#joined) this.#lines.down.push(this.#masterBatch(0, []));
  }

  #masterBatch(seq: number, records: readonly WireRecord[]): Batch {
    const acks = { ack: this.#in.control.tell(), reportsAck: this.#in.reports.tell() };
    return { type: 'batch', envelope: { lane: 'control', ...MASTER, seq, ...acks }, records };
  }
}
