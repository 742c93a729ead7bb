import { createMcpHandler, type McpHttpHandler } from '@modelcontextprotocol/server'
import type { App, Caller, Surface } from '../app.ts'
import { scopeOf } from '../auth/caller.ts'
import { ZeroError } from '../errors.ts'
import { parseJson, unmarkNumbers } from '../exact-json.ts'
import { onAbort } from '../platform/abort.ts'
import { createCancellations } from './cancellations.ts'
import { createGuard } from './guard.ts'
import { createSeal } from './input-requests.ts'
import { legacyStream } from './legacy-stream.ts'
import { ToolServer } from './server.ts'
import { createSubscribers } from './subscribers.ts'
import type { Tool } from './tool.ts'
import { findTool } from './tools.ts'

/** Then who waits for word asks again, and must still have the right to. */
const MAX_STREAM_MS = 3_600_000

interface Message {
  method?: unknown
  id?: unknown
  // biome-ignore lint/suspicious/noExplicitAny: whatever a client sends
  params?: any
}

/**
 * The Model Context Protocol at `/mcp`: revision 2026-07-28, which has no sessions, and the handshake of those before it. Each request gets a
 * server of its own, so that nothing is kept between them but who waits for word.
 */
export function createMcp(app: App): Surface {
  const audience = createSubscribers(app.config.quotas.mcpListeners)
  const cancellations = createCancellations()
  const seal = createSeal(app.jwtSecret)
  const ending = new AbortController()
  const listening = new Set<McpHttpHandler>()
  const unwatch = app.functions.watch((projectId) => audience.changed(projectId))

  function joiner({ user_id, project_id }: Caller) {
    audience.checkRoom(user_id)
    return (listener: () => void) => audience.join({ user_id, project_id }, listener)
  }

  async function listen(request: Request, caller: Caller): Promise<Response> {
    await app.store.projects.get(scopeOf(caller))
    const signal = AbortSignal.any([request.signal, ending.signal, AbortSignal.timeout(MAX_STREAM_MS)])
    return legacyStream(joiner(caller), signal)
  }

  async function post(request: Request, bytes: Uint8Array, caller: Caller): Promise<Response> {
    const body = parsed(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString())
    const messages = (Array.isArray(body) ? body : [body]).filter(isMessage)
    const session = request.headers.get('mcp-session-id')
    const owner = session === null ? null : `${caller.user_id} ${session}`
    if (owner !== null) cancellations.take(owner, messages)

    const isListening = messages.some(({ method }) => method === 'subscriptions/listen')
    if (isListening) await app.store.projects.get(scopeOf(caller))
    const join = isListening ? joiner(caller) : () => () => {}
    const handler = createMcpHandler(
      async () =>
        new ToolServer(app, {
          caller,
          called: await calledTools(app, caller, messages),
          length: bytes.length,
          seal,
          begin: (id, cancel) => (owner === null ? () => {} : cancellations.begin(owner, id, cancel)),
        }),
      {
        bus: { publish() {}, subscribe: (listener) => join(() => listener({ kind: 'tools_list_changed' })) },
        onerror: (error) => app.log.debug({ error }, 'mcp'),
      },
    )
    const signal = isListening ? AbortSignal.any([request.signal, AbortSignal.timeout(MAX_STREAM_MS)]) : request.signal
    if (isListening) {
      listening.add(handler)
      onAbort(signal, () => listening.delete(handler))
    }
    const response =
      body === undefined
        ? await handler.fetch(new Request(request, { body: bytes }))
        : await handler.fetch(isListening ? new Request(request, { signal }) : request, { parsedBody: body })
    if (session === null && messages.some(isOlderOpening))
      response.headers.set('mcp-session-id', cancellations.newSession())
    return isListening ? response : withNumbers(response)
  }

  return {
    path: '/mcp',
    name: 'mcp',
    guard: createGuard(app.config),
    async respond(request, body, caller) {
      if (request.method === 'POST') return post(request, body, caller)
      const wantsEvents = request.headers.get('accept')?.includes('text/event-stream')
      if (request.method === 'GET' && wantsEvents) return listen(request, caller)
      return new Response(null, { status: 405, headers: { allow: 'GET, POST' } })
    },
    async close() {
      unwatch()
      ending.abort()
      await Promise.all([...listening].map((handler) => handler.close()))
    },
  }
}

/** Undefined for what is no JSON: the SDK says so in the protocol's form. */
function parsed(text: string): unknown {
  try {
    return parseJson(text)
  } catch (error) {
    if (error instanceof ZeroError) throw error
    return undefined
  }
}

/** The response with numbers in place of their marks. The SDK writes each message of a stream as one chunk. */
function withNumbers({ body, status, headers }: Response): Response {
  const unmark = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      // A byte a character: marks are ASCII, and all else stays as it is.
      const text = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1')
      controller.enqueue(Buffer.from(unmarkNumbers(text), 'latin1'))
    },
  })
  return new Response(body?.pipeThrough(unmark) ?? null, { status, headers })
}

function isMessage(value: unknown): value is Message {
  return typeof value === 'object' && value !== null
}

/** The handshake of the revisions before 2026-07-28. */
function isOlderOpening({ method, params }: Message): boolean {
  return method === 'initialize' && params?._meta?.['io.modelcontextprotocol/protocolVersion'] === undefined
}

async function calledTools(app: App, caller: Caller, messages: readonly Message[]): Promise<Map<string, Tool>> {
  const called = new Map<string, Tool>()
  for (const { method, params } of messages) {
    const name: unknown = method === 'tools/call' ? params?.name : undefined
    const tool = typeof name === 'string' ? await findTool(app, caller, name) : null
    if (tool) called.set(tool.definition.name, tool)
  }
  return called
}
