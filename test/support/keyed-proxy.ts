import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface KeyedProxy {
  url: string
  /** Breaks all open connections. */
  drop(): void
  close(): void
}

/** Forwards requests and adds a key, for programs that cannot send one. */
export async function openKeyedProxy(target: string, key: string): Promise<KeyedProxy> {
  const { hostname, port } = new URL(target)
  const server = createServer((incoming, answer) => {
    const { method, url: path, headers } = incoming
    const onward = request(
      { hostname, port, method, path, headers: { ...headers, authorization: `Bearer ${key}` } },
      (response) => {
        answer.writeHead(response.statusCode!, response.headers)
        response.pipe(answer)
      },
    )
    onward.on('error', () => answer.destroy())
    answer.on('close', () => onward.destroy())
    incoming.pipe(onward)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    drop: () => server.closeAllConnections(),
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}
