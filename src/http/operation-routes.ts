import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { App, Caller } from '../app.ts'
import { ANONYMOUS, type Permission, require as requirePermission } from '../auth/caller.ts'
import { ZeroError } from '../errors.ts'
import { OPERATIONS } from '../operations/index.ts'
import type { Operation } from '../operations/operation.ts'
import { ROUTE_ALIASES } from './aliases.ts'
import { redirectOperation } from './dialects/redirects.ts'
import { createOperationHandler } from './operation-handler.ts'
import type { RateLimiter } from './rate-limit.ts'

interface OperationRoute {
  operation: Operation
  method: string
  /** Path with `:key` for each key of the input. */
  url: string
}

export interface Checks {
  authenticate(headers: FastifyRequest['headers']): Promise<Caller>
  authenticateByQuery(token: string, headers: FastifyRequest['headers']): Promise<Caller>
  /** Throws `forbidden` if requests without a key are not allowed for this Host header. */
  checkHost(headers: FastifyRequest['headers']): void
  /** Returns the address by which a client without a key is counted. */
  clientAddress(request: FastifyRequest): string
  limitRate: RateLimiter
}

interface RouteOptions {
  checks: Checks
  /** Receives the caller of each request. */
  callers: WeakMap<FastifyRequest, Caller>
  /** Aborted when the server starts to close. */
  closing: AbortSignal
}

/** All routes of operations, with their aliases. */
const ROUTES: readonly OperationRoute[] = OPERATIONS.flatMap((operation) =>
  [operation.route, ...(ROUTE_ALIASES[operation.name] ?? [])].map((route) => {
    const [method, url] = route.split(' ') as [string, string]
    return { operation, method, url }
  }),
)

const BY_NAME = new Map(OPERATIONS.map((operation) => [operation.name, operation]))

/** Adds the routes of all operations. */
export function addOperationRoutes(
  server: FastifyInstance,
  app: App,
  { checks, callers, closing }: RouteOptions,
): void {
  const handlers = new Map(
    OPERATIONS.map((operation) => [operation.name, createOperationHandler(app, operation, callers, closing)]),
  )
  const add = (scope: FastifyInstance, { operation, method, url }: OperationRoute) =>
    scope.route({
      method,
      url,
      // HEAD must not change anything.
      exposeHeadRoute: method === 'GET' && operation.idempotent,
      config: { operation: operation.name },
      // Runs before the body is read.
      async onRequest(request, reply) {
        callers.set(request, await admit(operation, checks, request, reply))
      },
      handler(request, reply) {
        const name = redirectOperation(operation.name, request.body)
        const { permission } = name === operation.name ? operation : BY_NAME.get(name)!
        if (permission !== operation.permission) requirePermission(callers.get(request)!, permission as Permission)
        return handlers.get(name)!(request, reply)
      },
    })
  const isRaw = ({ operation }: OperationRoute) => operation.kind === 'upload' && operation.isRaw === true
  for (const route of ROUTES) if (!isRaw(route)) add(server, route)
  void server.register(async (scope) => {
    // The operation reads the body as it arrives, whatever its media type.
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_request, body, done) => done(null, body))
    for (const route of ROUTES) if (isRaw(route)) add(scope, route)
  })
}

/** Returns the origin of the request's URL, which a trusted proxy can replace by its own; undefined without a Host header. */
function originOf({ protocol, host }: FastifyRequest): string | undefined {
  const origin = `${protocol}://${host}`
  return URL.canParse(origin) ? new URL(origin).origin : undefined
}

/** Passes requests without a route to `sendError`: 405 with the allowed methods if operations or `postPaths` have the path, else 404. */
export function rejectUnknownRoutes(
  server: FastifyInstance,
  sendError: (error: ZeroError, request: FastifyRequest, reply: FastifyReply) => void,
  postPaths: readonly string[],
): void {
  const known = [
    ...ROUTES.map(({ operation, method, url }) => ({
      methods: method === 'GET' && operation.idempotent ? ['GET', 'HEAD'] : [method],
      pattern: new RegExp(`^${url.replace(/:\w+/g, '[^/]+')}$`),
    })),
    ...postPaths.map((path) => ({ methods: ['POST'], pattern: new RegExp(`^${path}$`) })),
  ]
  server.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?')[0]!
    const methods = known.filter(({ pattern }) => pattern.test(path)).flatMap((route) => route.methods)
    if (methods.length > 0) void reply.header('allow', [...new Set(methods)].join(', '))
    sendError(new ZeroError(methods.length > 0 ? 'method_not_allowed' : 'route_not_found'), request, reply)
  })
}

/** Checks encoding, Host header or key, rate limit and permission. Returns the caller. */
export async function admit(
  operation: Pick<Operation, 'kind' | 'permission'>,
  checks: Checks,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Caller> {
  const { permission } = operation
  const { checkHost, clientAddress, limitRate } = checks
  const { 'content-encoding': encoding = 'identity' } = request.headers
  if (encoding !== 'identity')
    throw new ZeroError(
      'unsupported_media_type',
      `The content encoding "${encoding}" is not supported: send the body without content encoding`,
    )
  if (permission === 'public') checkHost(request.headers)
  const caller =
    permission === 'public'
      ? { ...ANONYMOUS, client: clientAddress(request) }
      : await identify(operation, checks, request)
  limitRate(reply, caller.client === undefined ? `user ${caller.user_id}` : `client ${caller.client}`)
  if (permission !== 'public' && permission !== 'any') requirePermission(caller, permission)
  return { ...caller, origin: originOf(request) }
}

/** Authenticates by the headers, or for a stream by the query: EventSource in browsers cannot send headers. */
function identify(
  { kind }: Pick<Operation, 'kind'>,
  { authenticate, authenticateByQuery }: Checks,
  { headers, query }: FastifyRequest,
): Promise<Caller> {
  const { token } = query as { token?: unknown }
  const hasCredential = headers.authorization !== undefined || headers['x-api-key'] !== undefined
  if (kind !== 'stream' || hasCredential || typeof token !== 'string') return authenticate(headers)
  return authenticateByQuery(token, headers)
}
