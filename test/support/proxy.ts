import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** Stands between a program and a server, whose connections it can break. */
export interface Proxy {
  /** The server's address with the proxy's place in it. */
  url: string
  /** From now on nobody is there: connections end, and others are refused. */
  cut(): Promise<void>
  /** From now on nothing comes through, and nothing is refused: as behind a cable that has been pulled. */
  silence(): void
  /** All is as before, for connections that are made from now on. */
  mend(): Promise<void>
  /** From now on all stands still, as with a machine that does: connections are accepted, and nothing is lost. */
  freeze(): void
  /** What has come meanwhile is delivered, and all goes on. */
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
