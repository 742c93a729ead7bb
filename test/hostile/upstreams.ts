import { randomBytes } from 'node:crypto'
import type http from 'node:http'
import https from 'node:https'
import net, { type AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { gzipSync } from 'node:zlib'
import type { NetworkPolicy } from '../../src/platform/network-policy.ts'
import { createAuthority } from '../../src/sandbox/network/authority.ts'
import type { NetworkOptions } from '../../src/sandbox/network/proxy.ts'

/** What programs with a network policy are told. */
export interface ToldNetwork {
  /** Folder of the proxy's socket inside the sandbox. */
  folder: string
  /** Port of the server that the policy allows. */
  open: number
  /** Port of a server that no policy allows. */
  closed: number
  /** Port of a server that the policy allows for TLS. */
  tls: number
  /** Port of injected.test, which gets an added header. */
  injected: number
  /** Port of unverified.test, which gets an added header and has a certificate of an unknown authority. */
  unverified: number
  /** Port of misnamed.test, which gets an added header and has the certificate of another host. */
  misnamed: number
  /** ClientHello records in hex: with another server name, without one, with an encrypted one, and as two records. */
  hellos: Record<'other' | 'none' | 'encrypted' | 'divided', string>
}

/** Limits of the proxy in the suite, which programs try to exceed. */
export const LIMITS = { connections: 8, connections_per_call: 60, bytes_per_call: 1024 * 1024 }

export interface Upstreams {
  told: ToldNetwork
  /** The policy of the programs. Names with private addresses are listed, because the address has to stop them. */
  policy: NetworkPolicy
  /** The value of the added headers. */
  secret: string
  network: NetworkOptions
  /** Forgets what the programs before have sent. */
  reset(): void
  close(): void
}

/** The address that the operator has permitted. All others of 127.0.0.0/8 stand for private addresses; nothing leaves this machine. */
const PERMITTED = '127.0.0.1'
const PRIVATE = '127.0.0.3'

/** The first request to `/slow` is answered after this time. Until then, the proxy may keep this number of further ones. */
const SLOW_MS = 500
const MAX_SLOW = 150

/** Opens the servers that programs try to reach, on loopback. `onHit` receives what must not happen. */
export async function openUpstreams(onHit: (what: string) => void): Promise<Upstreams> {
  const servers: net.Server[] = []
  const sockets = new Set<net.Socket>()
  async function listen(host: string, port: number, serve: (socket: net.Socket) => void): Promise<number> {
    const server = net.createServer((socket) => {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => sockets.delete(socket))
      serve(socket)
    })
    servers.push(server)
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, host, resolve))
    return (server.address() as AddressInfo).port
  }

  const closed = await listen(PERMITTED, 0, (socket) => {
    onHit('the program connected to a host that its policy does not allow')
    socket.destroy()
  })
  let open = 0
  let opened = 0
  let bytes = 0
  const port = await listen(PERMITTED, 0, (socket) => {
    open++
    opened++
    if (open > LIMITS.connections + 2) onHit(`the program has ${open} open connections`)
    if (opened > LIMITS.connections_per_call * 2) onHit(`the program has opened ${opened} connections`)
    socket.on('close', () => open--)
    socket.on('data', (chunk) => {
      bytes += chunk.length
      if (bytes > LIMITS.bytes_per_call * 4) onHit('the program has sent more bytes than its limit')
      if (chunk.toString('latin1').startsWith('GET /redirect'))
        socket.end(`HTTP/1.1 302 Found\r\nlocation: http://forbidden.test:${closed}/\r\ncontent-length: 0\r\n\r\n`)
      else if (/^(GET|POST) /.test(chunk.toString('latin1', 0, 5)))
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
    })
  })
  await listen(PRIVATE, port, (socket) => {
    onHit('the program connected to an address that is not permitted')
    socket.destroy()
  })
  const tls = await listen(PERMITTED, 0, (socket) => {
    socket.once('data', () => {
      onHit('a ClientHello for another server has reached the host')
      socket.destroy()
    })
  })

  const secret = `added-${randomBytes(12).toString('hex')}`
  const [known, unknown] = await Promise.all([createAuthority(), createAuthority()])
  async function serve(
    pair: { cert: string; key: string },
    answer: (request: http.IncomingMessage, response: http.ServerResponse) => void,
  ): Promise<[port: number, server: https.Server]> {
    const server = https.createServer(pair, answer)
    const outer = await listen(PERMITTED, 0, (socket) => {
      open++
      if (open > LIMITS.connections + 2) onHit(`the program has ${open} open connections`)
      socket.on('close', () => open--)
      socket.once('readable', () => {
        const first: Buffer | null = socket.read()
        if (first?.includes(secret)) onHit('an added header was sent without TLS')
        if (first) socket.unshift(first)
        server.emit('connection', socket)
      })
    })
    return [outer, server]
  }
  const [injected, injectedServer] = await serve(await known.issue('injected.test'), (request, response) => {
    checkRequest(request)
    if (request.url === '/slow') {
      slow++
      if (slow === MAX_SLOW) onHit(`the proxy has kept ${slow} requests of the program`)
      if (slow === 1) setTimeout(() => response.end(), SLOW_MS)
      else response.end()
    } else echo(request, response)
  })
  injectedServer.on('upgrade', (request: http.IncomingMessage, socket) => {
    checkRequest(request)
    const echoed = `X-Echo: ${request.headers.authorization}`
    socket.end(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${echoed}\r\n\r\n`)
  })
  const isNotTrusted = ({ headers }: http.IncomingMessage, response: http.ServerResponse) => {
    if (headers.authorization?.includes(secret)) onHit('an added header was sent to a host without a valid certificate')
    response.end('ok')
  }
  const [unverified] = await serve(await unknown.issue('unverified.test'), isNotTrusted)
  const [misnamed] = await serve(await known.issue('other.test'), isNotTrusted)

  /** Checks what has arrived at injected.test. */
  function checkRequest({ rawHeaders, headers, url = '', socket }: http.IncomingMessage): void {
    const values = rawHeaders.filter((_, i, all) => i % 2 === 1 && all[i - 1]!.toLowerCase() === 'authorization')
    const isOwnPath = url.startsWith('/') || url === '*'
    if (values.some((value) => value.includes(secret)) && !(headers.host === `injected.test:${injected}` && isOwnPath))
      onHit('an added header was sent with a request for another host')
    if ((socket as TLSSocket).servername === 'injected.test' && values.some((value) => value.includes('own')))
      onHit('a header of the program has reached the host beside the added one')
    if (url === '/stolen' && values.some((value) => value.includes(secret)))
      onHit('an added header was sent for a program that has none')
    if (url.includes('smuggled') || rawHeaders.some((text) => text.toLowerCase().includes('x-smuggled')))
      onHit('a request inside another one has reached the host')
  }

  /** Returns the added header in the form that the path says. */
  function echo({ headers, url = '' }: http.IncomingMessage, response: http.ServerResponse): void {
    const { authorization = 'none' } = headers
    const path = url.split('?')[0]
    if (path === '/headers')
      response
        .writeHead(200, `Got ${authorization}`, { 'x-echo': authorization, 'set-cookie': `a=${authorization}` })
        .end()
    else if (path === '/bytes') {
      for (const letter of authorization) response.write(letter)
      response.end()
    } else if (path === '/gzip' && /gzip/.test(String(headers['accept-encoding'])))
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(authorization))
    else if (path === '/redirect')
      response.writeHead(302, { location: `http://allowed.test:${port}/?value=${authorization.slice(7)}` }).end()
    else if (path === '/trailers') {
      response.writeEarlyHints({ link: `<https://${authorization.slice(7)}.test>; rel=preload` })
      response.writeHead(200, { trailer: 'x-echo' }).write('ok')
      response.addTrailers({ 'x-echo': authorization })
      response.end()
    } else response.writeHead(path === '/error' ? 500 : 200).end(authorization)
  }

  let slow = 0
  const added = (host: string, at: number) => ({
    host,
    port: at,
    headers: { authorization: `Bearer ${secret}` },
    secrets: { KEY: secret },
    problem: null,
  })
  let questions = 0
  const resolve = async (host: string): Promise<string[]> => {
    if (host.endsWith('tunnel.test')) onHit('the name of a host that the policy does not allow was resolved')
    if (host === 'private.test') return [PRIVATE]
    if (host === 'mapped.test') return ['::ffff:127.0.0.3', '::1']
    if (host === 'mixed.test') return [PRIVATE, PERMITTED]
    if (host === 'rebind.test') return [questions++ % 2 === 0 ? PERMITTED : PRIVATE]
    return [PERMITTED]
  }
  const names = ['allowed.test', '*.allowed.test', 'private.test', 'mapped.test', 'mixed.test', 'rebind.test']
  return {
    told: {
      folder: '/opt/net',
      open: port,
      closed,
      tls,
      injected,
      unverified,
      misnamed,
      hellos: {
        other: hello(['hidden.test']).toString('hex'),
        none: hello([]).toString('hex'),
        encrypted: hello(['allowed.test'], [0xfe0d]).toString('hex'),
        divided: divided(hello(['hidden.test'])).toString('hex'),
      },
    },
    policy: {
      allow: [
        ...names.map((name) => `${name}:${port}`),
        `allowed.test:${tls}`,
        ...['injected.test', 'alias.test'].map((name) => `${name}:${injected}`),
        `unverified.test:${unverified}`,
        `misnamed.test:${misnamed}`,
      ],
      inject: [
        added('injected.test', injected),
        added('unverified.test', unverified),
        added('misnamed.test', misnamed),
      ],
    },
    secret,
    network: {
      allowNetworks: [`${PERMITTED}/32`],
      resolve,
      limits: LIMITS,
      authorities: known.certificate,
    },
    reset() {
      opened = 0
      slow = 0
      bytes = 0
    },
    close() {
      for (const server of servers) server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

const u16 = (value: number) => Buffer.from([value >> 8, value & 255])
const withLength = (data: Buffer) => Buffer.concat([u16(data.length), data])

/** Builds the record of a ClientHello with these server names and empty extensions of these types. */
export function hello(names: readonly string[], types: readonly number[] = []): Buffer {
  const list = Buffer.concat(names.map((name) => Buffer.concat([Buffer.from([0]), withLength(Buffer.from(name))])))
  const extensions = Buffer.concat([
    ...(names.length > 0 ? [u16(0), withLength(withLength(list))] : []),
    ...types.map((type) => Buffer.concat([u16(type), withLength(Buffer.alloc(4))])),
  ])
  const body = Buffer.concat([
    u16(0x0303),
    Buffer.alloc(32, 7),
    Buffer.from([0]),
    withLength(u16(0x1301)),
    Buffer.from([1, 0]),
    withLength(extensions),
  ])
  const message = Buffer.concat([Buffer.from([1, 0]), withLength(body)])
  return Buffer.concat([Buffer.from([22, 3, 1]), withLength(message)])
}

/** Divides a record into two. */
export function divided(record: Buffer): Buffer {
  const part = (data: Buffer) => Buffer.concat([Buffer.from([22, 3, 1]), withLength(data)])
  return Buffer.concat([part(record.subarray(5, 45)), part(record.subarray(45))])
}
