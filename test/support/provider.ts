import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Fault of a whole request. */
export type Fault =
  | { status: number; headers?: Record<string, string>; body?: unknown }
  | 'hang'
  | 'drip'
  | 'huge'
  | 'invalid-json'
  | 'reset'
  | 'reset-midway'

/** Behaviour of the server; a test can change each field between requests. */
export interface Switches {
  fault: Fault | undefined
  /** Number of requests with the fault; later requests succeed. */
  faults: number
  /** Only requests with one of these words in their body have the fault. */
  faultyWords: RegExp | undefined
  dimensions: number
  /** Encoding of vectors. `asked` follows the request; the others ignore it, as some real servers do. */
  encoding: 'asked' | 'float' | 'base64'
  /** Fault of the vectors in an otherwise valid response. */
  vectors: 'right' | 'shuffled' | 'wrong-length' | 'null' | 'nan' | 'zero' | 'missing' | 'repeated'
  /** Optional fields of chat requests that this model rejects, with the message of the 400. */
  refusedFields: Record<string, string>
  /** Responses of the chat model in order; the last one is repeated. */
  replies: (string | null)[]
  finishReason: string
}

export interface RecordedRequest {
  method: string
  path: string
  headers: IncomingMessage['headers']
  body: Record<string, unknown>
}

export interface TestProvider {
  /** Base URL, which ends in `/v1` like those of providers. */
  baseUrl: string
  /** The only accepted key. */
  apiKey: string
  switches: Switches
  /** Requests in order of arrival. */
  requests: RecordedRequest[]
  /** Resolves when this many requests have arrived. */
  received(count: number): Promise<void>
  /** Resolves when the client has aborted an unanswered request. */
  abandoned(): Promise<void>
  /** Resets to the initial state: no fault, no requests. */
  reset(): void
  close(): Promise<void>
}

const FIELDS: Record<string, string[]> = {
  '/v1/embeddings': ['model', 'input', 'encoding_format'],
  '/v1/chat/completions': ['model', 'messages', 'temperature', 'response_format'],
}

const goodSwitches = (): Switches => ({
  fault: undefined,
  faults: Number.POSITIVE_INFINITY,
  faultyWords: undefined,
  dimensions: 8,
  encoding: 'asked',
  vectors: 'right',
  refusedFields: {},
  replies: ['{}'],
  finishReason: 'stop',
})

/** Starts a server on loopback that behaves like DigitalOcean, vLLM and Ollama: strict about fields and key, with faults on demand. */
export async function startProvider(): Promise<TestProvider> {
  const requests: RecordedRequest[] = []
  let switches = goodSwitches()
  const listeners = new Set<() => void>()
  let abandonments = 0

  function until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (!condition()) return
        listeners.delete(look)
        resolve()
      }
      listeners.add(look)
      look()
    })
  }
  function changed(): void {
    for (const look of [...listeners]) look()
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const text = Buffer.concat(chunks).toString()
    const path = request.url ?? ''
    const body = JSON.parse(text) as Record<string, unknown>
    requests.push({ method: request.method ?? '', path, headers: request.headers, body })
    response.on('close', () => {
      if (!response.writableFinished) abandonments++
      changed()
    })
    changed()

    const { fault, faultyWords } = switches
    if (fault !== undefined && switches.faults > 0 && (faultyWords?.test(text) ?? true)) {
      switches.faults--
      fail(request, response, fault)
      return
    }
    if (request.headers.authorization !== `Bearer ${provider.apiKey}`)
      return refuse(response, 401, `Incorrect API key provided: ${request.headers.authorization}`)
    const known = FIELDS[path]
    if (!known) return refuse(response, 404, `no route ${path}`)
    const unknown = Object.keys(body).find((field) => !known.includes(field))
    if (unknown) return refuse(response, 400, `Unknown field in the request body: ${unknown}`)
    const refused = Object.keys(body).find((field) => field in switches.refusedFields)
    if (refused) return refuse(response, 400, switches.refusedFields[refused]!)
    send(response, 200, path === '/v1/embeddings' ? embeddings(body, switches) : completion(switches))
  }

  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')

  const provider: TestProvider = {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    apiKey: 'sk-do-a-key-that-no-message-may-hold',
    get switches() {
      return switches
    },
    requests,
    received: (count) => until(() => requests.length >= count),
    abandoned: () => until(() => abandonments > 0),
    reset() {
      switches = goodSwitches()
      requests.length = 0
      abandonments = 0
    },
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return provider
}

function send(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(typeof body === 'string' ? body : JSON.stringify(body))
}

function refuse(response: ServerResponse, status: number, message: string): void {
  send(response, status, { error: { message, type: 'invalid_request_error', code: null } })
}

function fail(request: IncomingMessage, response: ServerResponse, fault: Fault): void {
  if (fault === 'hang') return
  if (fault === 'reset') {
    request.socket.resetAndDestroy()
    return
  }
  if (typeof fault === 'object') {
    send(response, fault.status, fault.body ?? { error: { message: 'as told' } }, fault.headers)
    return
  }
  response.writeHead(200, { 'content-type': 'application/json' })
  if (fault === 'invalid-json') response.end('{"data": [NaN, oops')
  if (fault === 'reset-midway') response.write('{"data": [', () => request.socket.resetAndDestroy())
  if (fault === 'drip') {
    const drip = setInterval(() => response.write(' '), 5)
    response.on('close', () => clearInterval(drip))
  }
  if (fault === 'huge') {
    const pour = () => {
      while (!response.destroyed && response.write(' '.repeat(64 * 1024)));
    }
    response.on('drain', pour)
    pour()
  }
}

/** Returns the vector of a text. Equal texts have equal vectors, which are not normalised. */
export function vectorOf(text: string, dimensions: number): number[] {
  return Array.from({ length: dimensions }, (_, i) => {
    const hash = createHash('sha256').update(`${i}:${text}`).digest()
    return Math.fround(hash.readInt32LE() / 2 ** 30)
  })
}

function embeddings(body: Record<string, unknown>, { dimensions, encoding, vectors }: Switches): unknown {
  const input = [body['input']].flat() as string[]
  const base64 = encoding === 'asked' ? body['encoding_format'] === 'base64' : encoding === 'base64'
  let data: { object: string; index: number; embedding: unknown }[] = input.map((text, index) => {
    const vector = vectorOf(text, dimensions)
    return {
      object: 'embedding',
      index,
      embedding: base64 ? Buffer.from(Float32Array.from(vector).buffer).toString('base64') : vector,
    }
  })
  const last = data.at(-1)!
  if (vectors === 'shuffled') data = [...data.slice(1).reverse(), data[0]!]
  if (vectors === 'wrong-length') last.embedding = vectorOf('', dimensions - 1)
  if (vectors === 'null') last.embedding = [null, ...vectorOf('', dimensions - 1)]
  if (vectors === 'zero') last.embedding = Array(dimensions).fill(0)
  if (vectors === 'missing') data.pop()
  if (vectors === 'repeated') last.index = 0
  if (vectors === 'nan') {
    const values = Float32Array.from([Number.NaN, ...vectorOf('', dimensions - 1)])
    last.embedding = Buffer.from(values.buffer).toString('base64')
  }
  return { object: 'list', data, model: body['model'], usage: { prompt_tokens: 1, total_tokens: 1 } }
}

function completion({ replies, finishReason }: Switches): unknown {
  const content = replies.length > 1 ? replies.shift()! : replies[0]!
  return {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: finishReason }],
    usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
  }
}
