import { randomUUID } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { App } from '../app.ts'
import { ZeroError } from '../errors.ts'
import { toBody } from './problem.ts'

/** Answers what came in place of a request in the API's form. */
export function answerClientError(app: App, { code = '' }: NodeJS.ErrnoException, socket: Socket): void {
  // Who has gone away can be told nothing.
  if (code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
  refuseConnection(app, errorOf(code), socket, code)
}

/** Says `error` where no answer has begun, and closes the connection: nobody can tell where the next request would begin. */
export function refuseConnection(app: App, error: ZeroError, socket: Socket, cause?: string): void {
  const requestId = randomUUID()
  app.log.debug({ request_id: requestId, code: error.code, cause }, 'request refused')
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

/** By what Node's parser calls it. */
function errorOf(code: string): ZeroError {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return new ZeroError('request_timeout')
  if (code === 'HPE_HEADER_OVERFLOW') return new ZeroError('headers_too_large')
  return new ZeroError('malformed_request')
}
