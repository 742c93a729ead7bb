import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Caller, Surface } from '../app.ts'

/** Makes a surface answer at its path. `onCaller` is told who asks. */
export async function addSurface(
  server: FastifyInstance,
  surface: Surface,
  authenticate: (headers: FastifyRequest['headers']) => Promise<Caller>,
  onCaller: (request: FastifyRequest, caller: Caller) => void,
): Promise<void> {
  const callers = new WeakMap<FastifyRequest, Caller>()
  await server.register(async (scope) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_, body, done) => done(null, body))
    scope.route({
      method: ['GET', 'POST', 'DELETE'],
      url: surface.path,
      config: { operation: surface.name },
      async onRequest(request) {
        surface.guard(request.headers)
        const caller = await authenticate(request.headers)
        callers.set(request, caller)
        onCaller(request, caller)
      },
      handler: async (request, reply) =>
        send(reply, await surface.respond(webRequest(request, reply), callers.get(request)!)),
    })
    scope.addHook('preClose', () => surface.close())
  })
}

/** The request as the web knows it; its signal is aborted when the connection is closed. */
function webRequest(request: FastifyRequest, reply: FastifyReply): Request {
  const gone = new AbortController()
  reply.raw.once('close', () => gone.abort())
  const headers = new Headers()
  for (const [name, value] of Object.entries(request.headers))
    for (const each of Array.isArray(value) ? value : [value ?? '']) headers.append(name, each)
  const body = request.body instanceof Uint8Array ? { body: request.body } : {}
  return new Request(`http://localhost${request.url}`, {
    method: request.method,
    headers,
    signal: gone.signal,
    ...body,
  })
}

async function send(reply: FastifyReply, { status, headers, body }: Response): Promise<FastifyReply> {
  void reply.code(status)
  for (const [name, value] of headers) if (name !== 'connection') void reply.header(name, value)
  return reply.send(body === null ? undefined : Readable.fromWeb(body as ReadableStream))
}
