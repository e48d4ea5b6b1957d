// @ts-check
// A backendless specialized worker: the server is somewhere else, and both set-ups run on the head.
import { defineSpecializedWorker } from 'gristmill';

export default defineSpecializedWorker({
  backendless: true,

  async *run() {
    const url = process.env.SERVICE ?? 'http://127.0.0.1:8080';
    const session = await (await fetch(`${url}/sessions`, { method: 'POST' })).text();
    yield { name: session, url };
    await fetch(`${url}/sessions/${session}`, { method: 'DELETE' });
  },

  async *context({ name, url }) {
    yield {
      async upper(body, signal) {
        const answer = await fetch(`${url}/upper/${name}`, { method: 'POST', body, signal });
        if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`);
        return await answer.text();
      },
    };
  },
});
