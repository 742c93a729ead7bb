import http from 'node:http'
import type net from 'node:net'
import { isIP } from 'node:net'
import { type Duplex, pipeline } from 'node:stream'
import tls from 'node:tls'
import { formatAuthority, type InjectedHost, normalizeHost } from '../../platform/network-policy.ts'
import type { Protections } from '../protections.ts'
import { headersOf } from './headers.ts'
import { createMask, MIN_MASKED_BYTES } from './mask.ts'

/** The head of a request has the cookies of the program. */
const MAX_HEAD_BYTES = 65_536
/** Requests of one connection that wait for their answers. Each takes memory of this process. */
const MAX_WAITING_REQUESTS = 100
const HTTPS_PORT = 443

export interface Injection {
  target: InjectedHost
  /** The program's connection, which expects TLS. */
  client: net.Socket
  /** What the program has sent after its CONNECT. */
  head: Buffer
  /** The connection to the host. */
  upstream: net.Socket
  /** Certificate and key for the program. */
  context: tls.SecureContext
  /** Authorities of the host's certificate; undefined for the usual ones. */
  authorities: string | undefined
  handshakeMs: number
  protections: Readonly<Protections>
  /** Returns whether a call of the program is running. */
  isLive(): boolean
  /** Called when data has flowed. */
  onTraffic(): void
  /** Called with the reason to end the connection. */
  onRefused(reason: string): void
  /** Called with the reason if the host cannot be used. The program gets it as the answer of its request. */
  onFailed(reason: string): void
}

/** Terminates the TLS of a program, and sends its requests to the host with the headers of the policy. Returns the decrypted stream of the program. */
export function injectHeaders(injection: Injection): Duplex {
  const { client, head, context, target, handshakeMs, onRefused, protections } = injection
  if (head.length > 0) client.unshift(head)
  const secured = new tls.TLSSocket(client, { isServer: true, secureContext: context, ALPNProtocols: ['http/1.1'] })
  const late = setTimeout(() => onRefused('the TLS handshake did not end in time'), handshakeMs)
  secured.on('close', () => clearTimeout(late))
  secured.on('error', (error: NodeJS.ErrnoException) => onRefused(handshakeProblem(error, target.host)))
  secured.once('secure', () => {
    clearTimeout(late)
    const name = (secured as { servername?: string | false }).servername || null
    if (protections.proxy_sni && (isIP(target.host) ? name !== null : name?.toLowerCase() !== target.host))
      return onRefused(`the connection to ${authorityOf(target)} names ${name ?? 'no server'} in its TLS handshake`)
    connections.set(secured, new Connection(injection, secured))
    gateway.emit('connection', secured)
  })
  return secured
}

const authorityOf = ({ host, port }: InjectedHost) => formatAuthority(host, port)

function handshakeProblem({ code = '', message }: NodeJS.ErrnoException, host: string): string {
  if (/UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_UNKNOWN/i.test(code))
    return `the program did not accept the certificate of the proxy: ${host} has headers to inject, so programs must not pin its certificate and must use the authorities of the runtime`
  if (code === 'ECONNRESET' || code === 'EPIPE') return 'the program broke off the connection'
  return `TLS with the program failed: ${code || message}`
}

/** The connection of a program to one injected host. */
class Connection {
  readonly #injection: Injection
  readonly #secured: tls.TLSSocket
  readonly #agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
  /** Resolves with the reason if the host cannot be used, otherwise with null. */
  readonly #ready: Promise<string | null>
  readonly #redact: readonly (readonly [name: string, value: string])[]
  #responses = 0
  #hasEnded = false

  constructor(injection: Injection, secured: tls.TLSSocket) {
    this.#injection = injection
    this.#secured = secured
    const { target, upstream, authorities, protections, handshakeMs, onFailed } = injection
    const masked = Object.entries(target.secrets).filter(([, { length }]) => length >= MIN_MASKED_BYTES)
    this.#redact = protections.inject_mask ? masked : []
    const outgoing = tls.connect({
      socket: upstream,
      ...(isIP(target.host) ? { host: target.host } : { servername: target.host }),
      ...(authorities === undefined ? {} : { ca: authorities }),
      ALPNProtocols: ['http/1.1'],
      minVersion: 'TLSv1.2',
      // Checked below: the program gets the reason as an answer.
      rejectUnauthorized: false,
    })
    // Nothing may be sent before the certificate has been verified.
    this.#ready = new Promise((resolve) => {
      let isSettled = false
      const fail = (code: string) => {
        if (isSettled) return
        isSettled = true
        const reason = `${authorityOf(target)} was not reached over TLS: ${code}`
        onFailed(reason)
        outgoing.destroy()
        resolve(reason)
      }
      outgoing.once('secureConnect', () => {
        if (!outgoing.authorized && protections.inject_verify) return fail(String(outgoing.authorizationError))
        isSettled = true
        resolve(null)
      })
      outgoing.once('error', ({ code, message }: NodeJS.ErrnoException) => fail(code ?? message))
      outgoing.once('close', () => fail('it closed the connection'))
    })
    outgoing.on('error', () => {})
    let isUsed = false
    Object.assign(this.#agent, {
      createConnection: (_: unknown, done: (error: Error) => void) => {
        if (!isUsed && !outgoing.destroyed) {
          isUsed = true
          return outgoing
        }
        done(new Error('the host has closed the connection'))
        return undefined
      },
    })
    outgoing.on('close', async () => {
      // After a failure, the program still gets the answer to its first request.
      if ((await this.#ready) === null) return this.#end()
      const late = setTimeout(() => secured.destroy(), handshakeMs)
      secured.once('close', () => clearTimeout(late))
    })
  }

  /** Ends the program's side after the responses that are still being sent. */
  #end(): void {
    this.#hasEnded = true
    if (this.#responses === 0) this.#secured.end()
  }

  /** Returns the status and the sentence for a request that must not be forwarded, otherwise null. */
  refusal(request: http.IncomingMessage): [status: number, sentence: string] | null {
    const { target, protections, isLive } = this.#injection
    const { method, url = '' } = request
    if (!isLive()) return [403, 'no call of this function is running']
    if (method === 'CONNECT') return [405, `${target.host} has headers to inject: CONNECT is not possible there`]
    if (method === 'TRACE') return [405, `${target.host} has headers to inject: TRACE would return them`]
    if (protections.inject_host) {
      if (!url.startsWith('/') && !(method === 'OPTIONS' && url === '*'))
        return [400, 'the request must name a path, not a URL']
      const hosts = request.rawHeaders.filter((_, i, all) => i % 2 === 1 && all[i - 1]!.toLowerCase() === 'host')
      const [named = ''] = hosts
      const parts = /^(\[[^\]]*\]|[^:[\]]*)(?::(\d{1,5}))?$/.exec(named)
      const isSame = normalizeHost(parts?.[1] ?? '') === target.host
      if (hosts.length !== 1 || !isSame || Number(parts?.[2] ?? target.port) !== target.port)
        return [421, `the request names another host than ${authorityOf(target)}, to which the connection was opened`]
    }
    const { upgrade } = request.headers
    if (upgrade !== undefined && upgrade.toLowerCase() !== 'websocket')
      return [400, `${target.host} has headers to inject: only upgrades to websocket are possible there`]
    return null
  }

  /** Sends a request to the host, with the headers of the policy. */
  async forward(request: http.IncomingMessage, response: http.ServerResponse, upgraded?: UpgradedClient) {
    const { target, protections, onTraffic, onRefused } = this.#injection
    if (protections.proxy_limits && this.#responses >= MAX_WAITING_REQUESTS)
      return onRefused(`the program sent more than ${MAX_WAITING_REQUESTS} requests without waiting for their answers`)
    this.#responses++
    response.once('close', () => {
      if (--this.#responses === 0 && this.#hasEnded) this.#secured.end()
    })
    const refused = this.refusal(request)
    if (refused) return answer(response, ...refused)
    const failure = await this.#ready
    if (failure !== null) return answer(response, 502, failure)
    if (response.destroyed) return
    const forwarded = this.#request(request, upgraded !== undefined)
    if (!forwarded) return answer(response, 400, 'the request is not valid')
    forwarded.on('response', (answered) => {
      onTraffic()
      if (!http1KeepsAlive(answered)) response.shouldKeepAlive = false
      response.writeHead(
        answered.statusCode!,
        this.#redacted(answered.statusMessage ?? ''),
        this.#redactedAll(headersOf(answered, ['transfer-encoding'])),
      )
      answered.on('data', onTraffic)
      const settle = () => onTraffic()
      const values = this.#redact.map(([, value]) => value)
      if (values.length === 0) pipeline(answered, response, settle)
      else pipeline(answered, createMask(values), response, settle)
    })
    forwarded.on('upgrade', (answered, socket, rest) => {
      onTraffic()
      if (!upgraded) {
        socket.destroy()
        return answer(response, 502, `${target.host} changed the protocol, which the program did not ask for`)
      }
      const lines = this.#redactedAll([...headersOf(answered), 'connection', 'Upgrade', 'upgrade', 'websocket'])
      const fields = lines.map((text, i) => (i % 2 === 0 ? `${text}: ` : `${text}\r\n`)).join('')
      upgraded.socket.write(`HTTP/1.1 101 Switching Protocols\r\n${fields}\r\n`, 'latin1')
      if (rest.length > 0) upgraded.socket.write(rest)
      if (upgraded.head.length > 0) socket.write(upgraded.head)
      socket.on('data', onTraffic)
      upgraded.socket.on('data', onTraffic)
      upgraded.socket.pipe(socket).pipe(upgraded.socket)
      upgraded.socket.once('close', () => socket.destroy())
    })
    forwarded.on('error', () => {
      if (response.headersSent) response.destroy()
      else answer(response, 502, `${target.host} broke off the connection`)
    })
    request.on('data', onTraffic)
    pipeline(request, forwarded, () => onTraffic())
    response.once('close', () => response.writableFinished || forwarded.destroy())
  }

  #request(request: http.IncomingMessage, isUpgrade: boolean): http.ClientRequest | null {
    const { target, protections } = this.#injection
    const replaced = protections.inject_replace ? Object.keys(target.headers) : []
    const kept = headersOf(request, [...replaced, 'accept-encoding'])
    const headers = [
      ...kept,
      'host',
      formatAuthority(target.host, target.port === HTTPS_PORT ? null : target.port),
      // Compressed answers could not be searched for the values.
      ...['accept-encoding', 'identity'],
      ...(isUpgrade ? ['connection', 'Upgrade', 'upgrade', 'websocket'] : []),
      ...Object.entries(target.headers).flat(),
    ]
    try {
      const { method, url: path } = request
      return http.request({ agent: this.#agent, method, path, headers: headers as never, setHost: false })
    } catch {
      return null
    }
  }

  #redacted(text: string): string {
    return this.#redact.reduce((rest, [name, value]) => rest.replaceAll(value, `[secret ${name}]`), text)
  }

  #redactedAll(headers: readonly string[]): string[] {
    return headers.map((text) => this.#redacted(text))
  }
}

interface UpgradedClient {
  socket: Duplex
  head: Buffer
}

const http1KeepsAlive = ({ httpVersion, headers }: http.IncomingMessage) =>
  httpVersion === '1.1' && !/\bclose\b/i.test(headers.connection ?? '')

const connections = new WeakMap<Duplex, Connection>()

/** Parses the requests of all injected connections, which are given to it one by one. */
const gateway = http.createServer({ maxHeaderSize: MAX_HEAD_BYTES, requestTimeout: 0, keepAliveTimeout: 0 })
gateway.on('request', (request, response) => void connections.get(request.socket)?.forward(request, response))
gateway.on('upgrade', (request, socket, head) => answerUpgrade(request, socket, head))
gateway.on('connect', (request, socket, head) => answerUpgrade(request, socket, head))
gateway.on('clientError', (_, socket) => {
  const sentence = 'the request is not valid HTTP/1.1'
  if (!socket.writable) return void socket.destroy()
  const fields = `content-type: text/plain\r\ncontent-length: ${sentence.length + 1}\r\nconnection: close`
  socket.end(`HTTP/1.1 400 Bad Request\r\n${fields}\r\n\r\n${sentence}\n`, () => socket.destroy())
})

function answerUpgrade(request: http.IncomingMessage, socket: Duplex, head: Buffer): void {
  socket.on('error', () => socket.destroy())
  // Used if the host answers without an upgrade.
  const response = new http.ServerResponse(request)
  response.assignSocket(socket as net.Socket)
  response.shouldKeepAlive = false
  response.once('finish', () => socket.end())
  void connections.get(socket)?.forward(request, response, { socket, head })
}

function answer(response: http.ServerResponse, status: number, sentence: string): void {
  response
    .writeHead(status, http.STATUS_CODES[status], { 'content-type': 'text/plain', connection: 'close' })
    .end(`${sentence}\n`)
}
