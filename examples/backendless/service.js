// @ts-check
// node service.js [PORT]: stands for a service in the cloud. Who uses it opens a session, and ends it.
import { createServer } from 'node:http';

const sessions = new Set();

const server = createServer((request, response) => void answer(request, response));

/** @param {import('node:http').IncomingMessage} request @param {import('node:http').ServerResponse} response */
async function answer(request, response) {
  const [, where = '', session = ''] = (request.url ?? '').split('/');
  if (where === 'sessions' && request.method === 'POST') {
    const id = `session${sessions.size + 1}`;
    sessions.add(id);
    console.log(`${id} begins`);
    response.end(id);
    return;
  }
  if (where === 'sessions' && request.method === 'DELETE' && sessions.delete(session)) {
    console.log(`${session} ends`);
    response.end();
    return;
  }
  if (where !== 'upper' || !sessions.has(session)) {
    response.writeHead(404).end();
    return;
  }
  let text = '';
  for await (const chunk of request) text += chunk;
  response.end(text.toUpperCase());
}

server.listen(Number(process.argv[2] ?? 8080), '127.0.0.1', () => {
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  console.log(`service at http://127.0.0.1:${port}`);
});
process.once('SIGTERM', () => server.close()).once('SIGINT', () => server.close());
