import http from 'node:http'
import net, { isIP } from 'node:net'
import { type Duplex, pipeline } from 'node:stream'
import { formatAuthority } from '../../platform/network-policy.ts'
import type { NetworkRequest } from '../index.ts'
import { createHelloInspector, type Inspected, UNRECOGNIZED_NAME } from './client-hello.ts'
import { headersOf } from './headers.ts'
import { type Injection, injectHeaders } from './inject.ts'
import type { Resolve } from './resolve.ts'

/** Maximum number of addresses of a host that are tried. */
const MAX_TRIED = 4
/** Why a connection was not opened. `message` is a sentence for the program, in ASCII. */
export class Failure {
  readonly status: 400 | 403 | 502 | 504
  readonly message: string

  constructor(status: Failure['status'], message: string) {
    this.status = status
    this.message = message
  }
}

export interface ConnectOptions {
  resolve: Resolve
  permits(address: string): boolean
  /** Whether the connection goes to the very address that was checked. Only tests switch it off. */
  isPinned: boolean
  signal: AbortSignal
}

/** Connects to the first address of a host that is permitted and answers. */
export async function connectTo(host: string, port: number, options: ConnectOptions): Promise<net.Socket | Failure> {
  const { resolve, permits, isPinned, signal } = options
  const name = formatAuthority(host, port)
  const found = await untilAborted(isIP(host) ? [host] : resolve(host), signal).catch((error: Error) => error)
  if (signal.aborted) return new Failure(504, `the name ${host} was not resolved in time`)
  if (found instanceof Error || found.length === 0) return new Failure(502, `the name ${host} cannot be resolved`)
  const open = found.filter(permits)
  if (open.length === 0)
    return new Failure(
      403,
      `${name} has an address that is not public: a function may connect there only if ZERODB_ALLOW_NETWORKS names its network`,
    )
  const addresses = isPinned ? open : await resolve(host)
  let code = 'ETIMEDOUT'
  for (const address of addresses.slice(0, MAX_TRIED)) {
    const socket = net.connect({ host: address, port, allowHalfOpen: true, noDelay: true })
    const error = await connected(socket, signal)
    if (error === null) return socket
    socket.destroy()
    if (signal.aborted) return new Failure(504, `${name} did not accept the connection in time`)
    code = error.code ?? code
  }
  return new Failure(502, `${name} cannot be reached (${code})`)
}

function connected(socket: net.Socket, signal: AbortSignal): Promise<NodeJS.ErrnoException | null> {
  return new Promise((resolve) => {
    const abort = () => socket.destroy(new Error('aborted'))
    const settle = (error: NodeJS.ErrnoException | null) => {
      signal.removeEventListener('abort', abort)
      resolve(error)
    }
    signal.addEventListener('abort', abort)
    socket.once('connect', () => settle(null))
    // Stays attached, so that a late error of a connection that was given up has a listener.
    socket.on('error', settle)
    if (signal.aborted) abort()
  })
}

function untilAborted<T>(work: T | Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(new Error('aborted'))
    signal.addEventListener('abort', abort, { once: true })
    Promise.resolve(work).then(resolve, reject)
  })
}

export interface TunnelOptions {
  idleMs: number
  /** Time for the ClientHello of a connection that must be TLS. */
  helloMs: number
  onBytes(bytes: number): void
  onEnd(): void
}

/** A connection of a program to a host. Counts its bytes by call. */
export class Tunnel {
  readonly #upstream: net.Socket
  readonly host: string
  readonly port: number
  readonly #options: TunnelOptions
  #began: number
  #client: Duplex | undefined
  #reason: string | null = null
  #ended = false
  #isNew = true
  #isRefused = false
  #isHeld = false
  /** Ends the program's side. */
  #stop: () => void = () => {}
  /** The host has read everything that the program sent. */
  #isDrained = true
  #reported = { sent: 0, received: 0 }
  #isInjected = false
  #charged = 0
  #helloTimer: NodeJS.Timeout | undefined

  constructor(upstream: net.Socket, host: string, port: number, began: number, options: TunnelOptions) {
    this.#upstream = upstream
    this.host = host
    this.port = port
    this.#began = began
    this.#options = options
    upstream.setTimeout(options.idleMs, () => this.end(`no data for ${options.idleMs / 1000} s`))
    upstream.on('error', () => {})
    // The reason of a failed handshake is known after the socket has closed.
    upstream.on('close', () => (this.#isInjected ? setImmediate(() => this.#finish()) : this.#finish()))
  }

  /** Relays both directions. Each side is read only as fast as the other one reads. */
  relay(client: net.Socket, head: Buffer, checkTls: boolean): void {
    this.#client = client
    this.#stop = () => client.destroy()
    const upstream = this.#upstream
    const inspect = checkTls ? this.#inspector() : null
    let inspecting = inspect
    const send = (chunk: Buffer) => {
      let data = chunk
      if (inspecting) {
        const inspected = inspecting(chunk)
        if ('problem' in inspected) return this.#refuse(client, inspected.problem)
        data = inspected.forward
        if (inspected.isDone) inspecting = null
      }
      if (data.length === 0) return
      clearTimeout(this.#helloTimer)
      this.#options.onBytes(data.length)
      if (this.#ended || upstream.write(data)) return
      this.#isDrained = false
      client.pause()
    }
    upstream.on('drain', () => {
      this.#isDrained = true
      if (!this.#isHeld) client.resume()
    })
    client.on('drain', () => upstream.resume())
    upstream.on('data', (chunk: Buffer) => {
      this.#options.onBytes(chunk.length)
      if (!client.write(chunk)) upstream.pause()
    })
    client.on('data', send)
    client.on('end', () => upstream.end())
    upstream.on('end', () => client.end())
    client.on('close', (hasFailed: boolean) => (hasFailed ? upstream.destroy() : upstream.destroySoon()))
    upstream.on('close', (hasFailed: boolean) => (hasFailed ? client.destroy() : client.destroySoon()))
    if (head.length > 0) send(head)
    // The program may have ended its direction while the connection was opened.
    if (client.readableEnded) upstream.end()
    if (!this.#isHeld && this.#isDrained) client.resume()
  }

  /** Sends a plain HTTP request as the only one of this connection, with the host that was checked. */
  request(request: http.IncomingMessage, response: http.ServerResponse, path: string, isUsualPort: boolean): void {
    this.#stop = () => response.writableEnded || response.destroy()
    const forwarded = http.request({
      createConnection: () => this.#upstream,
      method: request.method,
      path,
      headers: [...headersOf(request), 'host', formatAuthority(this.host, isUsualPort ? null : this.port)] as never,
      setHost: false,
    })
    forwarded.on('response', (answered) => {
      answered.on('data', (chunk: Buffer) => this.#options.onBytes(chunk.length))
      response.writeHead(answered.statusCode!, answered.statusMessage, headersOf(answered, ['transfer-encoding']))
      pipeline(answered, response, () => this.end(null))
    })
    forwarded.on('error', () => {
      if (response.headersSent) response.destroy()
      else response.writeHead(502, { connection: 'close' }).end(`${this.host} broke off the connection\n`)
      this.end(null)
    })
    request.on('data', (chunk: Buffer) => this.#options.onBytes(chunk.length))
    pipeline(request, forwarded, () => {})
    response.on('close', () => this.end(null))
  }

  /** Ends the TLS of the program here, and adds headers to its requests. */
  inject(injection: Omit<Injection, 'upstream' | 'onTraffic' | 'onRefused' | 'onFailed'>): void {
    this.#isInjected = true
    const secured = injectHeaders({
      ...injection,
      upstream: this.#upstream,
      onTraffic: () => this.#charge(),
      onRefused: (reason) => this.end(reason),
      onFailed: (reason) => {
        if (!this.#ended) this.#reason ??= reason
      },
    })
    this.#client = secured
    this.#stop = () => secured.destroy()
    this.#upstream.on('close', () => this.#charge())
    injection.client.on('close', () => this.end(null))
    if (this.#isHeld) secured.pause()
  }

  /** Charges the bytes of an injected connection that have flowed since the last time, with encryption and heads. */
  #charge(): void {
    const total = this.#upstream.bytesRead + this.#upstream.bytesWritten
    const bytes = total - this.#charged
    this.#charged = total
    if (bytes > 0) this.#options.onBytes(bytes)
  }

  /** Stops reading from the program: no call is running that its data could be attributed to. */
  hold(): void {
    this.#isHeld = true
    this.#client?.pause()
  }

  release(): void {
    this.#isHeld = false
    if (this.#isDrained) this.#client?.resume()
  }

  /** Ends the connection, with the reason of the proxy if it is not the program's or the host's. */
  end(reason: string | null): void {
    if (this.#ended) return
    this.#reason ??= reason
    this.#stop()
    this.#upstream.destroy()
  }

  /** Returns what has flowed since the last share, for a call that began at `since`. Null if nothing has happened. */
  share(since: number): NetworkRequest | null {
    const { bytesWritten, bytesRead } = this.#upstream
    const [sent, received] = [bytesWritten - this.#reported.sent, bytesRead - this.#reported.received]
    if (!this.#isNew && sent === 0 && received === 0 && this.#reason === null) return null
    this.#isNew = false
    this.#reported = { sent: bytesWritten, received: bytesRead }
    return {
      host: this.host,
      port: this.port,
      bytes_sent: sent,
      bytes_received: received,
      milliseconds: performance.now() - Math.max(since, this.#began),
      allowed: !this.#isRefused,
      reason: this.#reason,
      injected: this.#isInjected,
    }
  }

  #inspector(): ((chunk: Buffer) => Inspected) | null {
    const mustBeTls = this.port === 443
    if (mustBeTls)
      this.#helloTimer = setTimeout(() => this.end('the TLS handshake did not start in time'), this.#options.helloMs)
    return createHelloInspector(isIP(this.host) ? null : this.host, mustBeTls)
  }

  #refuse(client: net.Socket, problem: string): void {
    this.#isRefused = true
    this.#reason = `the connection to ${formatAuthority(this.host, this.port)} ${problem}`
    client.end(UNRECOGNIZED_NAME)
    client.removeAllListeners('data')
    client.resume()
    this.#upstream.destroy()
  }

  #finish(): void {
    if (this.#ended) return
    this.#ended = true
    clearTimeout(this.#helloTimer)
    this.#options.onEnd()
  }
}
