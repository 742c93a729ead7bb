import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { App } from '../app.ts'
import { ZeroError } from '../errors.ts'
import { rejectConnection } from './client-error.ts'

/** Number of checks within the limit. A stalled body is detected at most a quarter of the limit late. */
const CHECKS = 4

/** Rejects a request if its incomplete body receives no data for `limitMs`. */
export function rejectStalledBodies(app: App, server: Server, limitMs: number): void {
  watchBodies(server, limitMs, (socket, answered) => {
    if (answered) return socket.destroy()
    const message = `The request body is incomplete, and no data arrived for ${limitMs / 1000} s`
    rejectConnection(app, new ZeroError('request_timeout', message), socket)
  })
}

/**
 * Calls `onStall` with the connection of a request whose incomplete body receives no data for `limitMs`. The total time is not limited, nor the
 * time of the response to a complete body. `answered` tells that a response has started, so no other can be sent.
 */
function watchBodies(server: Server, limitMs: number, onStall: (socket: Socket, answered: boolean) => void): void {
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const { 'content-length': length = '0', 'transfer-encoding': encoding } = request.headers
    if (length === '0' && encoding === undefined) return
    const { socket } = request
    let received = socket.bytesRead
    // Counts checks instead of time: a blocked process cannot receive data.
    let stalled = 0
    const timer = setInterval(() => {
      if (request.complete) return clearInterval(timer)
      const isActive = socket.bytesRead > received || isWaitingForServer(request, response)
      received = socket.bytesRead
      stalled = isActive ? 0 : stalled + 1
      if (stalled < CHECKS) return
      clearInterval(timer)
      onStall(socket, response.headersSent)
    }, limitMs / CHECKS)
    request.once('close', () => clearInterval(timer))
  })
}

/** Tells whether received data is not read yet, or an earlier request of the connection is not answered yet. */
function isWaitingForServer(request: IncomingMessage, response: ServerResponse): boolean {
  return request.readableLength > 0 || (response.socket === null && !response.writableFinished)
}
