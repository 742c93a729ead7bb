import type { FastifyInstance } from 'fastify'

const METHODS = 'GET, POST, PUT, PATCH, DELETE'
const READABLE =
  'mcp-session-id, ratelimit-limit, ratelimit-remaining, ratelimit-reset, retry-after, www-authenticate, x-next-cursor, x-request-id'

/**
 * Allows pages of these origins to call the API (https://fetch.spec.whatwg.org/#http-cors-protocol). Functions under `/fn/` have their own CORS
 * configuration.
 */
export function allowOrigins(server: FastifyInstance, origins: readonly string[]): void {
  if (origins.length === 0) return
  server.addHook('onRequest', async ({ url, method, headers }, reply) => {
    const { origin } = headers
    if (origin === undefined || !origins.includes(origin) || url.startsWith('/fn/')) return
    void reply.header('access-control-allow-origin', origin).header('vary', 'origin')
    if (method !== 'OPTIONS' || headers['access-control-request-method'] === undefined)
      return void reply.header('access-control-expose-headers', READABLE)
    return reply
      .code(204)
      .header('access-control-allow-methods', METHODS)
      .header('access-control-allow-headers', headers['access-control-request-headers'] ?? '')
      .header('access-control-max-age', '600')
      .send()
  })
}
