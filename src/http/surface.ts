import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Caller, Surface } from '../app.ts'

/** Adds the route of a surface. `onCaller` gets the authenticated caller and throws to reject the request. */
export async function addSurface(
  server: FastifyInstance,
  surface: Surface,
  authenticate: (headers: FastifyRequest['headers']) => Promise<Caller>,
  onCaller: (request: FastifyRequest, reply: FastifyReply, caller: Caller) => void,
): Promise<void> {
  const callers = new WeakMap<FastifyRequest, Caller>()
  await server.register(async (scope) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_, body, done) => done(null, body))
    scope.route({
      method: ['GET', 'POST', 'DELETE'],
      url: surface.path,
      exposeHeadRoute: false,
      config: { operation: surface.name },
      async onRequest(request, reply) {
        surface.guard(request.headers)
        const caller = await authenticate(request.headers)
        callers.set(request, caller)
        onCaller(request, reply, caller)
      },
      async handler(request, reply) {
        const body = request.body instanceof Uint8Array ? request.body : NO_BODY
        return send(reply, await surface.respond(webRequest(request, reply), body, callers.get(request)!))
      },
    })
    scope.addHook('preClose', () => surface.close())
  })
}

const NO_BODY = new Uint8Array()

/** Converts the request to a web `Request` without its body. */
function webRequest({ url, method, headers }: FastifyRequest, reply: FastifyReply): Request {
  const disconnected = new AbortController()
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) disconnected.abort()
  })
  const fields = Object.entries(headers).flatMap(([name, value = '']) =>
    [value].flat().map((each): [string, string] => [name, each]),
  )
  return new Request(`http://localhost${url}`, { method, headers: fields, signal: disconnected.signal })
}

async function send(reply: FastifyReply, response: Response): Promise<FastifyReply> {
  const { status, headers, body } = response
  void reply.code(status)
  for (const [name, value] of headers) if (name !== 'connection') void reply.header(name, value)
  if (body === null) return reply.send()
  const isStream = headers.get('content-type')?.startsWith('text/event-stream')
  return reply.send(isStream ? Readable.fromWeb(body as ReadableStream) : Buffer.from(await response.arrayBuffer()))
}
