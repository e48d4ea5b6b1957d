import { expect, it } from 'vitest';
import { Troubles } from '../../src/pools/troubles.ts';

const JOBS = ['1', 'alpha', '00000000-1f4a-4e0c-9c4d-8a63ce8a55b1'];

it('what goes wrong with an engine is said once for each reason, not for each job, until it answers again', () => {
  const said: string[] = [];
  const troubles = new Troubles('host:6379', (text) => void said.push(text));
  expect(troubles.last).toBe(undefined);
  for (const job of JOBS) for (const what of ['Missing lock', 'Missing key']) troubles.hear(new Error(`${what} for job ${job}. end`));
  expect(said).toEqual(['Missing lock', 'Missing key'].map((what) => `host:6379: ${what} for job 1. end`));
  expect(troubles.last).toBe(`host:6379: Missing key for job ${JOBS[2]}. end`);
  troubles.over();
  troubles.hear(new Error('Missing lock for job 4. end'));
  expect(said.slice(2)).toEqual(['host:6379: Missing lock for job 4. end']);
  troubles.close();
  troubles.hear(new Error('too late'));
  expect(said).toHaveLength(3);
  expect(troubles.last).toBe(said[2]);
});

it('of a host with several addresses the first reason is told', () => {
  const said: string[] = [];
  const troubles = new Troubles('localhost:1', (text) => void said.push(text));
  troubles.hear(new AggregateError(['::1', '127.0.0.1'].map((host) => new Error(`connect ECONNREFUSED ${host}:1`))));
  troubles.hear(new AggregateError([]));
  expect(said).toEqual(['localhost:1: connect ECONNREFUSED ::1:1', 'localhost:1: AggregateError']);
});
