import { randomUUID } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { App } from '../app.ts'
import { ZeroError } from '../errors.ts'
import { toBody } from './problem.ts'

/** Responds to malformed HTTP with an error in the API's form. */
export function answerClientError(app: App, { code = '' }: NodeJS.ErrnoException, socket: Socket): void {
  // The client has disconnected; there is nothing to send.
  if (code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
  rejectConnection(app, errorOf(code), socket, code)
}

/** Sends `error` if no response has started, and closes the connection, because the start of the next request is unknown. */
export function rejectConnection(app: App, error: ZeroError, socket: Socket, cause?: string): void {
  const requestId = randomUUID()
  app.log.debug({ request_id: requestId, code: error.code, cause }, 'request rejected')
  const body = JSON.stringify(toBody(error, requestId))
  const head = [
    `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status]}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    `x-request-id: ${requestId}`,
    'connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroySoon())
}

/** Maps an error code of Node's HTTP parser. */
function errorOf(code: string): ZeroError {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return new ZeroError('request_timeout')
  if (code === 'HPE_HEADER_OVERFLOW') return new ZeroError('headers_too_large')
  return new ZeroError('malformed_request')
}
