import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** A proxy between a program and a server that can break connections. */
export interface Proxy {
  /** URL of the server with host and port of the proxy. */
  url: string
  /** Simulates a stopped server: ends all connections and refuses new ones. */
  cut(): Promise<void>
  /** Simulates an unplugged cable: drops all data and refuses no connection. */
  silence(): void
  /** Serves new connections normally again. */
  mend(): Promise<void>
  /** Simulates a frozen machine: accepts connections and holds back all data without losing any. */
  freeze(): void
  /** Delivers the data that was held back, and continues normally. */
  thaw(): void
  close(): Promise<void>
}

export async function startProxy(target: string): Promise<Proxy> {
  const there = new URL(target)
  const here = new URL(target)
  const sockets = new Set<Socket>()
  let silent = false
  let frozen = false
  let server: Server | undefined

  function pass(from: Socket, to: Socket): void {
    sockets.add(from)
    if (frozen) from.pause()
    from.on('data', (bytes) => silent || to.write(bytes))
    from.on('error', () => to.destroy())
    from.on('close', () => {
      sockets.delete(from)
      to.destroy()
    })
  }

  async function open(port: number): Promise<void> {
    server = createServer((client) => {
      const upstream = connect(Number(there.port), there.hostname)
      pass(client, upstream)
      pass(upstream, client)
    })
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    here.hostname = '127.0.0.1'
    here.port = String((server.address() as AddressInfo).port)
  }

  async function cut(): Promise<void> {
    const closing = server
    server = undefined
    if (!closing) return
    const closed = once(closing, 'close')
    closing.close()
    for (const socket of sockets) socket.destroy()
    await closed
  }

  await open(0)
  return {
    get url() {
      return here.href
    },
    cut,
    silence() {
      silent = true
    },
    async mend() {
      silent = false
      await cut()
      await open(Number(here.port))
    },
    freeze() {
      frozen = true
      for (const socket of sockets) socket.pause()
    },
    thaw() {
      frozen = false
      for (const socket of sockets) socket.resume()
    },
    close: cut,
  }
}
