import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { App } from '../app.ts'
import { sameSecret } from '../crypto.ts'
import { ZeroError } from '../errors.ts'

/** An event that waits for longer says that this system does not keep up, or that its engine stands still. */
const LAGGING_SECONDS = 30
const LOOPBACK = ['127.0.0.1', '::1', 'localhost']

interface Readiness {
  /** `draining`: it is about to stop. `lagging`: events wait too long to be handed to hooks. */
  status: 'ok' | 'draining' | 'lagging'
  /** Age of the oldest event that nobody has dispatched. */
  lag_seconds: number
}

/** What a machine asks: is it alive, may it be sent requests, how is it doing. */
export function addHealthRoutes(server: FastifyInstance, app: App, version: string): void {
  server.get('/livez', async () => ({ status: 'ok' }))

  for (const path of ['/readyz', '/healthz']) {
    server.get(path, async (_, reply) => {
      const readiness = await readinessOf(app)
      if (readiness.status !== 'ok') void reply.code(503).header('retry-after', '1')
      return readiness
    })
  }

  for (const path of ['/health', '/api/v1/health']) {
    server.get(path, async () => {
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

  server.get('/metrics', async (request, reply) => sendMetrics(app, request, reply))
}

/** Throws when the database cannot be reached. */
async function readinessOf(app: App): Promise<Readiness> {
  const lag_seconds = Math.round((await app.store.dispatch.lagSeconds()) * 1000) / 1000
  return {
    status: app.runs.draining() ? 'draining' : lag_seconds > LAGGING_SECONDS ? 'lagging' : 'ok',
    lag_seconds,
  }
}

async function sendMetrics(app: App, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { metricsToken, host } = app.config
  if (metricsToken === undefined && !LOOPBACK.includes(host))
    throw new ZeroError('forbidden', 'The server can be reached from outside: set ZERODB_METRICS_TOKEN, and send it')
  if (metricsToken !== undefined && !sameSecret(request.headers.authorization ?? '', `Bearer ${metricsToken}`))
    throw new ZeroError('unauthorized', 'Metrics are for who sends ZERODB_METRICS_TOKEN as a bearer token')

  const { metrics, store } = app
  metrics.runs.reset()
  for (const { handler, status, count } of await store.runs.count()) metrics.runs.set({ handler, status }, count)
  metrics.dispatchLag.set(await store.dispatch.lagSeconds())
  metrics.instances.set((await store.instances.list()).length)
  return reply.type(metrics.contentType).send(await metrics.text())
}
