import type { HostileProgram } from '../program.ts'
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
]
