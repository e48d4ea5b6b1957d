/** What a master tells of itself when it is asked: plain data. */
export interface MasterStatus {
  /** The master's name, and the random number of its present life. */
  master: string;
  epoch: string;
  policy: string;
  workers: {
    name: string;
    functions: readonly string[];
    slots: number;
    lent: number;
    running: number;
    /** Of these: functions that go on although nobody waits for them any more (a time-out, a cancelled job). Each holds its slot, or what it was given. */
    abandoned: number;
    /** Parts that have resources of their own there, or whose functions have not ended. */
    allocated: number;
    state: string;
    meanMicros: number;
    ended: number;
  }[];
  clients: { name: string; streams: number; state: string }[];
  /** `queued`: parts that wait for a worker or for credit; `placed`: parts that workers have. */
  streams: { id: string; client: string; jobs: number; ended: number; open: number; waitingForCredit: number }[];
  /** What waits, by function and what it asks for: how many parts, and why, in a sentence. */
  waiting: { function: string; resources: unknown; parts: number; why: string }[];
  queued: number;
  placed: number;
  cache: { entries: number; bytes: number; maxBytes: number; evicted: number };
  /** Messages that were not taken, by reason. */
  rejected: Record<string, number>;
}
