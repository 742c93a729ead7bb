import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'

/**
 * Closes the connections that would keep the server from closing. Returns a signal that is aborted when the server starts to close, for the streams
 * that do not end by themselves.
 */
export function closeConnections(server: FastifyInstance): AbortSignal {
  const closing = new AbortController()
  server.addHook('preClose', async () => closing.abort())

  const unused = watchUnused(server)
  server.addHook('preClose', async () => {
    for (const socket of unused) socket.destroy()
  })

  server.addHook('onResponse', async (request) => {
    // The headers of the response may have announced a persistent connection.
    if (closing.signal.aborted) request.raw.socket.destroySoon()
  })
  return closing.signal
}

/** Returns the open connections without a request, which browsers and connection pools open. Node counts them as active and leaves them open. */
function watchUnused({ server }: FastifyInstance): ReadonlySet<Socket> {
  const unused = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    unused.add(socket)
    socket.once('close', () => unused.delete(socket))
  })
  server.on('request', ({ socket }) => unused.delete(socket))
  return unused
}
