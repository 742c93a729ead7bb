import { type LookupAddress, lookup as systemLookup } from 'node:dns'
import { isIP } from 'node:net'
import { pipeline, type Readable } from 'node:stream'
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'
import { Agent, buildConnector, request } from 'undici'
import { abortable, deadline } from '../platform/abort.ts'
import { createAddressRule, LOOPBACK_NETWORKS } from './addresses.ts'

const MAX_ANSWER_BYTES = 1024 * 1024

export interface OutgoingRequest {
  method: 'GET' | 'POST'
  /** http or https. */
  url: string
  headers: Record<string, string>
  body?: string
  /** Total timeout: name resolution, connection, request and response. */
  timeoutSeconds: number
  signal?: AbortSignal
}

export interface OutgoingAnswer {
  status: number
  /** Names are in lower case. Repeated headers are joined with `, `. */
  headers: Record<string, string>
  /** Decompressed, at most 1 MB. */
  body: Buffer
  /** True when the body was longer; the rest was not read. */
  truncated: boolean
}

/** A request without a response. The message continues a sentence that starts with the receiver, and reveals nothing about internal networks. */
export class OutgoingError extends Error {
  /** `blocked`: the address is not allowed. `timeout`. `unreachable`: no connection, or a broken one. */
  readonly reason: 'blocked' | 'timeout' | 'unreachable'

  constructor(reason: OutgoingError['reason'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.reason = reason
  }
}

/** Sends requests to user-supplied URLs, never to internal addresses. */
export interface Outgoing {
  /**
   * Returns the response with any status; redirects are not followed. Throws `OutgoingError`, or the signal's reason when it is aborted. Each
   * connection goes to the very address that was checked, which prevents DNS rebinding.
   */
  send(request: OutgoingRequest): Promise<OutgoingAnswer>
  /** Returns why a request to this URL would be blocked, judged without name resolution; null if it may be allowed. */
  refusal(url: string): string | null
  /** Aborts all running requests. */
  close(): Promise<void>
}

export interface OutgoingOptions {
  /** Networks that may be reached although they are not public, e.g. `10.0.0.0/8`. */
  allowNetworks: readonly string[]
  /** Name resolution; by default the system's. */
  lookup?: (
    name: string,
    options: { all: true },
    done: (error: Error | null, addresses: LookupAddress[]) => void,
  ) => void
}

const DECODERS: Record<string, () => ReturnType<typeof createGunzip>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
}

/** Creates one connection pool for the life of the program. Proxy settings of the environment are ignored. */
export function createOutgoing({ allowNetworks, lookup = systemLookup }: OutgoingOptions): Outgoing {
  const rule = createAddressRule(allowNetworks)

  const connectTo = buildConnector({
    lookup(name, options, done) {
      lookup(name, { ...options, all: true }, (error, found) => {
        if (error) return done(error, [])
        const open = found.filter(({ address }) => rule.permits(address))
        const [first] = open
        if (!first) return done(blocked(name), [])
        // Node asks for all addresses if it may try several, otherwise for one.
        return options.all ? done(null, open) : done(null, first.address, first.family)
      })
    },
  })
  const agent = new Agent({
    // A literal address bypasses `lookup`.
    connect: (options, done) =>
      isIP(options.hostname) && !rule.permits(options.hostname)
        ? done(blocked(options.hostname), null)
        : connectTo(options, done),
    headersTimeout: 0,
    bodyTimeout: 0,
  })

  async function exchange({ method, url, headers, body }: OutgoingRequest, signal: AbortSignal) {
    const answer = await request(url, { dispatcher: agent, method, headers, body: body ?? null, signal })
    const received = Object.fromEntries(
      Object.entries(answer.headers).map(([name, value]) => [name, [value ?? ''].flat().join(', ')]),
    )
    return { status: answer.statusCode, headers: received, ...(await read(answer.body, received['content-encoding'])) }
  }

  function refusal(url: string): string | null {
    const { protocol, hostname } = new URL(url)
    if (protocol !== 'http:' && protocol !== 'https:') return 'has an address that is neither http nor https'
    const host = hostname.replace(/^\[|\]$/g, '')
    const open = isIP(host)
      ? rule.permits(host)
      : !/(^|\.)localhost\.?$/.test(host) || rule.permits('127.0.0.1') || rule.permits('::1')
    return open ? null : blocked(host).message
  }

  return {
    async send(outgoing) {
      const { signal, timeoutSeconds } = outgoing
      signal?.throwIfAborted()
      const refused = refusal(outgoing.url)
      if (refused !== null) throw new OutgoingError('blocked', refused)
      const late = new OutgoingError('timeout', `took longer than ${timeoutSeconds} s`)
      const limit = deadline(timeoutSeconds * 1000, signal, late)
      try {
        // A request that still waits for its connection does not hear of the abort by itself.
        return await abortable(exchange(outgoing, limit.signal), limit.signal)
      } catch (error) {
        throw limit.signal.aborted ? limit.signal.reason : asOutgoingError(error)
      } finally {
        limit.clear()
      }
    },
    refusal,
    close: () => agent.destroy(),
  }
}

function blocked(host: string): OutgoingError {
  const isLoopback = /^127\.|^::1$|(^|\.)localhost\.?$/.test(host)
  const start = isLoopback
    ? `: start the server with ZERODB_ALLOW_NETWORKS=${LOOPBACK_NETWORKS.join(',')}, or with "zerodb dev --allow-local"`
    : isIP(host)
      ? `: start the server with ZERODB_ALLOW_NETWORKS=${host}/${isIP(host) === 4 ? 32 : 128}`
      : ''
  return new OutgoingError(
    'blocked',
    `has an address that is not public (${host}): a request may go there only if ZERODB_ALLOW_NETWORKS names its network${start}`,
  )
}

async function read(stream: Readable, encoding = ''): Promise<{ body: Buffer; truncated: boolean }> {
  const decoder = DECODERS[encoding.trim().toLowerCase()]?.()
  // The reader of the decoder receives all errors.
  const decoded: Readable = decoder ? pipeline(stream, decoder, () => {}) : stream
  const chunks: Buffer[] = []
  let left = MAX_ANSWER_BYTES
  for await (const chunk of decoded as AsyncIterable<Buffer>) {
    chunks.push(chunk.subarray(0, left))
    left -= chunk.length
    if (left < 0) break
  }
  return { body: Buffer.concat(chunks), truncated: left < 0 }
}

function asOutgoingError(error: unknown): OutgoingError {
  if (error instanceof OutgoingError) return error
  const { code } = error as { code?: unknown }
  if (code === 'UND_ERR_CONNECT_TIMEOUT')
    return new OutgoingError('timeout', 'did not accept the connection in time', { cause: error })
  const detail = typeof code === 'string' ? ` (${code})` : ''
  return new OutgoingError('unreachable', `cannot be reached, or broke off${detail}`, { cause: error })
}
