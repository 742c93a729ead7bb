import { ZeroDBError } from './errors.ts'
import { follow } from './follow.ts'
import { ENDING, KINDS, type OperationName, READS } from './generated.ts'
import { addressOf } from './request.ts'
import { createResultStream } from './result-stream.ts'
import { type Sending, type SendOptions, send } from './send.ts'
import type { CallOptions, Download, DownloadOptions, JsonCodec, Transport } from './transport.ts'
import { uploadBody } from './upload.ts'

export interface HttpOptions extends SendOptions {
  url: string
  /** API key; null sends no key. */
  apiKey: string | null
  projectId: string | null
  timeoutSeconds: number
  headers: Record<string, string>
  json: JsonCodec
}

/** Requests with an idempotency key are executed once, even if they are repeated. */
const hasIdempotencyKey = (headers: Record<string, string> = {}) =>
  Object.keys(headers).some((name) => name.toLowerCase() === 'idempotency-key')

/** Creates the transport that calls a server with `fetch`. */
export function httpTransport(options: HttpOptions): Transport {
  const base = options.url.replace(/\/+$/, '')
  const defaultHeaders: Record<string, string> = {
    ...(options.apiKey === null ? {} : { authorization: `Bearer ${options.apiKey}` }),
    ...(options.projectId === null ? {} : { 'x-project-id': options.projectId }),
    ...options.headers,
  }

  function sendingOf(
    operation: OperationName,
    input: Record<string, unknown>,
    { range, headers, signal, timeoutSeconds }: DownloadOptions,
  ): Sending {
    const { method, path, body } = addressOf(operation, input, options.projectId ?? '-', options.json.stringify)
    const upload = KINDS[operation] === 'upload' && body?.['content'] ? uploadBody(body, options.json) : null
    return {
      method,
      url: `${base}${path}`,
      body: upload ? upload.body : body && options.json.stringify(body),
      headers: {
        ...defaultHeaders,
        ...(upload ? upload.headers : body && { 'content-type': 'application/json' }),
        ...(range ? { range: `bytes=${range.start}-${range.end === undefined ? '' : range.end - 1}` } : {}),
        ...headers,
      },
      isSafe: method === 'GET' || READS.includes(operation) || hasIdempotencyKey(headers),
      isOnce: upload?.isStream ?? false,
      isOpen: KINDS[operation] === 'bytes' || KINDS[operation] === 'stream',
      // Uploads have no timeout by default.
      timeoutSeconds: timeoutSeconds ?? (upload ? null : options.timeoutSeconds),
      signal,
    }
  }

  return {
    async call(operation, input, callOptions: CallOptions) {
      const sending = sendingOf(operation, input, callOptions)
      const kind = KINDS[operation]
      if (kind === 'bytes') return send(sending, options, downloadOf)
      if (kind !== 'stream') return send(sending, options, (response) => answerOf(response, options.json))
      const open = (lastId: string | undefined, signal: AbortSignal) => {
        const headers = lastId === undefined ? sending.headers : { ...sending.headers, 'last-event-id': lastId }
        return send({ ...sending, headers, signal }, options, eventStream)
      }
      return follow(open, ENDING.includes(operation), callOptions.signal, options.json)
    },
    stream(operation, input, callOptions) {
      const open = (signal: AbortSignal) => {
        const sending = sendingOf(operation, input, callOptions)
        const headers = { ...sending.headers, accept: 'text/event-stream' }
        return send({ ...sending, headers, signal, isOpen: true }, options, eventStream)
      }
      return createResultStream(open, callOptions.signal, options.json)
    },
  }
}

async function answerOf(response: Response, json: JsonCodec): Promise<unknown> {
  if (response.status === 204) return undefined
  const text = await response.text()
  let answer: unknown
  try {
    answer = json.parse(text)
  } catch (cause) {
    throw unexpected(response, cause)
  }
  const cursor = response.headers.get('x-next-cursor')
  // A bare array has no field for its cursor. Not enumerable, so that the array looks as the server sent it.
  if (Array.isArray(answer)) Object.defineProperty(answer, 'next_cursor', { value: cursor })
  return answer
}

function eventStream(response: Response): Response {
  if (response.headers.get('content-type')?.startsWith('text/event-stream')) return response
  throw unexpected(response)
}

function unexpected({ url, status }: Response, cause?: unknown): ZeroDBError {
  const detail = `${url} is not a server of this API: check the address`
  return new ZeroDBError({ status, code: 'unexpected_answer', detail, cause })
}

/** Wraps the content of a response. */
function downloadOf(response: Response): Download {
  const { headers } = response
  return {
    content_type: headers.get('content-type') ?? 'application/octet-stream',
    file_name: decodeURIComponent(
      /filename\*=UTF-8''([^;]+)/.exec(headers.get('content-disposition') ?? '')?.[1] ?? 'file',
    ),
    size: headers.has('content-length') ? Number(headers.get('content-length')) : null,
    etag: headers.get('etag')?.replaceAll('"', '') ?? null,
    stream: response.body ?? new Blob([]).stream(),
    bytes: async () => new Uint8Array(await response.arrayBuffer()),
    text: () => response.text(),
  }
}
