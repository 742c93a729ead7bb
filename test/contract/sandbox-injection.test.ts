import https from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { pino } from 'pino'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { LOOPBACK_NETWORKS } from '../../src/net/addresses.ts'
import type { InjectedHost } from '../../src/platform/network-policy.ts'
import type { NetworkRequest, Outcome, Runtime, SandboxDriver } from '../../src/sandbox/index.ts'
import { SANDBOXES } from '../../src/sandbox/open.ts'
import { TEST_CA, TEST_CERTIFICATE, TEST_KEY } from '../support/certificates.ts'
import { available } from '../support/commands.ts'
import { callOf, NODE, PYTHON, programOf } from '../support/guests.ts'

const log = pino({ level: 'silent' })
const hasBubblewrap = process.platform === 'linux' && available('bwrap', ['--version'])
const HOST = 'api.example.test'
const SECRET = 'sk-value-of-the-secret'

/** A request as the host has received it. */
interface Seen {
  method: string
  url: string
  headers: [name: string, value: string][]
  body: string
}

let server: https.Server
let port: number
let seen: Seen[] = []
let connections = 0

/** Answers with the headers that it got; paths choose other answers. */
beforeAll(async () => {
  server = https.createServer({ cert: TEST_CERTIFICATE, key: TEST_KEY }, (request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => {
      const { method = '', url = '', rawHeaders } = request
      const headers = rawHeaders.flatMap((name, i) =>
        i % 2 === 0 ? [[name.toLowerCase(), rawHeaders[i + 1]!] as [string, string]] : [],
      )
      seen.push({ method, url, headers, body })
      if (url === '/echo') {
        response.setHeader('x-echo', request.headers.authorization ?? '')
        // The value is divided over two writes.
        const text = `you sent ${request.headers.authorization} to me`
        response.setHeader('content-length', text.length)
        response.write(text.slice(0, 22))
        setImmediate(() => response.end(text.slice(22)))
      } else if (url === '/stream') {
        response.write('one\n')
        waiting.push(() => response.end('two\n'))
      } else if (url === '/go-on') {
        for (const next of waiting.splice(0)) next()
        response.end('went on')
      } else if (url === '/close') {
        response.setHeader('connection', 'close')
        response.end('closed')
      } else if (url === '/switch')
        request.socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n')
      else response.end(JSON.stringify({ url, body }))
    })
  })
  server.on('secureConnection', () => connections++)
  server.on('upgrade', (request, socket: Duplex, head) => {
    const { authorization = 'none' } = request.headers
    seen.push({ method: 'GET', url: request.url!, headers: [['authorization', authorization]], body: '' })
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Own: yes\r\n\r\n')
    socket.write(head)
    socket.on('error', () => {}).pipe(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  port = (server.address() as AddressInfo).port
})
afterAll(() => {
  server.close()
  server.closeAllConnections()
})
beforeEach(() => {
  seen = []
  connections = 0
})
const waiting: (() => void)[] = []

const injected = (rest: Partial<InjectedHost> = {}): InjectedHost => ({
  host: HOST,
  port,
  headers: { authorization: `Bearer ${SECRET}` },
  secrets: { KEY: SECRET },
  problem: null,
  ...rest,
})

interface Answer {
  outcome: Outcome
  value: unknown
  requests: NetworkRequest[]
}

async function call(
  driver: SandboxDriver,
  runtime: Runtime,
  code: string,
  inject: InjectedHost[] = [injected()],
  others: readonly string[] = [],
): Promise<Answer> {
  const entry = runtime === NODE ? 'main.mjs' : 'main.py'
  const named = `${runtime === NODE ? 'const ' : ''}URL_ = 'https://${HOST}:${port}'\n${runtime === NODE ? 'const ' : ''}PORT = ${port}`
  const program = programOf(runtime, '', {
    files: { [entry]: `${named}\n${code}`, 'ca.pem': TEST_CA },
    network: { allow: [`${HOST}:${port}`, ...others], inject },
  })
  const requests: NetworkRequest[] = []
  const outcome = await driver.call(callOf(program, { onRequest: (request) => requests.push(request) }))
  const { result } = outcome
  const value = result?.kind === 'json' ? JSON.parse(Buffer.from(result.body).toString()) : null
  return { outcome, value, requests }
}

const valuesOf = (name: string) =>
  seen.map(({ headers }) => headers.filter(([each]) => each === name).map(([, v]) => v))

const CLIENTS: [runtime: Runtime, name: string, code: string][] = [
  [
    NODE,
    'fetch',
    `export default async () => (await fetch(URL_ + '/a', { method: 'POST', body: 'x', headers: { authorization: 'own' } })).json()`,
  ],
  [
    NODE,
    'https',
    `import https from 'node:https'
    export default () => new Promise((resolve, reject) => {
      const request = https.request(URL_ + '/a', { method: 'POST', headers: { Authorization: 'own' } }, (response) => {
        let text = ''
        response.on('data', (chunk) => { text += chunk })
        response.on('end', () => resolve(JSON.parse(text)))
      })
      request.on('error', reject)
      request.end('x')
    })`,
  ],
  [
    NODE,
    'https with authorities of the program',
    `import fs from 'node:fs'
    import https from 'node:https'
    export default () => new Promise((resolve, reject) => {
      const request = https.request(URL_ + '/a', { method: 'POST', ca: fs.readFileSync('ca.pem') }, (response) => {
        let text = ''
        response.on('data', (chunk) => { text += chunk })
        response.on('end', () => resolve(JSON.parse(text)))
      })
      request.on('error', reject)
      request.end('x')
    })`,
  ],
  [
    NODE,
    'tls over a connected socket',
    `import net from 'node:net'
    import tls from 'node:tls'
    export default () => new Promise((resolve, reject) => {
      const raw = net.connect(PORT, 'api.example.test', () => {
        const socket = tls.connect({ socket: raw, servername: 'api.example.test' }, () => {
          socket.write('POST /a HTTP/1.1\\r\\nHost: api.example.test:' + PORT + '\\r\\nContent-Length: 1\\r\\nConnection: close\\r\\n\\r\\nx')
        })
        let text = ''
        socket.on('data', (chunk) => { text += chunk })
        socket.on('end', () => resolve(JSON.parse(/\\{.*\\}/.exec(text)[0])))
        socket.on('error', reject)
      })
    })`,
  ],
  [
    PYTHON,
    'urllib',
    `import json, urllib.request
def handler(event, ctx):
    request = urllib.request.Request(URL_ + '/a', data=b'x', headers={'Authorization': 'own'})
    return json.load(urllib.request.urlopen(request))`,
  ],
  [
    PYTHON,
    'a context with the authorities of a package',
    `import json, ssl, urllib.request
def handler(event, ctx):
    context = ssl.create_default_context(cafile='ca.pem')
    return json.load(urllib.request.urlopen(URL_ + '/a', data=b'x', context=context))`,
  ],
  [
    PYTHON,
    'asyncio',
    `import asyncio, json
async def ask():
    reader, writer = await asyncio.open_connection('api.example.test', PORT, ssl=True)
    writer.write(b'POST /a HTTP/1.1\\r\\nHost: api.example.test:%d\\r\\nContent-Length: 1\\r\\nConnection: close\\r\\n\\r\\nx' % PORT)
    text = await reader.read()
    return json.loads(text[text.index(b'{'):text.rindex(b'}') + 1])
def handler(event, ctx):
    return asyncio.run(ask())`,
  ],
]

function cases(open: () => SandboxDriver): void {
  let driver: SandboxDriver
  beforeAll(() => {
    driver = open()
  })
  afterAll(() => driver.close())

  test.each(CLIENTS)('%s, %s: the header is added, and the program does not get it', async (runtime, _, code) => {
    const { outcome, value, requests } = await call(driver, runtime, code)
    expect(outcome.error).toBe(null)
    expect(value).toEqual({ url: '/a', body: 'x' })
    expect(valuesOf('authorization')).toEqual([[`Bearer ${SECRET}`]])
    expect(valuesOf('host')).toEqual([[`${HOST}:${port}`]])
    expect(requests).toMatchObject([{ host: HOST, port, allowed: true, injected: true }])
    expect(requests[0]!.bytes_sent).toBeGreaterThan(300)
    expect(requests[0]!.bytes_received).toBeGreaterThan(300)
    expect(JSON.stringify([outcome, requests])).not.toContain(SECRET)
  })

  test('several requests use one connection, also to the host', async () => {
    const { value } = await call(
      driver,
      NODE,
      `import https from 'node:https'
      const agent = new https.Agent({ keepAlive: true, maxSockets: 1 })
      const get = (path) => new Promise((resolve, reject) => {
        https.get(URL_ + path, { agent }, (response) => {
          let text = ''
          response.on('data', (chunk) => { text += chunk })
          response.on('end', () => resolve(JSON.parse(text).url))
        }).on('error', reject)
      })
      export default () => Promise.all(['/0', '/1', '/2', '/3', '/4'].map(get))`,
    )
    expect(value).toEqual(['/0', '/1', '/2', '/3', '/4'])
    expect(connections).toBe(1)
    expect(valuesOf('authorization')).toEqual(Array(5).fill([`Bearer ${SECRET}`]))
  })

  test('a host that closes its connection gets the next request on a new one', async () => {
    const { value } = await call(
      driver,
      NODE,
      `export default async () => [await (await fetch(URL_ + '/close')).text(), await (await fetch(URL_ + '/close')).text()]`,
    )
    expect(value).toEqual(['closed', 'closed'])
    expect(connections).toBe(2)
  })

  test('chunked bodies flow in both directions while they are produced', async () => {
    const { outcome, value } = await call(
      driver,
      NODE,
      `export default async () => {
        const body = new ReadableStream({ start(c) { c.enqueue(new TextEncoder().encode('ab')); setTimeout(() => { c.enqueue(new TextEncoder().encode('cd')); c.close() }, 20) } })
        const sent = await (await fetch(URL_ + '/up', { method: 'POST', body, duplex: 'half' })).json()
        const reader = (await fetch(URL_ + '/stream')).body.getReader()
        const first = new TextDecoder().decode((await reader.read()).value)
        await fetch(URL_ + '/go-on')
        const second = new TextDecoder().decode((await reader.read()).value)
        return [sent.body, first, second]
      }`,
    )
    expect(outcome.error).toBe(null)
    expect(value).toEqual(['abcd', 'one\n', 'two\n'])
  })

  test('an upgrade to WebSocket has the header, and data flows', async () => {
    const { outcome, value } = await call(
      driver,
      NODE,
      `import https from 'node:https'
      export default () => new Promise((resolve, reject) => {
        const request = https.request(URL_ + '/ws', { headers: { Connection: 'Upgrade', Upgrade: 'websocket' } })
        request.on('upgrade', (response, socket) => {
          socket.on('data', (data) => { resolve([response.statusCode, response.headers['x-own'], String(data)]); socket.destroy() })
          socket.write('frame')
        })
        request.on('response', ({ statusCode }) => reject(new Error(statusCode)))
        request.on('error', reject)
        request.end()
      })`,
    )
    expect(outcome.error).toBe(null)
    expect(value).toEqual([101, 'yes', 'frame'])
    expect(valuesOf('authorization')).toEqual([[`Bearer ${SECRET}`]])
  })

  test('a host that changes the protocol without being asked gives an error', async () => {
    const { value } = await call(
      driver,
      NODE,
      `export default async () => { const reply = await fetch(URL_ + '/switch'); return [reply.status, await reply.text()] }`,
    )
    expect(value).toEqual([502, `${HOST} changed the protocol, which the program did not ask for\n`])
  })

  test('a program that sends requests without waiting for answers loses its connection', async () => {
    const { value, requests } = await call(
      driver,
      NODE,
      `import tls from 'node:tls'
      export default () => new Promise((resolve) => {
        const socket = tls.connect({ host: 'api.example.test', port: PORT }, () =>
          socket.write(('GET /stream HTTP/1.1\\r\\nHost: api.example.test:' + PORT + '\\r\\n\\r\\n').repeat(101)))
        socket.on('error', () => {})
        socket.on('close', () => resolve('closed'))
        socket.resume()
      })`,
    )
    expect(value).toBe('closed')
    expect(requests).toMatchObject([
      { reason: 'the program sent more than 100 requests without waiting for their answers' },
    ])
    waiting.splice(0)
  })

  test('a value that the host returns is masked, in headers and over the pieces of a body', async () => {
    const { value } = await call(
      driver,
      NODE,
      `export default async () => {
        const reply = await fetch(URL_ + '/echo')
        return [reply.headers.get('x-echo'), await reply.text()]
      }`,
    )
    expect(value).toEqual(['Bearer [secret KEY]', `you sent Bearer ${'*'.repeat(SECRET.length)} to me`])
    expect(valuesOf('authorization')).toEqual([[`Bearer ${SECRET}`]])
  })

  test('a request for another host, by URL or by method that returns headers is refused', async () => {
    const { value } = await call(
      driver,
      NODE,
      `import tls from 'node:tls'
      const send = (text) => new Promise((resolve) => {
        const socket = tls.connect({ host: 'api.example.test', port: PORT }, () => socket.write(text))
        let all = ''
        socket.on('data', (chunk) => { all += chunk })
        socket.on('close', () => resolve(all.split('\\r\\n')[0]))
        socket.on('error', () => {})
      })
      const own = 'Host: api.example.test:' + PORT
      export default async () => [
        await send('GET / HTTP/1.1\\r\\nHost: other.example.test\\r\\n\\r\\n'),
        await send('GET / HTTP/1.1\\r\\n' + own + '\\r\\nHost: other.example.test\\r\\n\\r\\n'),
        await send('GET https://other.example.test/ HTTP/1.1\\r\\n' + own + '\\r\\n\\r\\n'),
        await send('TRACE / HTTP/1.1\\r\\n' + own + '\\r\\n\\r\\n'),
        await send('CONNECT other.example.test:443 HTTP/1.1\\r\\n' + own + '\\r\\n\\r\\n'),
        await send('POST / HTTP/1.1\\r\\n' + own + '\\r\\nContent-Length: 1\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n0\\r\\n\\r\\n'),
        await send('GET / HTTP/1.1\\r\\n' + own + '\\r\\nConnection: Upgrade, HTTP2-Settings\\r\\nUpgrade: h2c\\r\\n\\r\\n'),
      ]`,
    )
    expect(value).toEqual([
      'HTTP/1.1 421 Misdirected Request',
      'HTTP/1.1 421 Misdirected Request',
      'HTTP/1.1 400 Bad Request',
      'HTTP/1.1 405 Method Not Allowed',
      'HTTP/1.1 405 Method Not Allowed',
      'HTTP/1.1 400 Bad Request',
      'HTTP/1.1 400 Bad Request',
    ])
    expect(seen).toEqual([])
  })

  test('another server name in TLS is refused', async () => {
    const { value, requests } = await call(
      driver,
      NODE,
      `import tls from 'node:tls'
      export default () => new Promise((resolve) => {
        const socket = tls.connect({ host: 'api.example.test', port: PORT, servername: 'other.example.test', rejectUnauthorized: false })
        socket.on('error', () => {})
        socket.on('close', () => resolve('closed'))
      })`,
    )
    expect(value).toBe('closed')
    expect(requests).toMatchObject([
      { injected: true, reason: `the connection to ${HOST}:${port} names other.example.test in its TLS handshake` },
    ])
    expect(seen).toEqual([])
  })

  test('a client that trusts other authorities only says so in the record', async () => {
    const { requests } = await call(
      driver,
      PYTHON,
      `import socket, ssl
def handler(event, ctx):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.wrap_socket(socket.create_connection(('api.example.test', PORT)), server_hostname='api.example.test')
    except ssl.SSLError as error:
        return str(error)`,
    )
    expect(requests).toMatchObject([
      { reason: expect.stringContaining('the program did not accept the certificate of the proxy') },
    ])
  })

  test('a secret that is not set is named, and nothing is sent', async () => {
    const problem = 'the secret KEY, which inject of this function needs, is not set'
    const { value, requests } = await call(
      driver,
      NODE,
      'export default () => fetch(URL_).catch((error) => error.cause.message)',
      [injected({ headers: {}, secrets: {}, problem })],
    )
    expect(value).toBe(problem)
    expect(requests).toMatchObject([{ allowed: false, reason: problem }])
    expect(connections).toBe(0)
  })

  test('other hosts keep TLS from end to end, with their own certificates', async () => {
    const other = `other.example.test:${port}`
    const code = `import fs from 'node:fs'
      import https from 'node:https'
      export default () => new Promise((resolve, reject) => {
        https.get('https://${other}/own', { ca: fs.readFileSync('ca.pem') }, (response) => {
          resolve(response.socket.getPeerCertificate().subject.CN)
          response.resume()
        }).on('error', reject)
      })`
    const { outcome, value, requests } = await call(driver, NODE, code, [injected()], [other])
    expect(outcome.error).toBe(null)
    expect(value).toBe('api.example.test')
    expect(requests).toMatchObject([{ host: 'other.example.test', injected: false }])
    expect(valuesOf('authorization')).toEqual([[]])
  })

  test('two programs have their own values at one host', async () => {
    const code = `export default async () => (await fetch(URL_ + '/x')).status`
    const values = ['Bearer first-tenant-value', 'Bearer other-tenant-value']
    for (const value of values)
      await call(driver, NODE, code, [
        injected({ headers: { authorization: value }, secrets: { KEY: value.slice(7) } }),
      ])
    expect(valuesOf('authorization')).toEqual(values.map((value) => [value]))
  })
}

const network = { allowNetworks: LOOPBACK_NETWORKS, resolve: async () => ['127.0.0.1'], authorities: TEST_CA }

describe.runIf(hasBubblewrap)('bubblewrap', () => {
  cases(() => SANDBOXES.bubblewrap({ concurrency: 2, network, log }))

  test('a host whose certificate is not valid gets no header', async () => {
    const { authorities: _, ...usual } = network
    const driver = SANDBOXES.bubblewrap({ concurrency: 1, network: usual, log })
    const { value, requests } = await call(
      driver,
      NODE,
      'export default async () => { const reply = await fetch(URL_); return [reply.status, await reply.text()] }',
    )
    await driver.close()
    const reason = `${HOST}:${port} was not reached over TLS: UNABLE_TO_VERIFY_LEAF_SIGNATURE`
    expect(value).toEqual([502, `${reason}\n`])
    expect(requests).toMatchObject([{ injected: true, reason }])
    expect(seen).toEqual([])
  })
})

describe('unsafe-process', () => {
  cases(() => SANDBOXES['unsafe-process']({ concurrency: 2, network, log }))
})
