import { randomUUID } from 'node:crypto'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { App, Caller, Surface } from '../app.ts'
import { createAuthenticator } from '../auth/authenticate.ts'
import { createQueryAuthenticator } from '../auth/query-token.ts'
import { stringifyJson } from '../exact-json.ts'
import { packageVersion } from '../platform/package.ts'
import { rewriteUrl } from './aliases.ts'
import { addBodyParsers } from './body.ts'
import { createClientAddress } from './client-address.ts'
import { answerClientError } from './client-error.ts'
import { closeConnections } from './connections.ts'
import { allowOrigins } from './cors.ts'
import { addFunctionRoutes } from './fn.ts'
import { addHealthRoutes } from './health.ts'
import { createHostCheck } from './host.ts'
import { addMcpExecuteRoutes, MCP_EXECUTE_PATHS } from './mcp-execute.ts'
import { openapiDocument } from './openapi.ts'
import { addOperationRoutes, admit, rejectUnknownRoutes } from './operation-routes.ts'
import { badPath, sendError } from './problem.ts'
import { createRateLimiter } from './rate-limit.ts'
import { recordRequests } from './request-log.ts'
import { rejectStalledBodies } from './stalled-body.ts'
import { addSurface } from './surface.ts'

export interface ServerOptions {
  /** A request is rejected if its incomplete body receives no data for this time. Default 30 s. */
  stalledBodyMs?: number
}

/** Creates the HTTP server with the routes of all operations, functions, health checks and surfaces. It does not listen yet. */
export async function createServer(
  app: App,
  surfaces: readonly Surface[] = [],
  { stalledBodyMs = 30_000 }: ServerOptions = {},
): Promise<FastifyInstance> {
  const authenticate = createAuthenticator(app)
  const checks = {
    authenticate,
    authenticateByQuery: createQueryAuthenticator(app, authenticate),
    checkHost: createHostCheck(app),
    clientAddress: createClientAddress(app),
    limitRate: createRateLimiter(app),
  }
  const version = packageVersion()
  const callers = new WeakMap<FastifyRequest, Caller>()
  const fail = (thrown: unknown, request: FastifyRequest, reply: FastifyReply) => sendError(app, thrown, request, reply)
  const server = createFastify(app, fail)

  rejectStalledBodies(app, server.server, stalledBodyMs)
  await addBodyParsers(server, app.config)
  server.setReplySerializer((answer) => stringifyJson(answer))
  server.setErrorHandler(fail)
  allowOrigins(server, app.config.corsOrigins)
  const closing = closeConnections(server)
  recordRequests(server, app, callers)

  addOperationRoutes(server, app, { checks, callers, closing })
  addMcpExecuteRoutes(
    server,
    app,
    (request, reply) => admit({ kind: 'json', permission: 'any' }, checks, request, reply),
    callers,
  )
  rejectUnknownRoutes(server, fail, MCP_EXECUTE_PATHS)
  addOverviewRoutes(server, version, checks.checkHost)
  addHealthRoutes(server, app, { version, ...checks })
  await addFunctionRoutes(server, app, checks)
  for (const surface of surfaces)
    await addSurface(server, surface, checks.authenticate, (request, reply, caller) => {
      callers.set(request, caller)
      checks.limitRate(reply, `user ${caller.user_id}`)
    })
  return server
}

function createFastify(
  app: App,
  fail: (thrown: unknown, request: FastifyRequest, reply: FastifyReply) => void,
): FastifyInstance {
  const { maxBodyBytes, trustedProxies } = app.config
  return fastify({
    bodyLimit: maxBodyBytes,
    trustProxy: trustedProxies.length > 0 ? trustedProxies : false,
    genReqId: (request) => (request.headers['x-request-id'] as string | undefined)?.slice(0, 100) || randomUUID(),
    rewriteUrl: (request) => rewriteUrl(request.method ?? 'GET', request.url ?? '/'),
    routerOptions: { maxParamLength: 1024 },
    forceCloseConnections: 'idle',
    exposeHeadRoutes: true,
    // A URL that cannot be decoded fails before routing.
    frameworkErrors: (error, request, reply) =>
      fail(error.code === 'FST_ERR_BAD_URL' ? badPath(request.originalUrl) : error, request, reply),
    clientErrorHandler: (error, socket) => answerClientError(app, error, socket),
  })
}

/** Adds `/`, which names the other entry points, and the OpenAPI document. */
function addOverviewRoutes(
  server: FastifyInstance,
  version: string,
  checkHost: (headers: FastifyRequest['headers']) => void,
): void {
  const document = openapiDocument(version)
  const onRequest = async ({ headers }: FastifyRequest) => checkHost(headers)
  server.get('/openapi.json', { onRequest }, async () => document)
  server.get('/', { onRequest }, async () => ({
    name: 'zerodb-functions',
    version,
    api: '/api/v1',
    openapi: '/openapi.json',
    health: '/health',
  }))
}
