import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { App, Caller } from '../app.ts'
import { sameSecret } from '../crypto.ts'
import { ZeroError } from '../errors.ts'
import { allows } from '../schema/login.ts'

/** An event that waits for longer says that this system does not keep up, or that its engine stands still. */
const LAGGING_SECONDS = 30

interface Readiness {
  /** `draining`: it is about to stop. `lagging`: events wait too long to be handed to hooks. */
  status: 'ok' | 'draining' | 'lagging'
  /** Age of the oldest event that nobody has dispatched. */
  lag_seconds: number
}

interface HealthOptions {
  version: string
  authenticate(headers: FastifyRequest['headers']): Promise<Caller>
  /** Throws for a Host header under which requests without a key are not answered. */
  checkHost(headers: FastifyRequest['headers']): void
}

/** What a machine asks: is it alive, may it be sent requests, how is it doing. `/livez` tells nothing, so it answers under any host. */
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
      // What it says the first time is that it has not been tried.
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
    else await admitToMetrics(app, headers, authenticate)
    return sendMetrics(app, reply)
  })
}

/** Throws when the database cannot be reached. */
async function readinessOf(app: App): Promise<Readiness> {
  const lag_seconds = Math.round((await app.store.dispatch.lagSeconds()) * 1000) / 1000
  return {
    status: app.runs.draining() ? 'draining' : lag_seconds > LAGGING_SECONDS ? 'lagging' : 'ok',
    lag_seconds,
  }
}

/** Metrics are of the whole server: they are for its operator, who is the first user, and for holders of `ZERODB_METRICS_TOKEN`. */
async function admitToMetrics(
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
      'Metrics need ZERODB_METRICS_TOKEN, or a key of the first user with all rights, as a bearer token; ZERODB_METRICS=open opens them to everybody',
    )
  const caller = await authenticate(headers)
  const operator = await app.store.users.first()
  if (caller.user_id !== operator?.user_id || caller.bound !== null || !allows(caller.permissions, '*'))
    throw new ZeroError('forbidden', 'Metrics are of the whole server: send a key of its first user with all rights')
}

async function sendMetrics(app: App, reply: FastifyReply): Promise<FastifyReply> {
  const { metrics, store } = app
  metrics.runs.reset()
  for (const { handler, status, count } of await store.runs.count()) metrics.runs.set({ handler, status }, count)
  metrics.dispatchLag.set(await store.dispatch.lagSeconds())
  metrics.instances.set((await store.instances.list()).length)
  return reply.type(metrics.contentType).send(await metrics.text())
}
