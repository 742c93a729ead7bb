import net, { type AddressInfo } from 'node:net'
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
  /** ClientHello records in hex: with another server name, without one, with an encrypted one, and as two records. */
  hellos: Record<'other' | 'none' | 'encrypted' | 'divided', string>
}

/** Limits of the proxy in the suite, which programs try to exceed. */
export const LIMITS = { connections: 8, connections_per_call: 60, bytes_per_call: 1024 * 1024 }

export interface Upstreams {
  told: ToldNetwork
  /** The policy of the programs. Names with private addresses are listed, because the address has to stop them. */
  policy: { allow: string[] }
  network: NetworkOptions
  /** Forgets what the programs before have sent. */
  reset(): void
  close(): void
}

/** The address that the operator has permitted. All others of 127.0.0.0/8 stand for private addresses; nothing leaves this machine. */
const PERMITTED = '127.0.0.1'
const PRIVATE = '127.0.0.3'

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
      hellos: {
        other: hello(['hidden.test']).toString('hex'),
        none: hello([]).toString('hex'),
        encrypted: hello(['allowed.test'], [0xfe0d]).toString('hex'),
        divided: divided(hello(['hidden.test'])).toString('hex'),
      },
    },
    policy: { allow: [...names.map((name) => `${name}:${port}`), `allowed.test:${tls}`] },
    network: { allowNetworks: [`${PERMITTED}/32`], resolve, limits: LIMITS },
    reset() {
      opened = 0
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
