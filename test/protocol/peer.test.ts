/** The session as a client or a worker has it, as transcripts: `>` what happens, then what it tells the shell to do. */
import { describe, expect, it } from 'vitest';
import type { Welcome } from '../../src/protocol/greetings.ts';
import type { Envelope, WireRecord } from '../../src/protocol/messages.ts';
import { Peer, type PeerInstruction } from '../../src/protocol/peer.ts';
import { ACK_BYTES, ACK_EVERY } from '../../src/protocol/session.ts';
import { golden } from './golden.ts';
import { EPOCH, TOKEN, WELCOME } from './welcome.ts';

const OTHER_EPOCH = '00000000000000e2';
const OTHER_TOKEN = '00000000000000bb';

function line(instruction: PeerInstruction): string {
  switch (instruction.type) {
    case 'greet': {
      const { role, name, epoch, session, token, seen } = instruction.hello;
      return `greet ${role} ${name}: epoch ${epoch.slice(-2)} session ${session} token ${token.slice(-2)} seen ${seen}`;
    }
    case 'send': {
      const { lane, session, seq, ack } = instruction.envelope;
      const records = instruction.records.map((record) => (record.kind === 'lent' ? `lent ${record.count}` : record.kind)).join(', ');
      return `${instruction.transmit ? 'send' : 'keep'} ${lane} #${seq} of session ${session}, ack ${ack}: ${records || 'nothing'}`;
    }
    case 'resend':
      return `resend ${instruction.lane} from #${instruction.from}`;
    case 'forget':
      return `forget ${instruction.lane} up to #${instruction.upTo}`;
    default:
      return 'forget all';
  }
}

/** A peer whose every event and instruction is written down. */
class Scene {
  readonly peer = new Peer({ role: 'worker', name: 'w', functions: ['foo'], slots: 2 });
  readonly lines: string[] = [];

  #run(what: string, act: (out: PeerInstruction[]) => string | boolean | undefined | void): void {
    const out: PeerInstruction[] = [];
    const answer = act(out);
    this.lines.push(
      `> ${what}${typeof answer === 'string' || typeof answer === 'boolean' ? ` → ${answer}` : ''}`,
      ...out.map((instruction) => `    ${line(instruction)}`),
    );
  }

  connected(): void {
    this.#run('connected', (out) => this.peer.greet(out));
  }

  disconnected(): void {
    this.#run('disconnected', () => this.peer.disconnected());
  }

  resync(): void {
    this.#run('resync', (out) => this.peer.resync(out));
  }

  reportsConnected(): void {
    this.#run('reports connected', (out) => this.peer.reportsConnected(out));
  }

  refused(code: 'version' | 'closing'): void {
    this.#run(`refused: ${code}`, () => this.peer.refused({ type: 'refused', code, text: '' }));
  }

  welcome(change: Partial<Welcome> = {}): void {
    this.#run(`welcome ${JSON.stringify(change)}`, (out) => this.peer.welcomed({ ...WELCOME, ...change }, out));
  }

  batch(seq: number, change: Partial<Envelope> = {}, bytes = 0): void {
    const envelope: Envelope = { lane: 'control', epoch: EPOCH, session: 1, token: TOKEN, seq, ack: 0, reportsAck: 0, ...change };
    this.#run(`batch #${seq} ${JSON.stringify(change)}${bytes > 0 ? ` of ${bytes} bytes` : ''}`, (out) =>
      this.peer.receive(envelope, bytes, out),
    );
  }

  draft(lane: 'control' | 'reports', count: number): void {
    const record: WireRecord = { kind: 'lent', count };
    this.#run(`draft ${lane} lent ${count}`, () => this.peer[lane].add(record));
  }

  flush(): void {
    this.#run('flush', (out) => this.peer.flush(out));
  }

  act(what: string, act: (peer: Peer, out: PeerInstruction[]) => string | boolean | undefined | void): void {
    this.#run(what, (out) => act(this.peer, out));
  }

  join(): void {
    this.connected();
    this.welcome();
  }

  /** The transcript, and what its file holds. */
  end(file: string): [told: string, pinned: string] {
    this.lines.push(`is ${this.peer.state}, keeps ${this.peer.kept}`, '');
    const text = this.lines.join('\n');
    return [text, golden(`peer/${file}.txt`, text)];
  }
}

describe('a peer', () => {
  it('greets, is welcomed for the first time, and only then sends', () => {
    const scene = new Scene();
    scene.draft('control', 1);
    scene.flush();
    scene.connected();
    scene.flush();
    scene.welcome();
    scene.flush();
    scene.draft('control', 2);
    scene.draft('reports', 3);
    scene.flush();
    const [told, pinned] = scene.end('first');
    expect(told).toBe(pinned);
  });

  it('goes on after a lost connection: says how far it heard, sends again what was not acknowledged', () => {
    const scene = new Scene();
    scene.join();
    for (const count of [1, 2, 3]) {
      scene.draft('control', count);
      scene.draft('reports', count);
      scene.flush();
    }
    scene.batch(1, { ack: 1 });
    scene.disconnected();
    scene.draft('control', 4);
    scene.flush();
    scene.batch(2);
    scene.connected();
    scene.welcome({ resumed: true, seen: 2, reportsSeen: 3 });
    scene.batch(2, { ack: 4, reportsAck: 3 });
    const [told, pinned] = scene.end('resumed');
    expect(told).toBe(pinned);
  });

  it('begins anew with another master: all that was kept or drafted is dropped, numbers begin at 1', () => {
    const scene = new Scene();
    scene.join();
    scene.draft('control', 1);
    scene.flush();
    scene.batch(1);
    scene.disconnected();
    scene.draft('control', 2);
    scene.draft('reports', 2);
    scene.connected();
    scene.welcome({ epoch: OTHER_EPOCH, session: 9, token: OTHER_TOKEN });
    scene.flush();
    scene.draft('control', 3);
    scene.flush();
    const anew = { epoch: OTHER_EPOCH, session: 9, token: OTHER_TOKEN };
    scene.batch(1, anew);
    const [told, pinned] = scene.end('anew');
    expect(told).toBe(pinned);
  });

  it('believes no welcome that goes on with what never was', () => {
    const scene = new Scene();
    scene.connected();
    scene.welcome({ resumed: true });
    scene.draft('control', 1);
    scene.flush();
    scene.welcome({ resumed: true, seen: 7 });
    scene.welcome({ resumed: true, token: OTHER_TOKEN });
    const [told, pinned] = scene.end('implausible');
    expect(told).toBe(pinned);
  });

  it('asks once to go on when it sees a gap, and takes nothing behind it', () => {
    const scene = new Scene();
    scene.join();
    for (const seq of [1, 3, 4, 5]) scene.batch(seq);
    scene.resync();
    scene.welcome({ resumed: true });
    for (const seq of [2, 2, 3, 5]) scene.batch(seq);
    const [told, pinned] = scene.end('gap');
    expect(told).toBe(pinned);
  });

  it('ignores batches of another session, epoch or token, their acknowledgements too', () => {
    const scene = new Scene();
    scene.batch(1);
    scene.join();
    scene.draft('control', 1);
    scene.flush();
    for (const change of [{ epoch: OTHER_EPOCH }, { session: 2 }, { token: OTHER_TOKEN }]) scene.batch(1, { ...change, ack: 1 });
    scene.batch(0, { ack: 1 });
    scene.batch(0, { ack: 99, reportsAck: 99 });
    const pushed: Envelope = { lane: 'push', epoch: EPOCH, session: 0, token: '', seq: 0, ack: 0, reportsAck: 0 };
    scene.act('is a pushed batch of this epoch ours?', (peer) => peer.ofThisEpoch(pushed));
    scene.act('and one of another?', (peer) => peer.ofThisEpoch({ ...pushed, epoch: OTHER_EPOCH }));
    const [told, pinned] = scene.end('stale');
    expect(told).toBe(pinned);
  });

  it('sends reports again when their connection was made again', () => {
    const scene = new Scene();
    scene.reportsConnected();
    scene.join();
    scene.reportsConnected();
    scene.draft('reports', 1);
    scene.flush();
    scene.reportsConnected();
    scene.batch(0, { reportsAck: 1 });
    scene.reportsConnected();
    const [told, pinned] = scene.end('reports');
    expect(told).toBe(pinned);
  });

  it('waits when the master is closing, and gives up for any other refusal', () => {
    const scene = new Scene();
    scene.connected();
    scene.refused('closing');
    scene.resync();
    scene.refused('version');
    scene.connected();
    scene.resync();
    scene.welcome();
    scene.flush();
    scene.disconnected();
    const [told, pinned] = scene.end('refused');
    expect(told).toBe(pinned);
  });

  it('is silent after its end', () => {
    const scene = new Scene();
    scene.join();
    scene.draft('control', 1);
    scene.act('end', (peer) => peer.end());
    scene.act('end', (peer) => peer.end());
    scene.flush();
    scene.batch(1);
    scene.act('heartbeat', (peer, out) => peer.heartbeat(out));
    const [told, pinned] = scene.end('ended');
    expect(told).toBe(pinned);
  });

  it(`acknowledges by itself only after ${ACK_EVERY} batches or ${ACK_BYTES} bytes, else with what it sends`, () => {
    const scene = new Scene();
    scene.join();
    for (let seq = 1; seq < ACK_EVERY; seq += 1) scene.batch(seq);
    scene.flush();
    scene.batch(ACK_EVERY);
    scene.flush();
    scene.flush();
    scene.batch(ACK_EVERY + 1, {}, ACK_BYTES - 1);
    scene.flush();
    scene.batch(ACK_EVERY + 2, {}, 1);
    scene.flush();
    scene.batch(ACK_EVERY + 3, {}, ACK_BYTES);
    scene.draft('control', 1);
    scene.flush();
    scene.flush();
    scene.act('heartbeat', (peer, out) => peer.heartbeat(out));
    const [told, pinned] = scene.end('acknowledgements');
    expect(told).toBe(pinned);
  });

  it('knows its last welcome', () => {
    const scene = new Scene();
    expect(scene.peer.welcome).toBeUndefined();
    scene.join();
    expect(scene.peer.welcome).toEqual(WELCOME);
  });
});
