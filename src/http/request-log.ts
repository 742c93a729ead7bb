import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { App, Caller } from '../app.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Name of the operation of the route, for metrics and the log. */
    operation?: string
  }
}

/** Counts each request in the metrics and logs it, with its caller if it was authenticated. */
export function recordRequests(
  server: FastifyInstance,
  { metrics, log }: Pick<App, 'metrics' | 'log'>,
  callers: WeakMap<FastifyRequest, Caller>,
): void {
  server.addHook('onResponse', async (request, reply) => {
    const { operation = 'none' } = request.routeOptions.config
    metrics.requests.observe({ operation, status: reply.statusCode }, reply.elapsedTime / 1000)
    const { id: request_id, method } = request
    const url = request.url.split('?')[0]
    const line = { request_id, method, url, operation, status: reply.statusCode, ms: Math.round(reply.elapsedTime) }
    log.debug({ ...line, user_id: callers.get(request)?.user_id, trace: callers.get(request)?.trace }, 'request')
  })
}
