import { expect, it } from 'vitest';
import { HeldJobs, SeenJobs } from '../../src/pools/held.ts';

function sides(): { jobs: HeldJobs; seen: SeenJobs; pages: () => number } {
  const seen = new SeenJobs();
  let pages = 0;
  const jobs = new HeldJobs((page) => {
    pages += 1;
    seen.add(page);
  });
  return { jobs, seen, pages: () => pages };
}

it('what is held is seen, with the token it was last held by, until it is dropped', () => {
  const { jobs, seen } = sides();
  expect([...seen.all()]).toEqual([]);
  jobs.hold('a', 'token-1');
  jobs.hold('b', '$JS.ACK.stream.jobs.1.2.3');
  jobs.hold('a', 'token-2');
  expect(new Map(seen.all())).toEqual(
    new Map([
      ['a', 'token-2'],
      ['b', '$JS.ACK.stream.jobs.1.2.3'],
    ]),
  );
  jobs.drop('a');
  jobs.drop('a');
  jobs.drop('never held');
  expect([...seen.all()]).toEqual([['b', '$JS.ACK.stream.jobs.1.2.3']]);
});

it('takes more memory only while more is held at a time', () => {
  const { jobs, seen, pages } = sides();
  for (let round = 0; round < 10; round += 1) {
    for (let index = 0; index < 100; index += 1) jobs.hold(`job-${index}`, `token-${round}`);
    expect([...seen.all()]).toHaveLength(100);
    for (let index = 0; index < 100; index += 1) jobs.drop(`job-${index}`);
    expect([...seen.all()]).toEqual([]);
  }
  expect(pages()).toBe(2);
});

it('one that changes while it is read is left out', () => {
  const { jobs, seen } = sides();
  jobs.hold('a', 'token');
  jobs.hold('b', 'token');
  const read: string[] = [];
  for (const [id] of seen.all()) {
    read.push(id);
    jobs.drop(id === 'a' ? 'b' : 'a');
  }
  expect(read).toHaveLength(1);
});
