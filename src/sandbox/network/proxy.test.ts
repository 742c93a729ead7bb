import { mkdtempSync, rmSync } from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import tls from 'node:tls'
import pino from 'pino'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { TEST_CA, TEST_CERTIFICATE, TEST_KEY } from '../../../test/support/certificates.ts'
import { eventually } from '../../../test/support/eventually.ts'
import { LOOPBACK_NETWORKS } from '../../net/addresses.ts'
import type { NetworkRequest } from '../index.ts'
import { createNetwork, type InstanceNetwork, type NetworkOptions } from './proxy.ts'

const log = pino({ level: 'silent' })
let folder: string
let cleanUps: (() => void)[]

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'proxy-'))
  cleanUps = [() => rmSync(folder, { recursive: true, force: true })]
})
afterEach(() => {
  for (const cleanUp of cleanUps.reverse()) cleanUp()
})

/** Starts a server on loopback. Returns its port. */
async function serve(server: net.Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const sockets = new Set<net.Socket>()
  server.on('connection', (socket) => sockets.add(socket))
  cleanUps.push(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return (server.address() as net.AddressInfo).port
}

/** A server that returns what it receives. */
const echo = () => net.createServer({ allowHalfOpen: true }, (socket) => void socket.on('error', () => {}).pipe(socket))

interface Opened {
  path: string
  instance: InstanceNetwork
  reports: NetworkRequest[]
}

/** Opens a proxy with a running call. All names resolve to loopback, which is permitted, unless `options` say otherwise. */
function open(allow: string[], options: Partial<NetworkOptions> = {}): Opened {
  const network = createNetwork(
    { allowNetworks: LOOPBACK_NETWORKS, resolve: async () => ['127.0.0.1'], ...options },
    log,
  )
  const path = join(folder, `proxy-${cleanUps.length}`)
  const instance = network.open({ allow }, path)
  cleanUps.push(() => instance.close())
  const reports: NetworkRequest[] = []
  instance.begin((request) => reports.push(request))
  return { path, instance, reports }
}

/** Sends bytes to the proxy, and returns the socket and everything received. */
function raw(path: string, bytes: string): { socket: net.Socket; received: () => string; closed: Promise<void> } {
  const socket = net.connect({ path })
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1')
  })
  socket.on('error', () => {})
  socket.write(bytes)
  cleanUps.push(() => socket.destroy())
  return { socket, received: () => text, closed: new Promise((resolve) => socket.once('close', () => resolve())) }
}

const CONNECT = (target: string) => `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`

/** Returns the first line of the proxy's answer. */
async function firstLine(path: string, bytes: string): Promise<string> {
  const { received } = raw(path, bytes)
  return eventually(() => {
    expect(received()).toContain('\r\n')
    return received().split('\r\n')[0]!
  })
}

describe('CONNECT', () => {
  test('relays both directions, and reports bytes and host', async () => {
    const port = await serve(echo())
    const { path, reports, instance } = open([`db.example.test:${port}`])
    const { socket, received, closed } = raw(path, CONNECT(`DB.example.test:${port}`))
    await eventually(() => expect(received()).toBe('HTTP/1.1 200 Connection established\r\n\r\n'))
    socket.write('hello')
    await eventually(() => expect(received()).toContain('\r\n\r\nhello'))
    socket.end()
    await closed
    await eventually(() => expect(reports).toHaveLength(1))
    expect(reports[0]).toEqual({
      host: 'db.example.test',
      port,
      bytes_sent: 5,
      bytes_received: 5,
      injected: false,
      milliseconds: expect.any(Number),
      allowed: true,
      reason: null,
    })
    instance.end()
    expect(reports).toHaveLength(1)
  })

  test('data right behind the head is relayed, and the end of one direction leaves the other open', async () => {
    const port = await serve(
      net.createServer({ allowHalfOpen: true }, (socket) => {
        let text = ''
        socket.on('data', (chunk) => {
          text += chunk
        })
        socket.on('end', () => socket.end(`got ${text}`))
      }),
    )
    const { path } = open([`db.example.test:${port}`])
    const { socket, received, closed } = raw(path, `${CONNECT(`db.example.test:${port}`)}early`)
    socket.end()
    await closed
    expect(received()).toBe('HTTP/1.1 200 Connection established\r\n\r\ngot early')
  })

  test.each([
    [
      'api.example.test:8443',
      "403 this function may not connect to api.example.test:8443: add 'api.example.test:8443'",
    ],
    ['evil.test:443', "403 this function may not connect to evil.test:443: add 'evil.test' to network in its config"],
    ['127.0.0.1:443', "403 this function may not connect to 127.0.0.1:443: add '127.0.0.1' to network in its config"],
    ['[::1]:443', "403 this function may not connect to [::1]:443: add '[::1]' to network in its config"],
    ['2130706433:443', '400 the request names no valid host and port'],
    ['0x7f000001:443', '400 the request names no valid host and port'],
    ['127.1:443', '400 the request names no valid host and port'],
    ['api.example.test', '400 '],
    ['api.example.test:0', '400 '],
    ['api.example.test:65536', '400 '],
    ['api.example.test:443:443', '400 '],
    ['api.example.test@evil.test:443', '400 '],
    ['api.example.test%2eevil.test:443', '400 '],
    ['http://api.example.test:443', '400 '],
  ])('to %s is refused', async (target, expected) => {
    let resolved = 0
    const { path } = open(['api.example.test'], {
      resolve: async () => {
        resolved++
        return ['127.0.0.1']
      },
    })
    expect(await firstLine(path, CONNECT(target))).toContain(`HTTP/1.1 ${expected}`)
    expect(resolved).toBe(0)
  })

  test.each([
    ['a header with a bare line feed', 'CONNECT a.test:443 HTTP/1.1\nHost: a\n\n'],
    ['a line break in the target', 'CONNECT a.test:443\r\nX: y HTTP/1.1\r\n\r\n'],
    ['a NUL in the target', 'CONNECT a.test\0.evil.test:443 HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['two lengths', 'POST http://a.test/ HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'],
    [
      'a length and chunks',
      'POST http://a.test/ HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['no HTTP', '\x16\x03\x01\x02\x00\x01'],
  ])('%s is not valid', async (_, bytes) => {
    const { path, reports } = open(['a.test'])
    expect(await firstLine(path, bytes)).toBe('HTTP/1.1 400 the request is not valid HTTP')
    expect(reports).toEqual([])
  })

  test('a head that is too long is refused', async () => {
    const { path } = open(['a.test'])
    const head = `CONNECT a.test:443 HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`
    expect(await firstLine(path, head)).toBe('HTTP/1.1 431 the head of the request is too long')
  })

  test('a head that does not arrive in time is refused', async () => {
    const { path } = open(['a.test'], { limits: { head_ms: 50 } })
    expect(await firstLine(path, 'CONNECT a.test:443 HTTP/1.1\r\n')).toMatch(/^HTTP\/1.1 408 /)
  })

  test('without a running call nothing can be opened, and held data belongs to the next call', async () => {
    const port = await serve(echo())
    const { path, instance, reports } = open([`db.example.test:${port}`])
    const kept = raw(path, CONNECT(`db.example.test:${port}`))
    await eventually(() => expect(kept.received()).toContain('200'))
    instance.end()
    expect(reports).toEqual([expect.objectContaining({ bytes_sent: 0, bytes_received: 0 })])
    kept.socket.write('between calls')
    expect(await firstLine(path, CONNECT(`db.example.test:${port}`))).toBe(
      'HTTP/1.1 403 no call of this function is running',
    )
    expect(kept.received()).not.toContain('between')
    const later: NetworkRequest[] = []
    instance.begin((request) => later.push(request))
    await eventually(() => expect(kept.received()).toContain('between calls'))
    instance.end()
    expect(later).toEqual([expect.objectContaining({ bytes_sent: 13, bytes_received: 13, allowed: true })])
  })
})

describe('addresses', () => {
  test.each([
    ['127.0.0.1'],
    ['10.0.0.1'],
    ['169.254.169.254'],
    ['::1'],
    ['::ffff:127.0.0.1'],
    ['fd00::1'],
    ['0.0.0.0'],
    ['100.100.100.200'],
  ])('a name with the address %s is refused', async (address) => {
    const { path, reports } = open(['a.test'], { allowNetworks: [], resolve: async () => [address] })
    expect(await firstLine(path, CONNECT('a.test:443'))).toContain('403 a.test:443 has an address that is not public')
    expect(reports).toEqual([expect.objectContaining({ host: 'a.test', port: 443, allowed: false })])
  })

  test('an address of the policy is checked as well', async () => {
    const { path } = open(['127.0.0.1:8080'], { allowNetworks: [] })
    expect(await firstLine(path, CONNECT('127.0.0.1:8080'))).toContain('403 127.0.0.1:8080 has an address that is not')
  })

  test('of mixed addresses only the permitted one is connected to', async () => {
    const port = await serve(echo())
    const { path } = open([`a.test:${port}`], {
      allowNetworks: ['127.0.0.1/32'],
      resolve: async () => ['127.0.0.2', '127.0.0.1'],
    })
    expect(await firstLine(path, CONNECT(`a.test:${port}`))).toContain('200')
  })

  test('a name is resolved once: another answer to a second question has no effect', async () => {
    const port = await serve(echo())
    let times = 0
    const { path } = open([`a.test:${port}`], {
      allowNetworks: ['127.0.0.1/32'],
      resolve: async () => [times++ === 0 ? '127.0.0.1' : '127.0.0.2'],
    })
    expect(await firstLine(path, CONNECT(`a.test:${port}`))).toContain('200')
    expect(times).toBe(1)
  })

  test('failures of the name and of the connection are told apart', async () => {
    const closed = await serve(net.createServer())
    cleanUps.pop()!()
    const { path, reports } = open([`a.test:${closed}`, 'b.test'], {
      resolve: async (host) => {
        if (host === 'b.test') throw new Error('ENOTFOUND')
        return ['127.0.0.1']
      },
    })
    expect(await firstLine(path, CONNECT(`a.test:${closed}`))).toContain(
      `502 a.test:${closed} cannot be reached (ECONNREFUSED)`,
    )
    expect(await firstLine(path, CONNECT('b.test:443'))).toContain('502 the name b.test cannot be resolved')
    expect(reports.map(({ allowed, reason }) => [allowed, reason])).toEqual([
      [true, `a.test:${closed} cannot be reached (ECONNREFUSED)`],
      [true, 'the name b.test cannot be resolved'],
    ])
  })

  test('a name that is not resolved in time is given up', async () => {
    const { path } = open(['a.test'], { resolve: () => new Promise(() => {}), limits: { connect_ms: 50 } })
    expect(await firstLine(path, CONNECT('a.test:443'))).toContain('504 the name a.test was not resolved in time')
  })
})

describe('limits', () => {
  test('of open connections', async () => {
    const port = await serve(echo())
    const { path } = open([`a.test:${port}`], { limits: { connections: 2 } })
    for (const _ of [1, 2]) expect(await firstLine(path, CONNECT(`a.test:${port}`))).toContain('200')
    expect(await firstLine(path, CONNECT(`a.test:${port}`))).toBe(
      'HTTP/1.1 403 this function has 2 open connections, which is the maximum',
    )
  })

  test('of connections of a call', async () => {
    const { path, instance } = open([], { limits: { connections_per_call: 2 } })
    for (const _ of [1, 2]) expect(await firstLine(path, CONNECT('a.test:443'))).toContain('may not connect')
    expect(await firstLine(path, CONNECT('a.test:443'))).toContain('this call has opened 2 connections')
    instance.end()
    instance.begin(() => {})
    expect(await firstLine(path, CONNECT('a.test:443'))).toContain('may not connect')
  })

  test('of bytes of a call', async () => {
    const port = await serve(echo())
    const { path, reports } = open([`a.test:${port}`], { limits: { bytes_per_call: 1_000 } })
    const { socket, closed } = raw(path, CONNECT(`a.test:${port}`))
    socket.write('x'.repeat(2_000))
    await closed
    await eventually(() => expect(reports).toHaveLength(1))
    expect(reports[0]!.reason).toBe('this call has sent and received more than 1000 bytes, which is the maximum')
    expect(await firstLine(path, CONNECT(`a.test:${port}`))).toContain('403 this call has sent and received more than')
  })

  test('of reports of a call', async () => {
    const { path, reports } = open([], { limits: { reports_per_call: 2 } })
    for (const _ of [1, 2, 3]) await firstLine(path, CONNECT('a.test:443'))
    expect(reports).toHaveLength(2)
  })

  test('of time without data', async () => {
    const port = await serve(echo())
    const { path, reports } = open([`a.test:${port}`], { limits: { idle_ms: 50 } })
    await raw(path, CONNECT(`a.test:${port}`)).closed
    await eventually(() => expect(reports).toHaveLength(1))
    expect(reports[0]!.reason).toBe('no data for 0.05 s')
  })

  test('a program that does not read stops the host, and gets everything later', async () => {
    const total = 64 * 1024 * 1024
    let written = 0
    const port = await serve(
      net.createServer((socket) => {
        const piece = Buffer.alloc(65_536)
        const fill = () => {
          while (written < total) {
            written += piece.length
            if (!socket.write(piece)) return void socket.once('drain', fill)
          }
          socket.end()
        }
        socket.on('error', () => {})
        fill()
      }),
    )
    const { path } = open([`a.test:${port}`])
    const socket = net.connect({ path })
    cleanUps.push(() => socket.destroy())
    socket.pause()
    socket.write(CONNECT(`a.test:${port}`))
    let before = -1
    await eventually(() => {
      const steady = written > 0 && written === before
      before = written
      expect(steady).toBe(true)
    })
    expect(written).toBeLessThan(total / 2)
    let read = 0
    socket.on('data', (chunk) => {
      read += chunk.length
    })
    socket.resume()
    await new Promise((resolve) => socket.once('end', resolve))
    expect(read).toBe(total + 'HTTP/1.1 200 Connection established\r\n\r\n'.length)
  })

  test('closing the instance ends its connections', async () => {
    const port = await serve(echo())
    const { path, instance, reports } = open([`a.test:${port}`])
    const { received, closed } = raw(path, CONNECT(`a.test:${port}`))
    await eventually(() => expect(received()).toContain('200'))
    instance.close()
    await closed
    expect(reports).toHaveLength(1)
    await expect(new Promise((_, reject) => net.connect({ path }).on('error', reject))).rejects.toMatchObject({
      code: 'ENOENT',
    })
  })
})

describe('requests for http://host/path', () => {
  const server = () =>
    http.createServer((request, response) => {
      let body = ''
      request.on('data', (chunk) => {
        body += chunk
      })
      request.on('end', () => {
        response.setHeader('set-cookie', ['a=1', 'b=2'])
        response.end(JSON.stringify({ url: request.url, host: request.headers.host, all: request.headers, body }))
      })
    })

  test('are forwarded with the host of the URL', async () => {
    const port = await serve(server())
    const { path, reports } = open([`a.test:${port}`])
    const answer = await new Promise<{ headers: http.IncomingHttpHeaders; text: string }>((resolve, reject) => {
      const request = http.request({
        socketPath: path,
        method: 'POST',
        path: `http://a.test:${port}/x?y=1`,
        headers: {
          host: 'other.test',
          'proxy-authorization': 'secret',
          connection: 'x-hop',
          'x-hop': '1',
          'x-kept': '2',
        },
      })
      request.on('response', (response) => {
        let text = ''
        response.on('data', (chunk) => {
          text += chunk
        })
        response.on('end', () => resolve({ headers: response.headers, text }))
      })
      request.on('error', reject)
      request.end('body')
    })
    expect(answer.headers['set-cookie']).toEqual(['a=1', 'b=2'])
    const seen = JSON.parse(answer.text)
    expect(seen).toMatchObject({ url: '/x?y=1', host: `a.test:${port}`, body: 'body', all: { 'x-kept': '2' } })
    expect(Object.keys(seen.all)).not.toContain('proxy-authorization')
    expect(Object.keys(seen.all)).not.toContain('x-hop')
    await eventually(() => expect(reports).toHaveLength(1))
    expect(reports[0]).toMatchObject({ host: 'a.test', port, allowed: true, reason: null })
    expect(reports[0]!.bytes_sent).toBeGreaterThan(0)
    expect(reports[0]!.bytes_received).toBeGreaterThan(0)
  })

  test.each([
    ['GET http://evil.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n', '403 this function may not connect to evil.test:80'],
    ['GET http://a.test@evil.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n', '400 this is a proxy'],
    ['GET https://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n', '400 this is a proxy'],
    ['GET / HTTP/1.1\r\nHost: a.test\r\n\r\n', '400 this is a proxy'],
    ['GET file:///etc/passwd HTTP/1.1\r\nHost: a.test\r\n\r\n', '400 this is a proxy'],
  ])('%j is refused', async (bytes, expected) => {
    const { path } = open(['a.test'])
    expect(await firstLine(path, bytes)).toContain(expected)
  })

  test('a second request on the same connection is checked as well', async () => {
    const port = await serve(server())
    const { path } = open([`a.test:${port}`])
    const first = `GET http://a.test:${port}/ HTTP/1.1\r\nHost: a\r\n\r\n`
    const { received } = raw(path, `${first}GET http://evil.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n`)
    await eventually(() => expect(received()).toContain('403 this function may not connect to evil.test:80'))
    expect(received()).toContain('HTTP/1.1 200 OK')
  })
})

describe('TLS', () => {
  /** Connects through the proxy to a TLS server as `host`, with the server name `servername`. Returns what the server answers. */
  async function secure(host: string, servername: string, port: number, path: string): Promise<string> {
    const { socket, received } = raw(path, CONNECT(`${host}:${port}`))
    await eventually(() => expect(received()).toContain('200'))
    socket.removeAllListeners('data')
    return new Promise((resolve) => {
      const secured = tls.connect({ socket, servername, ca: TEST_CA })
      secured.on('data', (chunk) => resolve(chunk.toString()))
      secured.on('error', (error) => resolve(error.message))
    })
  }
  const server = () =>
    tls.createServer({ cert: TEST_CERTIFICATE, key: TEST_KEY }, (socket) => {
      socket.on('error', () => {})
      socket.end(`hello ${(socket as tls.TLSSocket & { servername: string }).servername}`)
    })

  test('the server name must be the host', async () => {
    const port = await serve(server())
    const { path, reports } = open([`api.example.test:${port}`])
    expect(await secure('api.example.test', 'api.example.test', port, path)).toBe('hello api.example.test')
    expect(await secure('api.example.test', 'other.example.test', port, path)).toMatch(/unrecognized.name/i)
    await eventually(() => expect(reports).toHaveLength(2))
    expect(reports[1]).toMatchObject({
      allowed: false,
      reason: `the connection to api.example.test:${port} names another server in its TLS handshake (other.example.test)`,
    })
  })

  test('without a server name the handshake is refused', async () => {
    const port = await serve(server())
    const { path, reports } = open([`api.example.test:${port}`])
    expect(await secure('api.example.test', '', port, path)).toMatch(/unrecognized.name/i)
    await eventually(() => expect(reports[0]?.reason).toContain('names no server in its TLS handshake (SNI)'))
  })

  test('the second ClientHello, for which a server asks, is accepted', async () => {
    const port = await serve(
      tls.createServer({ cert: TEST_CERTIFICATE, key: TEST_KEY, ecdhCurve: 'P-521', minVersion: 'TLSv1.3' }, (socket) =>
        socket.end('hello again'),
      ),
    )
    const { path } = open([`api.example.test:${port}`])
    expect(await secure('api.example.test', 'api.example.test', port, path)).toBe('hello again')
  })
})
