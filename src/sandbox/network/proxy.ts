import { chmodSync } from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import type { Duplex } from 'node:stream'
import type { Logger } from 'pino'
import { createAddressRule } from '../../net/addresses.ts'
import {
  allows,
  formatAuthority,
  type InjectedHost,
  type NetworkPolicy,
  normalizeHost,
} from '../../platform/network-policy.ts'
import type { NetworkRequest } from '../index.ts'
import { ALL_PROTECTIONS, type Protections } from '../protections.ts'
import { type Authority, createAuthority } from './authority.ts'
import { createResolve, type Resolve } from './resolve.ts'
import { connectTo, Failure, Tunnel } from './tunnel.ts'

/** Limits on the connections of one instance. */
export const NETWORK_LIMITS = {
  /** Open at the same time. */
  connections: 32,
  /** Opened by one call. */
  connections_per_call: 1_000,
  /** Bytes in both directions during one call. */
  bytes_per_call: 256 * 1024 * 1024,
  /** Reported to one call. */
  reports_per_call: 200,
  /** Time without data after which a connection ends. */
  idle_ms: 300_000,
  /** Time for the head of a request, and for the ClientHello. */
  head_ms: 10_000,
  /** Time for name resolution and connection. */
  connect_ms: 10_000,
}
const MAX_HEAD_BYTES = 8_192
const NOT_HTTP = 'the request is not valid HTTP'

export interface NetworkOptions {
  /** Networks that programs may reach although they are not public, such as `10.0.0.0/8`. */
  allowNetworks: readonly string[]
  /** Name resolution; by default /etc/hosts and the name servers of the system. */
  resolve?: Resolve
  limits?: Partial<typeof NETWORK_LIMITS>
  /** Certificates of the authorities that hosts with injected headers must have, as PEM; by default the usual ones. */
  authorities?: string
}

/** The way of one instance to its hosts. */
export interface InstanceNetwork {
  /** Attributes connections and bytes to a call from now on, which `report` tells. Until then, data of the program waits. */
  begin(report: (request: NetworkRequest) => void): void
  /** Reports the share of the call in the open connections. Until the next call, no connection can be opened. */
  end(): void
  /** Ends all connections. */
  close(): void
}

/** Creates the proxies of instances. */
export interface Network {
  /** Prepares what proxies with this policy need. Must be called before `open`. */
  prepare(policy: NetworkPolicy): Promise<void>
  /** Certificate of the authority that signs for hosts with injected headers, as PEM. Null if no policy has such hosts. */
  certificate(): string | null
  /** Creates the proxy of an instance with a socket at `path`. Throws if the socket cannot be created. */
  open(policy: NetworkPolicy, path: string): InstanceNetwork
}

/** State of the running call. */
interface CallShare {
  report(request: NetworkRequest): void
  connections: number
  bytes: number
  reports: number
  began: number
}

/** Creates the proxies of all instances of a driver. Their sockets are in folders that only the instance and this process can open. */
export function createNetwork(
  { allowNetworks, resolve = createResolve(), limits: given, authorities }: NetworkOptions,
  log: Logger,
  protections: Readonly<Protections> = ALL_PROTECTIONS,
): Network {
  const limits = { ...NETWORK_LIMITS, ...given }
  const rule = createAddressRule(allowNetworks)
  const owners = new WeakMap<Duplex, InstanceProxy>()
  let creating: Promise<Authority> | undefined
  let authority: Authority | null = null

  // Parses requests of all instances. Connections are given to it one by one, so that each is known to belong to one instance.
  const parser = http.createServer({ maxHeaderSize: MAX_HEAD_BYTES, requestTimeout: 0, keepAliveTimeout: 0 })
  parser.on('connect', (request, socket, head) => owners.get(socket)?.connect(request, socket as net.Socket, head))
  parser.on('request', (request, response) => owners.get(request.socket)?.forward(request, response))
  parser.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const isLong = error.code === 'HPE_HEADER_OVERFLOW'
    refuse(socket, isLong ? 431 : 400, isLong ? 'the head of the request is too long' : NOT_HTTP)
  })

  class InstanceProxy implements InstanceNetwork {
    readonly #policy: NetworkPolicy
    readonly #server: net.Server
    readonly #sockets = new Set<net.Socket>()
    readonly #tunnels = new Set<Tunnel>()
    #call: CallShare | null = null
    #opening = 0

    constructor(policy: NetworkPolicy, path: string) {
      this.#policy = policy
      this.#server = net.createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket))
      this.#server.on('error', (error) => log.error({ error }, 'the proxy of a function does not accept connections'))
      this.#server.listen(path)
      // The folder of the socket has the permissions of the instance.
      chmodSync(path, 0o666)
    }

    begin(report: (request: NetworkRequest) => void): void {
      this.end()
      this.#call = { report, connections: 0, bytes: 0, reports: 0, began: performance.now() }
      for (const tunnel of this.#tunnels) tunnel.release()
    }

    end(): void {
      if (!this.#call) return
      for (const tunnel of this.#tunnels) {
        tunnel.hold()
        this.#report(tunnel)
      }
      this.#call = null
    }

    close(): void {
      this.end()
      this.#server.close()
      for (const tunnel of this.#tunnels) tunnel.end(null)
      for (const socket of this.#sockets) socket.destroy()
    }

    #accept(socket: net.Socket): void {
      socket.on('error', () => socket.destroy())
      // A connection that is refused must not wait for its head: a program could hold any number of them.
      if (protections.proxy_limits && this.#sockets.size >= limits.connections) {
        refuse(socket, 403, tooManyConnections(limits.connections))
        return
      }
      this.#sockets.add(socket)
      owners.set(socket, this)
      const late = setTimeout(
        () => refuse(socket, 408, 'the head of the request did not arrive in time'),
        limits.head_ms,
      )
      const stopTimer = () => clearTimeout(late)
      heads.set(socket, stopTimer)
      socket.on('close', () => {
        stopTimer()
        this.#sockets.delete(socket)
      })
      parser.emit('connection', socket)
    }

    async connect(request: http.IncomingMessage, socket: net.Socket, head: Buffer): Promise<void> {
      heads.get(socket)?.()
      // The parser accepts a first line without a version as HTTP 0.9.
      if (request.httpVersionMajor !== 1) return refuse(socket, 400, NOT_HTTP)
      const target = /^(\[[^\]]*\]|[^:[\]]*):(\d{1,5})$/.exec(request.url ?? '')
      const opened = await this.#open(target?.[1] ?? '', Number(target?.[2] ?? 0), socket)
      if (opened instanceof Failure) return refuse(socket, opened.status, opened.message)
      const injected = this.#injected(opened.host, opened.port)
      const context = injected && (await authority!.contextFor(injected.host))
      if (socket.destroyed) return opened.end(null)
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      if (injected) {
        opened.inject({
          target: injected,
          client: socket,
          head,
          context: context!,
          authorities,
          handshakeMs: limits.head_ms,
          protections,
          isLive: () => this.#call !== null,
        })
        if (!this.#call) opened.hold()
        return
      }
      opened.relay(socket, head, protections.proxy_sni)
      if (!this.#call) opened.hold()
    }

    /** Forwards a request for `http://host/path`. */
    async forward(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
      const { socket } = request
      heads.get(socket)?.()
      const target = /^http:\/\/(\[[^\]]*\]|[^:/?#@[\]]*)(?::(\d{1,5}))?([/?][^#]*)?$/i.exec(request.url ?? '')
      if (!target)
        return answer(response, 400, 'this is a proxy: it accepts CONNECT host:port, and requests for http://host/path')
      const [, name = '', port = '80', path = '/'] = target
      const opened = await this.#open(name, Number(port), socket)
      if (opened instanceof Failure) return answer(response, opened.status, opened.message)
      if (response.destroyed) return opened.end(null)
      opened.request(request, response, path.startsWith('/') ? path : `/${path}`, Number(port) === 80)
    }

    /** Opens a connection to a host, if everything allows it. */
    async #open(name: string, port: number, socket: net.Socket): Promise<Tunnel | Failure> {
      const began = performance.now()
      const host = normalizeHost(name)
      if (host === null || port < 1 || port > 65_535)
        return new Failure(400, 'the request names no valid host and port')
      const refused = this.#refusal(host, port)
      this.#opening++
      const opened = refused ?? (await this.#dial(host, port, socket))
      this.#opening--
      if (opened instanceof Failure) {
        const milliseconds = performance.now() - began
        const counts = { bytes_sent: 0, bytes_received: 0, milliseconds }
        const allowed = opened.status !== 403
        this.#tell({ host, port, ...counts, allowed, reason: opened.message, injected: false })
        return opened
      }
      const tunnel = new Tunnel(opened, host, port, began, {
        idleMs: limits.idle_ms,
        helloMs: limits.head_ms,
        onBytes: (bytes) => this.#charge(bytes),
        onEnd: () => {
          this.#tunnels.delete(tunnel)
          this.#report(tunnel)
        },
      })
      this.#tunnels.add(tunnel)
      return tunnel
    }

    #injected(host: string, port: number): InjectedHost | null {
      return this.#policy.inject?.find((each) => each.host === host && each.port === port) ?? null
    }

    #refusal(host: string, port: number): Failure | null {
      const call = this.#call
      if (!call) return new Failure(403, 'no call of this function is running')
      if (protections.proxy_limits && ++call.connections > limits.connections_per_call)
        return new Failure(403, `this call has opened ${limits.connections_per_call} connections, which is the maximum`)
      // One client connection can have several requests.
      if (protections.proxy_limits && this.#tunnels.size + this.#opening >= limits.connections)
        return new Failure(403, tooManyConnections(limits.connections))
      if (protections.proxy_limits && call.bytes > limits.bytes_per_call) return new Failure(403, this.#tooManyBytes())
      if (protections.proxy_policy && !allows(this.#policy, host, port)) return new Failure(403, notAllowed(host, port))
      const problem = this.#injected(host, port)?.problem ?? null
      if (problem !== null) return new Failure(403, problem)
      return null
    }

    async #dial(host: string, port: number, socket: net.Socket): Promise<net.Socket | Failure> {
      const controller = new AbortController()
      const late = setTimeout(() => controller.abort(), limits.connect_ms)
      const gone = () => controller.abort()
      socket.once('close', gone)
      try {
        return await connectTo(host, port, {
          resolve,
          permits: (address) => !protections.proxy_addresses || rule.permits(address),
          isPinned: protections.proxy_addresses,
          signal: controller.signal,
        })
      } finally {
        clearTimeout(late)
        socket.off('close', gone)
      }
    }

    #charge(bytes: number): void {
      if (!this.#call) return
      this.#call.bytes += bytes
      if (!protections.proxy_limits || this.#call.bytes <= limits.bytes_per_call) return
      for (const tunnel of this.#tunnels) tunnel.end(this.#tooManyBytes())
    }

    #tooManyBytes(): string {
      return `this call has sent and received more than ${limits.bytes_per_call} bytes, which is the maximum`
    }

    #report(tunnel: Tunnel): void {
      const share = this.#call && tunnel.share(this.#call.began)
      if (share) this.#tell(share)
    }

    #tell(request: NetworkRequest): void {
      if (this.#call && this.#call.reports++ < limits.reports_per_call) this.#call.report(request)
    }
  }

  /** Stops the timer for the head of a request. */
  const heads = new WeakMap<net.Socket, () => void>()

  return {
    open: (policy, path) => new InstanceProxy(policy, path),
    certificate: () => authority?.certificate ?? null,
    async prepare({ inject = [] }) {
      if (inject.length === 0) return
      creating ??= createAuthority()
      creating.catch(() => {
        creating = undefined
      })
      authority = await creating
    },
  }
}

const tooManyConnections = (limit: number) => `this function has ${limit} open connections, which is the maximum`

/** Says that the policy does not allow a host, and what to change. */
function notAllowed(host: string, port: number): string {
  const pattern = formatAuthority(host, port === 443 || port === 80 ? null : port)
  return `this function may not connect to ${formatAuthority(host, port)}: add '${pattern}' to network in its config`
}

/** Answers with a sentence, also in the status line, because that is all that many clients show. */
function refuse(socket: Duplex, status: number, sentence: string): void {
  if (!socket.writable) return void socket.destroy()
  const head = `HTTP/1.1 ${status} ${sentence}\r\ncontent-type: text/plain\r\ncontent-length: ${sentence.length + 1}`
  socket.end(`${head}\r\nconnection: close\r\n\r\n${sentence}\n`, () => socket.destroy())
}

function answer(response: http.ServerResponse, status: number, sentence: string): void {
  response.writeHead(status, sentence, { 'content-type': 'text/plain', connection: 'close' }).end(`${sentence}\n`)
}
