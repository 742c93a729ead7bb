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
  /** For all of it: the name's resolution, the connection, the request and the answer. */
  timeoutSeconds: number
  signal?: AbortSignal
}

export interface OutgoingAnswer {
  status: number
  /** Names in lower case; of a header that came several times the values are joined by `, `. */
  headers: Record<string, string>
  /** Decompressed, at most 1 MB. */
  body: Buffer
  /** True when the answer was longer; the rest has not been read. */
  truncated: boolean
}

/** Why there is no answer. The message is a clause that goes on after the receiver's name, and tells nothing of the network inside. */
export class OutgoingError extends Error {
  /** `blocked`: the address is not one that requests may go to; `timeout`; `unreachable`: no connection, or one that broke. */
  readonly reason: 'blocked' | 'timeout' | 'unreachable'

  constructor(reason: OutgoingError['reason'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.reason = reason
  }
}

/** Sends requests to addresses that users have chosen, and never inward. */
export interface Outgoing {
  /**
   * The answer, whatever its status: a redirect is an answer and is not followed. Throws `OutgoingError`, or the signal's reason when it is
   * aborted. Every connection is made to an address that has been checked itself, so that a name cannot change its meaning in between.
   */
  send(request: OutgoingRequest): Promise<OutgoingAnswer>
  /** Why no request to this address can succeed, as far as the text alone says; null when it must be tried. Resolves no name. */
  refusal(url: string): string | null
  /** Breaks what is under way. */
  close(): Promise<void>
}

export interface OutgoingOptions {
  /** Networks that may be reached although they are not public, e.g. `10.0.0.0/8`. */
  allowNetworks: readonly string[]
  /** How names are resolved; the system's way unless given. */
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

/** One pool of connections, for the life of the program. Proxies that the environment names are not used. */
export function createOutgoing({ allowNetworks, lookup = systemLookup }: OutgoingOptions): Outgoing {
  const rule = createAddressRule(allowNetworks)

  const connectTo = buildConnector({
    lookup(name, options, done) {
      lookup(name, { ...options, all: true }, (error, found) => {
        if (error) return done(error, [])
        const open = found.filter(({ address }) => rule.permits(address))
        const [first] = open
        if (!first) return done(blocked(name), [])
        // Node asks for all where it may try several, and else for one.
        return options.all ? done(null, open) : done(null, first.address, first.family)
      })
    },
  })
  const agent = new Agent({
    // An address that is written out is connected to without being looked up.
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
  // Errors come out of the decoder, which is what is read.
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
