import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { App, Caller } from '../app.ts'
import { sameSecret } from '../crypto.ts'
import { ZeroError } from '../errors.ts'
import { allows } from '../schema/login.ts'

/** If an event waits for longer, the system is overloaded or its engine has stopped. */
const MAX_LAG_SECONDS = 30

interface Readiness {
  /** `draining`: the server is stopping. `lagging`: events wait too long for their dispatch. */
  status: 'ok' | 'draining' | 'lagging'
  /** Age of the oldest event that is not dispatched. */
  lag_seconds: number
}

interface HealthOptions {
  version: string
  authenticate(headers: FastifyRequest['headers']): Promise<Caller>
  /** Throws `forbidden` if requests without a key are not allowed for this Host header. */
  checkHost(headers: FastifyRequest['headers']): void
}

/** Adds the routes for liveness, readiness, health and metrics. `/livez` reveals nothing, so it accepts any Host header. */
export function addHealthRoutes(
  server: FastifyInstance,
  app: App,
  { version, authenticate, checkHost }: HealthOptions,
): void {
  const onRequest = async ({ headers }: FastifyRequest) => checkHost(headers)
  server.get('/livez', async () => ({ status: 'ok' }))

  for (const path of ['/readyz', '/healthz']) {
    server.get(path, { onRequest }, async (_, reply) => {
      const readiness = await readinessOf(app)
      if (readiness.status !== 'ok') void reply.code(503).header('retry-after', '1')
      return readiness
    })
  }

  for (const path of ['/health', '/api/v1/health']) {
    server.get(path, { onRequest }, async () => {
      // The first request starts the test of the sandbox and does not wait for its result.
      void app.sandbox.ready()
      const instances = await app.store.instances.list()
      return {
        ...(await readinessOf(app)),
        version,
        database: app.store.kind,
        sandbox: { ...app.sandbox.report, ...app.sandbox.load() },
        instances: instances.map(({ epoch, started_at, slots, handlers, draining }) => {
          return { id: epoch, started_at, slots, handlers, draining }
        }),
      }
    })
  }

  server.get('/metrics', async ({ headers }, reply) => {
    if (app.config.metrics === 'open') checkHost(headers)
    else await checkMetricsAccess(app, headers, authenticate)
    return sendMetrics(app, reply)
  })
}

/** Throws if the database is not reachable. */
async function readinessOf(app: App): Promise<Readiness> {
  const lag_seconds = Math.round((await app.store.dispatch.lagSeconds()) * 1000) / 1000
  return {
    status: app.runs.draining() ? 'draining' : lag_seconds > MAX_LAG_SECONDS ? 'lagging' : 'ok',
    lag_seconds,
  }
}

/** Allows the operator, who is the first user, and holders of `ZERODB_METRICS_TOKEN`: metrics cover the whole server. */
async function checkMetricsAccess(
  app: App,
  headers: FastifyRequest['headers'],
  authenticate: HealthOptions['authenticate'],
): Promise<void> {
  const { metricsToken } = app.config
  const { authorization } = headers
  if (metricsToken !== undefined && sameSecret(authorization ?? '', `Bearer ${metricsToken}`)) return
  if (authorization === undefined && headers['x-api-key'] === undefined)
    throw new ZeroError(
      'unauthorized',
      'Metrics need a bearer token: ZERODB_METRICS_TOKEN, or a key of the first user with all permissions. ZERODB_METRICS=open makes them public',
    )
  const caller = await authenticate(headers)
  const operator = await app.store.users.first()
  if (caller.user_id !== operator?.user_id || caller.bound !== null || !allows(caller.permissions, '*'))
    throw new ZeroError('forbidden', 'Metrics cover the whole server: use a key of its first user with all permissions')
}

async function sendMetrics(app: App, reply: FastifyReply): Promise<FastifyReply> {
  const { metrics, store } = app
  metrics.runs.reset()
  for (const { handler, status, count } of await store.runs.count()) metrics.runs.set({ handler, status }, count)
  metrics.dispatchLag.set(await store.dispatch.lagSeconds())
  metrics.instances.set((await store.instances.list()).length)
  return reply.type(metrics.contentType).send(await metrics.text())
}
