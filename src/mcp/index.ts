import { createMcpHandler, type McpHttpHandler } from '@modelcontextprotocol/server'
import type { App, Caller, Surface } from '../app.ts'
import { scopeOf } from '../auth/caller.ts'
import { ZeroError } from '../errors.ts'
import { parseJson, unmarkNumbers } from '../exact-json.ts'
import { onAbort } from '../platform/abort.ts'
import { createCancellations } from './cancellations.ts'
import { createGuard } from './guard.ts'
import { createStateCodec } from './input-requests.ts'
import { legacyStream } from './legacy-stream.ts'
import { ToolServer } from './server.ts'
import { createSubscribers } from './subscribers.ts'
import type { Tool } from './tool.ts'
import { findTool } from './tools.ts'

/** Streams end after this time; clients connect again, which checks their permissions again. */
const MAX_STREAM_MS = 3_600_000

interface Message {
  method?: unknown
  id?: unknown
  // biome-ignore lint/suspicious/noExplicitAny: not validated yet
  params?: any
}

/**
 * Serves the Model Context Protocol at `/mcp`: revision 2026-07-28, which has no sessions, and the handshake of earlier revisions. Each request
 * has its own server object; only subscriptions and running calls are kept between requests.
 */
export function createMcp(app: App): Surface {
  const subscribers = createSubscribers(app.config.quotas.mcpListeners)
  const cancellations = createCancellations()
  const stateCodec = createStateCodec(app.jwtSecret)
  const ending = new AbortController()
  const listening = new Set<McpHttpHandler>()
  const unwatch = app.functions.watch((projectId) => subscribers.notify(projectId))

  function subscriberFor({ user_id, project_id }: Caller) {
    subscribers.checkLimits(user_id)
    return (listener: () => void) => subscribers.add({ user_id, project_id }, listener)
  }

  async function listen(request: Request, caller: Caller): Promise<Response> {
    await app.store.projects.get(scopeOf(caller))
    const signal = AbortSignal.any([request.signal, ending.signal, AbortSignal.timeout(MAX_STREAM_MS)])
    return legacyStream(subscriberFor(caller), signal)
  }

  async function post(request: Request, bytes: Uint8Array, caller: Caller): Promise<Response> {
    const body = parseBody(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString())
    const messages = (Array.isArray(body) ? body : [body]).filter(isMessage)
    const session = request.headers.get('mcp-session-id')
    const owner = session === null ? null : `${caller.user_id} ${session}`
    if (owner !== null) cancellations.handle(owner, messages)

    const isListening = messages.some(({ method }) => method === 'subscriptions/listen')
    if (isListening) await app.store.projects.get(scopeOf(caller))
    const subscribe = isListening ? subscriberFor(caller) : () => () => {}
    const handler = createMcpHandler(
      async () =>
        new ToolServer(app, {
          caller,
          tools: await findCalledTools(app, caller, messages),
          length: bytes.length,
          stateCodec,
          onCancel: (id, cancel) => (owner === null ? () => {} : cancellations.register(owner, id, cancel)),
        }),
      {
        bus: { publish() {}, subscribe: (listener) => subscribe(() => listener({ kind: 'tools_list_changed' })) },
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
    if (session === null && messages.some(isLegacyInitialize))
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

/** Returns undefined for text that is not valid JSON: the SDK then sends the protocol's error. */
function parseBody(text: string): unknown {
  try {
    return parseJson(text)
  } catch (error) {
    if (error instanceof ZeroError) throw error
    return undefined
  }
}

/** Replaces marks in the response with their numbers. The SDK writes each message of a stream as one chunk. */
function withNumbers({ body, status, headers }: Response): Response {
  const unmark = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      // latin1 maps each byte to one character: marks are ASCII, and other bytes stay unchanged.
      const text = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1')
      controller.enqueue(Buffer.from(unmarkNumbers(text), 'latin1'))
    },
  })
  return new Response(body?.pipeThrough(unmark) ?? null, { status, headers })
}

function isMessage(value: unknown): value is Message {
  return typeof value === 'object' && value !== null
}

/** Tells whether the message starts the handshake of a revision before 2026-07-28. */
function isLegacyInitialize({ method, params }: Message): boolean {
  return method === 'initialize' && params?._meta?.['io.modelcontextprotocol/protocolVersion'] === undefined
}

async function findCalledTools(app: App, caller: Caller, messages: readonly Message[]): Promise<Map<string, Tool>> {
  const called = new Map<string, Tool>()
  for (const { method, params } of messages) {
    const name: unknown = method === 'tools/call' ? params?.name : undefined
    const tool = typeof name === 'string' ? await findTool(app, caller, name) : null
    if (tool) called.set(tool.definition.name, tool)
  }
  return called
}
