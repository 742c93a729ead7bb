import http from 'node:http'
import https from 'node:https'
import net, { type AddressInfo } from 'node:net'
import { build } from 'esbuild'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { LOOPBACK_NETWORKS } from '../../src/net/addresses.ts'
import { packageRoot } from '../../src/platform/package.ts'
import type { NetworkRequest, Outcome, Program, Runtime, SandboxDriver } from '../../src/sandbox/index.ts'
import { SANDBOXES } from '../../src/sandbox/open.ts'
import { TEST_CA, TEST_CERTIFICATE, TEST_KEY } from '../support/certificates.ts'
import { available } from '../support/commands.ts'
import { startE2bServer } from '../support/e2b-server.ts'
import { callOf, NODE, PYTHON, programOf } from '../support/guests.ts'

const log = pino({ level: 'silent' })
const hasBubblewrap = process.platform === 'linux' && available('bwrap', ['--version'])
const network = { allowNetworks: LOOPBACK_NETWORKS, resolve: async () => ['127.0.0.1'] }

/** Servers on loopback, which programs reach as api.example.test. */
const ports = { plain: 0, secure: 0, echo: 0 }
const servers: net.Server[] = []
const answerHttp: http.RequestListener = (request, response) => {
  let body = ''
  request.on('data', (chunk) => {
    body += chunk
  })
  request.on('end', () => response.end(JSON.stringify({ host: request.headers.host, url: request.url, body })))
}

beforeAll(async () => {
  const made = {
    plain: http.createServer(answerHttp),
    secure: https.createServer({ cert: TEST_CERTIFICATE, key: TEST_KEY }, answerHttp),
    echo: net.createServer((socket) => void socket.on('error', () => {}).pipe(socket)),
  }
  for (const [name, server] of Object.entries(made)) {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    ports[name as keyof typeof ports] = (server.address() as AddressInfo).port
    servers.push(server)
  }
})
afterAll(() => {
  for (const server of servers) server.close()
})

const HOST = 'api.example.test'
const policy = () => ({ allow: Object.values(ports).map((port) => `${HOST}:${port}`) })

interface Answer {
  outcome: Outcome
  /** The value that the program returned. */
  value: unknown
  requests: NetworkRequest[]
}

/** Calls a program whose code can use the ports as PLAIN, SECURE and ECHO, and the certificate of the authority as the file ca.pem. */
async function call(
  driver: SandboxDriver,
  runtime: Runtime,
  code: string,
  rest: Partial<Program> = {},
): Promise<Answer> {
  const entry = runtime === NODE ? 'main.mjs' : 'main.py'
  const named = Object.entries(ports)
    .map(([name, port]) => `${runtime === NODE ? 'const ' : ''}${name.toUpperCase()} = ${port}`)
    .join('\n')
  const program = programOf(runtime, '', {
    files: { [entry]: `${named}\n${code}`, 'ca.pem': TEST_CA },
    network: policy(),
    ...rest,
  })
  return callAgain(driver, program)
}

async function callAgain(driver: SandboxDriver, program: Program, event: unknown = {}): Promise<Answer> {
  const requests: NetworkRequest[] = []
  const outcome = await driver.call(
    callOf(program, { input: { event }, onRequest: (request) => requests.push(request) }),
  )
  const { result } = outcome
  const value = result?.kind === 'json' ? JSON.parse(Buffer.from(result.body).toString()) : null
  return { outcome, value, requests }
}

const NODE_CLIENTS: Record<string, [code: string, expected: () => unknown]> = {
  'fetch over http': [
    `export default async () => {
      const answer = await fetch('http://api.example.test:' + PLAIN + '/a', { method: 'POST', body: 'x' })
      return answer.json()
    }`,
    () => ({ host: `${HOST}:${ports.plain}`, url: '/a', body: 'x' }),
  ],
  'fetch over https': [
    `process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
    export default async () => (await fetch(\`https://api.example.test:\${SECURE}/b\`)).json()`,
    () => ({ host: `${HOST}:${ports.secure}`, url: '/b', body: '' }),
  ],
  'https with verification': [
    `import fs from 'node:fs'
    import https from 'node:https'
    export default () => new Promise((resolve, reject) => {
      const request = https.get(\`https://api.example.test:\${SECURE}/c\`, { ca: fs.readFileSync('ca.pem') }, (response) => {
        let text = ''
        response.on('data', (chunk) => { text += chunk })
        response.on('end', () => resolve(JSON.parse(text)))
      })
      request.on('error', reject)
    })`,
    () => ({ host: `${HOST}:${ports.secure}`, url: '/c', body: '' }),
  ],
  'https without the authority': [
    "export default () => fetch('https://api.example.test:' + SECURE).catch((error) => error.cause.code)",
    () => 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  ],
  'tls.connect by name': [
    `import fs from 'node:fs'
    import { connect } from 'node:tls'
    export default () => new Promise((resolve, reject) => {
      const socket = connect({ host: 'api.example.test', port: SECURE, ca: fs.readFileSync('ca.pem') }, () => {
        socket.write('GET /d HTTP/1.0\\r\\nHost: d\\r\\n\\r\\n')
      })
      socket.on('data', (chunk) => { resolve(String(chunk).split('\\r\\n\\r\\n')[1]); socket.destroy() })
      socket.on('error', reject)
    })`,
    () => JSON.stringify({ host: 'd', url: '/d', body: '' }),
  ],
  'net.connect, and TLS over the connected socket': [
    `import fs from 'node:fs'
    import net from 'node:net'
    import tls from 'node:tls'
    export default () => new Promise((resolve, reject) => {
      const raw = net.connect(SECURE, 'api.example.test')
      raw.once('connect', () => {
        const socket = tls.connect({ socket: raw, servername: 'api.example.test', ca: fs.readFileSync('ca.pem') }, () => {
          socket.write('GET /e HTTP/1.0\\r\\nHost: e\\r\\n\\r\\n')
        })
        socket.on('data', (chunk) => { resolve(String(chunk).split('\\r\\n\\r\\n')[1]); socket.destroy() })
        socket.on('error', reject)
      })
      raw.on('error', reject)
    })`,
    () => JSON.stringify({ host: 'e', url: '/e', body: '' }),
  ],
  'net.connect with an early write': [
    `import net from 'node:net'
    export default () => new Promise((resolve, reject) => {
      const socket = net.connect(ECHO, 'api.example.test')
      socket.write('early')
      socket.on('data', (chunk) => { resolve(String(chunk)); socket.destroy() })
      socket.on('error', reject)
    })`,
    () => 'early',
  ],
  'a lookup before the connection': [
    `import dns, { promises } from 'node:dns'
    import net from 'node:net'
    export default async () => {
      const { address } = await promises.lookup('api.example.test')
      const [[same]] = await Promise.all([new Promise((resolve) => dns.lookup('api.example.test', { all: true }, (_, all) => resolve(all)))])
      const text = await new Promise((resolve, reject) => {
        const socket = net.connect(ECHO, address, () => socket.write('looked up'))
        socket.on('data', (chunk) => { resolve(String(chunk)); socket.destroy() })
        socket.on('error', reject)
      })
      return [same.address === address, text]
    }`,
    () => [true, 'looked up'],
  ],
  'twenty fetches at once': [
    `export default async () => {
      const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => fetch(\`http://api.example.test:\${PLAIN}/\${i}\`)))
      return (await Promise.all(answers.map((each) => each.json()))).map(({ url }) => url).join('')
    }`,
    () => Array.from({ length: 20 }, (_, i) => `/${i}`).join(''),
  ],
  'its own server on loopback': [
    `import http from 'node:http'
    export default async () => {
      const server = http.createServer((request, response) => response.end('own'))
      await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
      const text = await (await fetch(\`http://127.0.0.1:\${server.address().port}\`)).text()
      server.close()
      return text
    }`,
    () => 'own',
  ],
}

const PYTHON_CLIENTS: typeof NODE_CLIENTS = {
  'urllib over http': [
    `import json, urllib.request
def handler(event, ctx):
    return json.load(urllib.request.urlopen(f'http://api.example.test:{PLAIN}/a', data=b'x'))`,
    () => ({ host: `${HOST}:${ports.plain}`, url: '/a', body: 'x' }),
  ],
  'urllib over https with verification': [
    `import json, ssl, urllib.request
def handler(event, ctx):
    trusted = ssl.create_default_context(cafile='ca.pem')
    return json.load(urllib.request.urlopen(f'https://api.example.test:{SECURE}/c', context=trusted))`,
    () => ({ host: `${HOST}:${ports.secure}`, url: '/c', body: '' }),
  ],
  'urllib over https without the authority': [
    `import urllib.request
def handler(event, ctx):
    try:
        urllib.request.urlopen(f'https://api.example.test:{SECURE}')
    except OSError as error:
        return 'CERTIFICATE_VERIFY_FAILED' in str(error)`,
    () => true,
  ],
  'certificates of public authorities': [
    `import ssl, urllib.request
def handler(event, ctx):
    return len(ssl.create_default_context().get_ca_certs()) > 50`,
    () => true,
  ],
  'socket.create_connection': [
    `import socket
def handler(event, ctx):
    with socket.create_connection(('api.example.test', ECHO), timeout=10) as made:
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made.sendall(b'hello')
        return made.recv(100).decode()`,
    () => 'hello',
  ],
  'asyncio over TLS': [
    `import asyncio, ssl
async def read(path):
    trusted = ssl.create_default_context(cafile='ca.pem')
    reader, writer = await asyncio.open_connection('api.example.test', SECURE, ssl=trusted)
    writer.write(f'GET {path} HTTP/1.0\\r\\nHost: f\\r\\n\\r\\n'.encode())
    text = (await reader.read()).decode()
    writer.close()
    return text.partition('\\r\\n\\r\\n')[2]
async def handler(event, ctx):
    return await asyncio.gather(*(read(f'/{i}') for i in range(5)))`,
    () => Array.from({ length: 5 }, (_, i) => JSON.stringify({ host: 'f', url: `/${i}`, body: '' })),
  ],
  'its own server on loopback': [
    `import socket
def handler(event, ctx):
    with socket.create_server(('127.0.0.1', 0)) as server, socket.create_connection(server.getsockname()) as made:
        other, _ = server.accept()
        other.sendall(b'own')
        other.close()
        return made.recv(100).decode()`,
    () => 'own',
  ],
}

const REFUSED = {
  [NODE]: "export default () => fetch('https://evil.test/').catch((error) => error.cause.message)",
  [PYTHON]: `import urllib.request
def handler(event, ctx):
    try:
        urllib.request.urlopen('https://evil.test/')
    except OSError as error:
        return error.reason.strerror`,
}
const THROWS = {
  [NODE]: "export default () => fetch('https://db.example.test:8443/')",
  [PYTHON]: `import urllib.request
def handler(event, ctx):
    urllib.request.urlopen('https://db.example.test:8443/')`,
}
const KEPT = {
  [NODE]: `import net from 'node:net'
    let socket
    export default (event) => new Promise((resolve, reject) => {
      socket ??= net.connect(ECHO, 'api.example.test')
      socket.once('data', (chunk) => resolve(String(chunk)))
      socket.write(event.text)
      socket.once('error', reject)
    })`,
  [PYTHON]: `import socket
made = None
def handler(event, ctx):
    global made
    made = made or socket.create_connection(('api.example.test', ECHO))
    made.sendall(event['text'].encode())
    return made.recv(100).decode()`,
}

function cases(open: () => SandboxDriver): void {
  let driver: SandboxDriver
  beforeAll(() => {
    driver = open()
  })
  afterAll(() => driver.close())

  for (const [runtime, clients] of [
    [NODE, NODE_CLIENTS],
    [PYTHON, PYTHON_CLIENTS],
  ] as const)
    test.each(Object.entries(clients))(`${runtime}: %s`, async (_, [code, expected]) => {
      const { outcome, value, requests } = await call(driver, runtime, code)
      expect(outcome.error).toBe(null)
      expect(value).toEqual(expected())
      for (const request of requests) expect(request).toMatchObject({ host: HOST, allowed: true, reason: null })
    })

  describe.each([NODE, PYTHON] as const)('%s', (runtime) => {
    test('a host that the policy does not list is refused with the key to extend', async () => {
      const { outcome, value, requests } = await call(driver, runtime, REFUSED[runtime])
      const reason = "this function may not connect to evil.test:443: add 'evil.test' to network in its config"
      expect(outcome.error).toBe(null)
      expect(value).toBe(reason)
      expect(requests).toEqual([
        {
          host: 'evil.test',
          port: 443,
          bytes_sent: 0,
          bytes_received: 0,
          milliseconds: expect.any(Number),
          injected: false,
          allowed: false,
          reason,
        },
      ])
    })

    test('a connection that stays open is reported to each call with its share', async () => {
      const entry = runtime === NODE ? 'main.mjs' : 'main.py'
      const code = `${runtime === NODE ? 'const ' : ''}ECHO = ${ports.echo}\n${KEPT[runtime]}`
      const program = programOf(runtime, '', { files: { [entry]: code }, network: policy() })
      for (const text of ['one', 'three']) {
        const { value, requests } = await callAgain(driver, program, { text })
        expect(value).toBe(text)
        expect(requests).toEqual([
          expect.objectContaining({ port: ports.echo, bytes_sent: text.length, bytes_received: text.length }),
        ])
      }
    })

    test('an instance does not serve the same program with another policy', async () => {
      const entry = runtime === NODE ? 'main.mjs' : 'main.py'
      const code =
        runtime === NODE
          ? 'let calls = 0; export default () => ++calls'
          : 'calls = 0\ndef handler(event, ctx):\n    global calls\n    calls += 1\n    return calls'
      const program = programOf(runtime, '', { files: { [entry]: code }, network: policy() })
      const count = async (network: Program['network']) => (await callAgain(driver, { ...program, network })).value
      expect(await count(policy())).toBe(1)
      expect(await count(policy())).toBe(2)
      expect(await count({ allow: ['a.test'] })).toBe(1)
      expect(await count(null)).toBe(1)
    })
  })
}

/** Bundles a program with packages, as `zerodb deploy` does. */
async function bundle(code: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: packageRoot() },
    bundle: true,
    format: 'esm',
    platform: 'node',
    external: ['pg-native'],
    banner: {
      js: "import { createRequire as $createRequire } from 'node:module'; const require = $createRequire(import.meta.url);",
    },
    write: false,
  })
  return outputFiles[0]!.text
}

const DATABASE = process.env['ZERODB_TEST_DATABASE_URL']

function packages(open: () => SandboxDriver): void {
  let driver: SandboxDriver
  beforeAll(() => {
    driver = open()
  })
  afterAll(() => driver.close())

  test('the package undici works with its own agent', async () => {
    const code = await bundle(`import fs from 'node:fs'
      import { Agent, request } from 'undici'
      export default async ({ url }) => {
        const dispatcher = new Agent({ connect: { ca: fs.readFileSync('ca.pem') } })
        const { body } = await request(url, { dispatcher })
        return body.json()
      }`)
    const program = programOf(NODE, '', { files: { 'main.mjs': code, 'ca.pem': TEST_CA }, network: policy() })
    const { outcome, value } = await callAgain(driver, program, { url: `https://${HOST}:${ports.secure}/u` })
    expect(outcome.error).toBe(null)
    expect(value).toEqual({ host: `${HOST}:${ports.secure}`, url: '/u', body: '' })
  })

  test.runIf(DATABASE)('the package pg works over host and port', async () => {
    const url = new URL(DATABASE!)
    const port = url.port || '5432'
    url.hostname = 'db.example.test'
    const code = await bundle(`import pg from 'pg'
      export default async ({ url }) => {
        const client = new pg.Client({ connectionString: url })
        await client.connect()
        const { rows } = await client.query('select 1 + 1 as two')
        await client.end()
        return rows
      }`)
    const network = { allow: [`db.example.test:${port}`] }
    const program = programOf(NODE, '', { files: { 'main.mjs': code }, network })
    const { outcome, value, requests } = await callAgain(driver, program, { url: url.href })
    expect(outcome.error).toBe(null)
    expect(value).toEqual([{ two: 2 }])
    expect(requests).toMatchObject([{ host: 'db.example.test', port: Number(port), allowed: true }])
  })
}

/** Without isolation, a program without a policy connects directly. */
function withoutNetwork(open: () => SandboxDriver): void {
  test.each([NODE, PYTHON] as const)('%s: without a policy the error names the key to set', async (runtime) => {
    const driver = open()
    const { outcome, requests } = await call(driver, runtime, THROWS[runtime], { network: null })
    await driver.close()
    expect(outcome.error?.message).toContain(
      "this function has no network: add network: ['db.example.test:8443'] to its config",
    )
    expect(requests).toEqual([])
  })
}

describe.runIf(hasBubblewrap)('bubblewrap', () => {
  const open = () => SANDBOXES.bubblewrap({ concurrency: 2, network, log })
  cases(open)
  packages(open)
  withoutNetwork(open)

  test('a client in C reaches a host that is named with its port', async () => {
    const driver = open()
    const { outcome, value, requests } = await call(
      driver,
      PYTHON,
      `import _socket
def handler(event, ctx):
    # The module in C does not use the replaced functions.
    (*_, address), = _socket.getaddrinfo('api.example.test', ECHO, _socket.AF_INET, _socket.SOCK_STREAM)
    made = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    made.connect(address)
    made.sendall(b'from C')
    text = made.recv(100).decode()
    made.close()
    return [address[0], text]`,
    )
    await driver.close()
    expect(outcome.error).toBe(null)
    expect(value).toEqual(['127.1.0.1', 'from C'])
    expect(requests).toMatchObject([{ host: HOST, port: ports.echo, allowed: true, bytes_sent: 6, bytes_received: 6 }])
  })

  test('a process that the program starts reaches a host that is named with its port', async () => {
    const driver = open()
    const { outcome, value, requests } = await call(
      driver,
      NODE,
      `import { spawn } from 'node:child_process'
      export default () => new Promise((resolve) => {
        const code = \`fetch('http://api.example.test:\${PLAIN}/child').then((reply) => reply.text()).then(console.log)\`
        const child = spawn(process.execPath, ['-e', code])
        let text = ''
        child.stdout.on('data', (chunk) => { text += chunk })
        child.on('close', () => resolve(JSON.parse(text).url))
      })`,
    )
    await driver.close()
    expect(outcome.error).toBe(null)
    expect(value).toBe('/child')
    expect(requests).toMatchObject([{ host: HOST, port: ports.plain, allowed: true }])
  })

  test('private addresses need the permission of the operator', async () => {
    const driver = SANDBOXES.bubblewrap({ concurrency: 1, network: { ...network, allowNetworks: [] }, log })
    const { value } = await call(
      driver,
      NODE,
      `export default () => fetch('http://api.example.test:' + PLAIN).catch((error) => error.cause.message)`,
    )
    await driver.close()
    expect(value).toContain('has an address that is not public')
  })
})

describe('unsafe-process', () => {
  cases(() => SANDBOXES['unsafe-process']({ concurrency: 2, network, log }))
})

test('e2b refuses programs with a network policy', async () => {
  const server = await startE2bServer()
  onTestFinished(async () => {
    vi.unstubAllEnvs()
    await server.close()
  })
  for (const [name, value] of Object.entries(server.env)) vi.stubEnv(name, value)
  const driver = SANDBOXES.e2b({ concurrency: 1, log })
  await expect(call(driver, NODE, 'export default () => 1')).rejects.toMatchObject({
    code: 'sandbox_unavailable',
    message: expect.stringContaining('e2b does not support "network"'),
  })
  await driver.close()
})
