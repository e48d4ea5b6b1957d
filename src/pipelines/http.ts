/**
 * The HTTP of a server: routes, limits, and how a refusal looks. Everything here is fastify's work but for the shape of the answers.
 * It is imported when a server starts, and never before: it takes a moment, and only servers need it.
 */
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { fastify, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { shown } from '../common/check.ts';
import type { Logger } from '../common/logger.ts';
import type { Answer, Calls } from './calls.ts';
import { messageOf, PipelineError } from './errors.ts';
import type { Shelf } from './shelf.ts';
import { httpStatusOf, type PipelineInfo, readCall, readFetch } from './wire.ts';

/** How long an idle connection is kept. */
const KEEP_ALIVE_MS = 5_000;
/** How often connections are looked at for one that takes too long. */
const CHECK_MS = 1_000;

export interface HttpOptions {
  readonly calls: Calls;
  readonly shelf: Shelf;
  readonly maxBodyBytes: number;
  readonly maxConnections: number;
  readonly requestTimeoutMs: number;
  readonly logger: Logger;
}

/** Makes the HTTP server. Throws an Error that says what to install, if fastify is missing. */
export async function createHttp(options: HttpOptions): Promise<FastifyInstance> {
  const make = await loadFastify();
  const app: FastifyInstance = make({
    bodyLimit: options.maxBodyBytes,
    requestTimeout: options.requestTimeoutMs,
    keepAliveTimeout: KEEP_ALIVE_MS,
    // Node takes the larger of the two for the request, and its own default for the headers is a minute.
    http: { headersTimeout: options.requestTimeoutMs, connectionsCheckingInterval: Math.min(CHECK_MS, options.requestTimeoutMs) },
    exposeHeadRoutes: false,
    clientErrorHandler: refuseRaw,
    frameworkErrors: (error, request, reply) => refuse(reply, error, request, options.logger),
  });
  app.server.maxConnections = options.maxConnections;
  closeWhatIsIdle(app);
  app.removeContentTypeParser('text/plain');
  limitRequests(app, options.maxConnections);
  app.setErrorHandler((error, request, reply) => refuse(reply, error, request, options.logger));
  app.setNotFoundHandler((request, reply) =>
    refuse(reply, refused(404, `there is nothing at ${shown(request.url)}`), request, options.logger),
  );
  addRoutes(app, options);
  await app.ready();
  return app;
}

async function loadFastify(): Promise<typeof fastify> {
  try {
    return (await import('fastify')).fastify;
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new Error("PipelinesServer: it needs the package 'fastify', which is not installed: npm install fastify", { cause: error });
  }
}

/**
 * From when it closes, a connection is closed as soon as nothing of it is under way. (Node closes those that idle between two requests;
 * one that has not sent its first would keep the server open.)
 */
function closeWhatIsIdle(app: FastifyInstance): void {
  const underWay = new Map<Socket, number>();
  let closing = false;
  const changed = (socket: Socket, by: number): void => {
    const count = underWay.get(socket);
    if (count === undefined) return;
    underWay.set(socket, count + by);
    if (closing && count + by === 0) socket.destroySoon();
  };
  app.server.on('connection', (socket) => {
    underWay.set(socket, 0);
    socket.once('close', () => underWay.delete(socket));
  });
  app.server.on('request', ({ socket }, response) => {
    changed(socket, 1);
    response.once('close', () => changed(socket, -1));
  });
  app.addHook('preClose', async () => {
    closing = true;
    for (const socket of underWay.keys()) changed(socket, 0);
  });
  app.addHook('onSend', async (_request, reply) => {
    if (closing) void reply.header('connection', 'close');
  });
}

/** Connections are limited, and so is what one connection sends without waiting for answers. */
function limitRequests(app: FastifyInstance, most: number): void {
  let open = 0;
  app.addHook('onRequest', async (_request, reply) => {
    open += 1;
    reply.raw.once('close', () => {
      open -= 1;
    });
    if (open > most) throw new PipelineError('unavailable', `${most} requests are under way; try again later`);
  });
}

function addRoutes(app: FastifyInstance, { calls, shelf, logger }: HttpOptions): void {
  const route = (
    method: 'GET' | 'POST',
    url: string,
    handler: (request: FastifyRequest, leave: AbortController) => Promise<Answer>,
  ): void => {
    app.route({
      method,
      url,
      handler: async (request, reply) => {
        const leave = new AbortController();
        reply.raw.once('close', () => leave.abort(new DOMException('the caller has gone', 'AbortError')));
        const { status, body } = await handler(request, leave);
        return reply.code(status).type('application/json; charset=utf-8').send(body);
      },
    });
    const others = app.supportedMethods.filter((other) => other !== method);
    app.route({
      method: others,
      url,
      // Refused for its method, whatever its body is.
      onRequest: (request, reply) => {
        void reply.header('allow', method);
        refuse(reply, refused(405, `${request.method} is not for ${shown(request.url)}; use ${method}`), request, logger);
      },
      handler: () => undefined,
    });
  };
  const nameOf = (request: FastifyRequest): string => (request.params as { readonly name: string }).name;
  route('POST', '/pipelines/:name/main', (request, leave) => calls.call(nameOf(request), readCall(request.body), leave));
  route('POST', '/jobs/fetch', (request, leave) => calls.fetch(readFetch(request.body), leave));
  route('GET', '/pipelines/:name/health_check', async (request) => {
    const { name } = shelf.get(nameOf(request));
    return ok({ status: 'ok', pipeline: name, workers: await calls.workerCount() });
  });
  route('GET', '/health_check', async () => ok({ status: 'ok', workers: await calls.workerCount() }));
  const pipelines: PipelineInfo[] = shelf.all.map(({ name, useWorker = null }) => ({ name, useWorker }));
  route('GET', '/available_pipelines', async () => ok({ pipelines }));
}

function ok(body: object): Answer {
  return { status: 200, body: JSON.stringify(body) };
}

function refused(httpStatus: number, message: string): PipelineError {
  return new PipelineError('bad-request', `bad request: ${message}`, { httpStatus });
}

/** Answers with what is wrong. What is nobody's fault but ours is told to the logger, too. */
function refuse(reply: FastifyReply, error: unknown, request: FastifyRequest, logger: Logger): void {
  const refusal = error instanceof PipelineError ? error : asRefusal(error);
  if (refusal.httpStatus === 500) logger.error(`${request.method} ${request.url}: ${messageOf(error)}`);
  void reply.code(httpStatusOf(refusal)).type('application/json; charset=utf-8').send(refusalBody(refusal));
}

/** What fastify found wrong with a request; anything else is a fault of ours. */
function asRefusal(error: unknown): PipelineError {
  const { statusCode = 500 }: { statusCode?: number } = error as { statusCode?: number };
  if (statusCode === 415) return refused(415, 'its content type: expected application/json');
  if (statusCode >= 400 && statusCode < 500) return refused(statusCode, messageOf(error));
  return new PipelineError('unavailable', `the server failed: ${messageOf(error)}`, { httpStatus: 500, cause: error });
}

function refusalBody({ code, message }: PipelineError): string {
  return JSON.stringify({ error: { code, message } });
}

/** What the parser of HTTP itself refuses: answered at the socket, which is closed. */
function refuseRaw(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  const [status, what] = RAW_REFUSALS[error.code ?? ''] ?? [400, 'it is no HTTP'];
  const body = refusalBody(refused(status, what));
  const head = [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, 'content-type: application/json; charset=utf-8', 'connection: close'];
  if (socket.writable) socket.end(`${head.join('\r\n')}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  else socket.destroy();
}

const RAW_REFUSALS: Readonly<Record<string, readonly [number, string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'it took too long to come'],
  HPE_HEADER_OVERFLOW: [431, 'its headers are too large'],
};
