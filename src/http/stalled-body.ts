import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** So often within the limit it is looked whether something has come: a body is given up a quarter of the limit late at most. */
const LOOKS = 4

/**
 * Calls `giveUp` with the connection of a request of whose body a part is missing and nothing has come for `limitMs`. As long as it moves it may take
 * any time, and so may the answer to one that has come. `answered`: the answer has begun, and no other can be given.
 */
export function watchBodies(
  server: Server,
  limitMs: number,
  giveUp: (socket: Socket, answered: boolean) => void,
): void {
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const { 'content-length': length = '0', 'transfer-encoding': encoding } = request.headers
    if (length === '0' && encoding === undefined) return
    const { socket } = request
    let received = socket.bytesRead
    // Looks, not time: as long as this process stands still itself, it can see nothing come.
    let quiet = 0
    const timer = setInterval(() => {
      if (request.complete) return clearInterval(timer)
      const moves = socket.bytesRead > received || waitsForUs(request, response)
      received = socket.bytesRead
      quiet = moves ? 0 : quiet + 1
      if (quiet < LOOKS) return
      clearInterval(timer)
      giveUp(socket, response.headersSent)
    }, limitMs / LOOKS)
    request.once('close', () => clearInterval(timer))
  })
}

/** What has come has not been read yet, or it is still the turn of an earlier request of the connection to be answered. */
function waitsForUs(request: IncomingMessage, response: ServerResponse): boolean {
  return request.readableLength > 0 || (response.socket === null && !response.writableFinished)
}
