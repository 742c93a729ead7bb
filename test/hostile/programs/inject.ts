import type { Program } from '../../../src/sandbox/index.ts'
import { type HostileProgram, pause } from '../program.ts'
import { NODE_PROXY, PYTHON_PROXY } from './proxy.ts'

/** Defines `through(target, name, text)`, which sends text over TLS to a host of the policy and returns everything that comes back. */
const NODE_INJECT = `${NODE_PROXY}
  import secure from 'node:tls'
  const { injected, unverified, misnamed } = environment.network
  const url = 'https://injected.test:' + injected
  const through = (target, servername, text, path = proxy) => new Promise((resolve) => {
    const raw = net.connect({ path })
    let answer = ''
    raw.setTimeout(1000, () => raw.destroy())
    raw.on('error', () => {})
    raw.on('close', () => resolve(answer))
    raw.once('data', () => {
      const secured = secure.connect({ socket: raw, servername, rejectUnauthorized: false }, () => secured.write(text, 'latin1'))
      secured.on('data', (data) => { answer += data.toString('latin1') })
      secured.on('error', () => raw.destroy())
      secured.on('close', () => raw.destroy())
    })
    raw.write(connectTo(target))
  })`
const PYTHON_INJECT = `${PYTHON_PROXY}
import ssl, urllib.error, urllib.request
injected, unverified, misnamed = (environment['network'][name] for name in ('injected', 'unverified', 'misnamed'))
url = f'https://injected.test:{injected}'
def through(target, name, text, path=proxy):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    answer = b''
    with socket.socket(socket.AF_UNIX) as made:
        made.settimeout(1)
        try:
            made.connect(path)
            made.sendall(connectTo(target).encode())
            made.recv(1000)
            with context.wrap_socket(made, server_hostname=name) as secured:
                secured.sendall(text.encode('latin1'))
                while data := secured.recv(10000): answer += data
        except OSError:
            pass
    return answer.decode('latin1')
def got(path, headers={}):
    try:
        reply = urllib.request.urlopen(urllib.request.Request(url + path, headers=headers))
    except urllib.error.HTTPError as error:
        reply = error
    return [reply.reason, str(reply.headers), reply.read().decode('latin1')]`

interface Sent {
  /** Host of the CONNECT; by default injected.test. */
  to?: string
  port?: string
  /** Server name in TLS; by default injected.test. */
  name?: string
  text: string
}

/** A program that sends these texts over TLS, one connection for each. The texts use names of the prelude as \`{name}\`. */
function sends(
  name: string,
  stoppedBy: HostileProgram['stoppedBy'],
  sent: readonly Sent[],
  rest: Partial<HostileProgram> = {},
): HostileProgram {
  const fill = (text: string, node: boolean) =>
    JSON.stringify(text).replace(/\{(\w+)\}/g, (_, port) =>
      node ? `" + ${port} + "` : `" + str(${port === 'open' ? 'open_' : port}) + "`,
    )
  const code = (node: boolean) =>
    sent
      .map(({ to = 'injected.test', port = 'injected', name = 'injected.test', text }) =>
        [`${to}:{${port}}`, name, text].map((each) => fill(each, node)).join(', '),
      )
      .map((each) => `${node ? 'await ' : ''}through(${each})`)
      .join(',\n')
  return {
    name,
    group: 'PROXY',
    network: true,
    stoppedBy,
    timeoutSeconds: 20,
    node: `${NODE_INJECT}
  export default [${code(true)}]`,
    python: `${PYTHON_INJECT}
result = [${code(false)}]`,
    ...rest,
  }
}

const HOST = 'Host: injected.test:{injected}\r\n'
const CLOSE = 'Connection: close\r\n\r\n'
const get = (path: string, fields = HOST) => `GET ${path} HTTP/1.1\r\n${fields}${CLOSE}`

/** A program that requests a path at which the host returns the added header. */
const isEchoed = (name: string, path: string, headers = '{}'): HostileProgram => ({
  name,
  group: 'PROXY',
  network: true,
  stoppedBy: [['inject_mask']],
  node: `${NODE_INJECT}
      const reply = await fetch(url + '${path}', { headers: ${headers} })
      export default [reply.statusText, [...reply.headers], await reply.text()]`,
  python: `${PYTHON_INJECT}
result = got('${path}', ${headers})`,
})

/** Has 35 bytes, which is 23 in hexadecimal. */
const INNER = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n'
const SMUGGLED: Sent[] = [
  ...['GET', 'POST', 'DELETE', 'OPTIONS']
    .flatMap((method) => [
      `${method} /a HTTP/1.1\r\n${HOST}Content-Length: 35\r\nConnection: content-length, close\r\n\r\n`,
      `${method} /a HTTP/1.1\r\n${HOST}Content-Length: 35\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
      `${method} /a HTTP/1.1\r\n${HOST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n`,
      `${method} /a HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked, identity\r\nConnection: close\r\n\r\n0\r\n\r\n`,
      `${method} /a HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\nConnection: transfer-encoding, close\r\n\r\n23\r\n`,
    ])
    .map((text) => ({ text: `${text}${INNER}` })),
]

export const inject: HostileProgram[] = [
  sends(
    'requests a URL of another host from the host that gets its added header',
    [['inject_host']],
    [
      { text: get('https://other.test/') },
      { text: get('http://other.test:{injected}/') },
      { text: get('https://injected.test@other.test/') },
      { text: get('injected.test:{injected}') },
    ],
  ),
  sends(
    'sends its own header beside the added one: once, twice, in another case',
    [['inject_replace']],
    [
      { text: get('/', `${HOST}Authorization: own\r\n`) },
      { text: get('/', `${HOST}authorization: own\r\nauthorization: own\r\n`) },
      { text: get('/', `${HOST}AUTHORIZATION:own\r\n`) },
    ],
  ),
  isEchoed('asks a host to return its added header in headers and in the status line', '/headers'),
  isEchoed('asks a host to return its added header in the body', '/body'),
  isEchoed('asks a host to return its added header in single bytes', '/bytes'),
  isEchoed('asks a host to return its added header in an error', '/error'),
  isEchoed('asks a host to compress an answer with its added header', '/gzip', `{ 'accept-encoding': 'gzip' }`),
  sends(
    'asks a host whose certificate is of an unknown authority',
    [['inject_verify']],
    [
      {
        to: 'unverified.test',
        port: 'unverified',
        name: 'unverified.test',
        text: get('/', 'Host: unverified.test:{unverified}\r\n'),
      },
    ],
  ),
  sends(
    'asks a host that has the certificate of another host',
    [['inject_verify']],
    [
      {
        to: 'misnamed.test',
        port: 'misnamed',
        name: 'misnamed.test',
        text: get('/', 'Host: misnamed.test:{misnamed}\r\n'),
      },
    ],
  ),
  {
    name: 'follows a redirect of a host that puts its added header into the address',
    group: 'PROXY',
    network: true,
    stoppedBy: [['inject_mask']],
    node: `${NODE_INJECT}
      export default await fetch(url + '/redirect').then(({ url }) => url, (error) => String(error.cause))`,
    python: `${PYTHON_INJECT}
result = tried(lambda: urllib.request.urlopen(url + '/redirect').url)`,
  },
  sends(
    'asks a host to return its added header in the answer to an upgrade',
    [['inject_mask']],
    [{ text: `GET /ws HTTP/1.1\r\n${HOST}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n` }],
  ),
  sends(
    'asks a host to return its added header in trailers and in early hints',
    [],
    [{ text: get('/trailers', `${HOST}TE: trailers\r\n`) }],
    { inherent: 'the proxy does not forward trailers and early hints' },
  ),
  sends(
    'asks a host to return its added header by TRACE and by an upgrade to HTTP/2',
    [],
    [
      { text: `TRACE / HTTP/1.1\r\n${HOST}${CLOSE}` },
      {
        text: `GET / HTTP/1.1\r\n${HOST}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n`,
      },
      { text: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' },
    ],
    { inherent: 'the proxy refuses TRACE and upgrades to anything but WebSocket' },
  ),
  sends(
    'names another host than that of its connection: in Host, twice, folded, in an encrypted CONNECT',
    [],
    [
      { text: get('/', 'Host: alias.test:{injected}\r\n') },
      { text: get('/', `${HOST}Host: alias.test\r\n`) },
      { text: get('/', `Host: alias.test\r\n${HOST}`) },
      { text: get('/', 'Host: injected.test:{injected}\r\n alias.test\r\n') },
      { text: get('/', 'Host: alias.test@injected.test:{injected}\r\n') },
      { text: `CONNECT alias.test:{injected} HTTP/1.1\r\n${HOST}\r\n` },
      { text: get('/', `${HOST}X-Forwarded-Host: alias.test\r\nConnection: host\r\n`) },
    ],
    { inherent: 'the proxy writes Host itself' },
  ),
  sends(
    'reaches its host with its own header by other spellings of the name',
    [['inject_replace']],
    ['INJECTED.test', 'injected.test.', 'InJeCtEd.TeSt.'].map((to) => ({
      to,
      text: get('/', `${HOST}Authorization: own\r\n`),
    })),
  ),
  sends(
    'names the host with an added header in TLS, on a connection to another name of it',
    [['proxy_sni']],
    [{ to: 'alias.test', text: get('/', `${HOST}Authorization: own\r\n`) }],
  ),
  sends(
    'asks for the added header on a connection to another name of the host',
    [],
    [
      { to: 'alias.test', name: 'alias.test', text: get('/body', 'Host: alias.test:{injected}\r\n') },
      { to: 'alias.test', name: 'alias.test', text: get('/body') },
    ],
    { inherent: 'the name of the connection chooses the added headers, not its address' },
  ),
  {
    ...sends(
      'names another server in TLS to a host with an added header',
      [['proxy_sni']],
      ['alias.test', 'other.test'].map((name) => ({ name, text: get('/', HOST) })),
    ),
    after(fixture, { result }) {
      const text = Buffer.from(result?.body ?? '').toString()
      fixture.check(
        !text.includes('HTTP/1.1 200'),
        'the proxy has ended the TLS of a connection with another server name',
      )
    },
  },
  sends(
    'smuggles a request to a host with an added header: by two lengths, by chunks, by a length named in Connection',
    [],
    SMUGGLED,
    { inherent: 'the proxy parses each request and writes a new one' },
  ),
  sends(
    'hides headers behind line breaks and zero bytes in a value, in a name and in the path',
    [],
    [
      { text: get('/', `${HOST}X-A: a\rX-Smuggled: 1\r\n`) },
      {
        text: get('/', `${HOST}X-A: a\nX-Smuggled: 1\n\n`).replace(
          /X-Smuggled: 1\n\n/,
          'b\n GET /smuggled HTTP/1.1\n\n',
        ),
      },
      { text: get('/', `${HOST}X-A: a\0\r\n\tX-Smuggled: 1\r\n`) },
      { text: get('/', `${HOST}X-A\r\n X-Smuggled: 1\r\n`) },
      { text: get('/a\rX-Smuggled:1', HOST) },
      { text: get('/a\0 HTTP/1.1\rX-Smuggled:1', HOST) },
    ],
    { inherent: 'the parser of the proxy refuses such bytes' },
  ),
  sends(
    'sends its own header in trailers, and before the colon a space',
    [],
    [
      {
        text: `POST / HTTP/1.1\r\n${HOST}Trailer: authorization\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n1\r\na\r\n0\r\nAuthorization: own\r\n\r\n`,
      },
      { text: get('/', `${HOST}Authorization : own\r\n`) },
      { text: get('/', `${HOST} Authorization: own\r\n`) },
    ],
    { inherent: 'the proxy does not forward trailers, and its parser refuses such names' },
  ),
  {
    name: 'requests the host with an added header without TLS',
    group: 'PROXY',
    network: true,
    stoppedBy: [],
    inherent: 'headers are added inside TLS only',
    node: `${NODE_INJECT}
      export default [
        await send('GET http://injected.test:' + injected + '/body HTTP/1.1\\r\\nHost: injected.test\\r\\n\\r\\n'),
        await send(connectTo('injected.test:' + injected), 'GET /body HTTP/1.1\\r\\nHost: injected.test\\r\\n\\r\\n'),
      ]`,
    python: `${PYTHON_INJECT}
result = [
    send(f'GET http://injected.test:{injected}/body HTTP/1.1\\r\\nHost: injected.test\\r\\n\\r\\n'),
    send(connectTo(f'injected.test:{injected}'), 'GET /body HTTP/1.1\\r\\nHost: injected.test\\r\\n\\r\\n'),
]`,
  },
  {
    name: 'uses the added header of another instance by its socket',
    group: 'PROXY',
    network: true,
    stoppedBy: [['own_socket']],
    timeoutSeconds: 15,
    node: `${NODE_INJECT}
      import fs from 'node:fs'
      export default async (event) => {
        if (event.wait) return new Promise((resolve) => setTimeout(resolve, 6000, 'waited'))
        const found = [folder, folder + '/..', '/tmp', '/fn'].flatMap((each) => {
          const names = tried(() => fs.readdirSync(each))
          return Array.isArray(names) ? names.map((name) => each + '/' + name) : []
        })
        const answers = []
        for (const path of found)
          for (const each of [path, path + '/proxy']) answers.push(await through('injected.test:' + injected, 'injected.test',
            'GET /stolen HTTP/1.1\\r\\nHost: injected.test:' + injected + '\\r\\nConnection: close\\r\\n\\r\\n', each))
        return answers
      }`,
    python: `${PYTHON_INJECT}
def handler(event, ctx):
    if event.get('wait'):
        time.sleep(6)
        return 'waited'
    answers = []
    for each in [folder, folder + '/..', '/tmp', '/fn']:
        names = tried(lambda: os.listdir(each))
        for name in names if isinstance(names, list) else []:
            for path in (f'{each}/{name}', f'{each}/{name}/proxy'):
                answers.append(through(f'injected.test:{injected}', 'injected.test',
                    f'GET /stolen HTTP/1.1\\r\\nHost: injected.test:{injected}\\r\\nConnection: close\\r\\n\\r\\n', path))
    return answers`,
    async play(fixture) {
      const { policy } = fixture.environment
      const over = new AbortController()
      const call = (program: Partial<Program>, event: object, signal?: AbortSignal) =>
        fixture.environment.driver.call({
          program: { ...fixture.programOf(null, 'fresh'), ...program },
          mode: 'handler',
          input: { event },
          timeout_seconds: 15,
          output_limit_bytes: 1_000,
          ...(signal ? { signal } : {}),
        })
      const other = call({ network: policy }, { wait: true }, over.signal)
      await pause(1_000)
      // This program may connect to a host, but has no added header.
      const outcome = await call({ network: { allow: policy.allow, inject: [] } }, {})
      fixture.outcomes.push(outcome)
      over.abort()
      await other
    },
  },
  {
    name: 'searches files and environment for the key of the authority',
    group: 'PROXY',
    network: true,
    stoppedBy: [],
    inherent: 'the key of the authority exists in the memory of the server only',
    timeoutSeconds: 20,
    node: `${NODE_INJECT}
      import fs from 'node:fs'
      const PEM = /-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\\s+[A-Za-z0-9+/=\\s]{40,}-----END/g
      const found = []
      const search = (text) => found.push(...(text.match(PEM) ?? []))
      search(Object.values(process.env).join('\\n'))
      let left = 3000
      const walk = (path, depth) => {
        for (const entry of tried(() => fs.readdirSync(path, { withFileTypes: true }))) {
          const each = path + '/' + entry.name
          if (typeof entry === 'string' || left-- < 0) return
          if (entry.isDirectory() && depth < 4) walk(each, depth + 1)
          else if (entry.isFile()) tried(() => fs.statSync(each).size < 1e6 && search(fs.readFileSync(each, 'latin1')))
        }
      }
      for (const path of ['/etc', '/opt', '/tmp', '/fn', '/proc', '/run', '/dev/shm', '/root', '/var']) walk(path, 0)
      for (const path of ['/proc/1/environ', '/proc/self/environ', '/proc/1/mem', '/proc/1/cmdline'])
        tried(() => search(fs.readFileSync(path, 'latin1')))
      export default { found }`,
    python: `${PYTHON_INJECT}
import re
PEM = re.compile(rb'-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\\s+[A-Za-z0-9+/=\\s]{40,}-----END')
found = []
def search(data):
    found.extend(each.decode() for each in PEM.findall(data))
search('\\n'.join(os.environ.values()).encode())
for top in ['/etc', '/opt', '/tmp', '/fn', '/proc', '/run', '/dev/shm', '/root', '/var']:
    for path, _, names in os.walk(top):
        for name in names:
            each = path + '/' + name
            tried(lambda: os.path.isfile(each) and os.path.getsize(each) < 1e6 and search(open(each, 'rb').read()))
for each in ['/proc/1/environ', '/proc/self/environ', '/proc/1/mem', '/proc/1/cmdline']:
    tried(lambda: search(open(each, 'rb').read()))
result = {'found': found}`,
    after(fixture, { result }) {
      const text = Buffer.from(result?.body ?? '').toString()
      fixture.check(
        text === '{"found":[]}' || text === '{"found": []}',
        `the program has found a key: ${text.slice(0, 100)}`,
      )
    },
  },
  {
    name: 'opens more connections at once to a host with an added header than its limit, without ending the TLS handshake',
    group: 'PROXY',
    network: true,
    stoppedBy: [['proxy_limits']],
    node: `${NODE_INJECT}
      const one = () => new Promise((resolve) => {
        const socket = net.connect({ path: proxy })
        socket.on('error', () => resolve('error'))
        socket.write(connectTo('injected.test:' + injected))
        setTimeout(() => { resolve('late'); socket.destroy() }, 1500)
      })
      export default await Promise.all(Array.from({ length: 30 }, one))`,
    python: `${PYTHON_INJECT}
kept = []
def one():
    made = socket.socket(socket.AF_UNIX)
    made.settimeout(1)
    made.connect(proxy)
    made.sendall(connectTo(f'injected.test:{injected}').encode())
    kept.append(made)
    return made.recv(1000).decode()
result = [tried(one) for _ in range(30)]`,
  },
  {
    ...sends(
      'sends requests without end on one connection, and does not wait for answers',
      [['proxy_limits']],
      [{ text: `GET /slow HTTP/1.1\r\n${HOST}\r\n`.repeat(300) }],
    ),
  },
  {
    name: 'uses the listener for programs in C to name another server in TLS',
    group: 'PROXY',
    network: true,
    stoppedBy: [['proxy_sni']],
    node: `${NODE_INJECT}
      import fs from 'node:fs'
      const line = fs.readFileSync('/etc/hosts', 'utf8').split('\\n').find((each) => each.includes('allowed.test'))
      const address = line?.split(/\\s+/)[0]
      export default await new Promise((resolve) => {
        const socket = net.connect({ host: address, port: tls }, () => socket.write(Buffer.from(hellos.other, 'hex')))
        socket.setTimeout(1000, () => socket.destroy())
        socket.on('error', (error) => resolve([address, String(error)]))
        socket.on('close', () => resolve([address]))
      })`,
    python: `${PYTHON_INJECT}
import _socket
address = [line.split()[0] for line in open('/etc/hosts').read().split('\\n') if 'allowed.test' in line][0]
made = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
made.settimeout(1)
def use():
    made.connect((address, tls))
    made.send(bytes.fromhex(hellos['other']))
    return made.recv(1000).hex()
result = [address, tried(use)]`,
  },
  {
    name: 'changes the file of host names of its sandbox',
    group: 'PROXY',
    network: true,
    stoppedBy: [],
    inherent: 'the folder of the file is mounted read-only',
    node: `${NODE_INJECT}
      import fs from 'node:fs'
      export default ['/etc/hosts', folder + '/hosts'].flatMap((path) => [
        tried(() => fs.writeFileSync(path, '127.0.0.1 forbidden.test')),
        tried(() => fs.unlinkSync(path)),
        tried(() => fs.renameSync('/tmp', path)),
      ])`,
    python: `${PYTHON_INJECT}
result = []
for path in ('/etc/hosts', folder + '/hosts'):
    result += [tried(lambda: open(path, 'w')), tried(lambda: os.unlink(path)), tried(lambda: os.rename('/tmp', path))]`,
    after(fixture, { result }) {
      const answers = JSON.parse(Buffer.from(result?.body ?? 'null').toString()) as unknown[] | null
      fixture.check(
        answers?.every((each) =>
          /EROFS|EACCES|EPERM|EXDEV|EBUSY|Read-only|cross-device|denied|not permitted|busy/i.test(String(each)),
        ) === true,
        `the file of host names has changed: ${JSON.stringify(answers)}`,
      )
    },
  },
]
