import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestApp, type TestApp } from '../../support/app.ts'

let app: TestApp
let port: number
beforeAll(async () => {
  app = await openTestApp()
  port = Number(new URL(await app.server.listen({ host: '127.0.0.1', port: 0 })).port)
})
afterAll(() => app.close())

/** Returns everything that the server sends before it closes the connection. */
async function sent(bytes: string, after?: (theirs: Socket) => void): Promise<{ head: string; body: unknown }> {
  const accepted = once(app.server.server, 'connection')
  const socket = connect(port, '127.0.0.1')
  const answer = text(socket)
  const [theirs] = (await accepted) as [Socket]
  if (bytes !== '') socket.write(bytes)
  after?.(theirs)
  const [head = '', body = ''] = (await answer).split('\r\n\r\n')
  expect(head).toContain(`content-length: ${Buffer.byteLength(body)}`)
  expect(head).toContain('connection: close')
  expect(head).toContain('content-type: application/json')
  const parsed = JSON.parse(body)
  expect(head).toContain(`x-request-id: ${parsed.request_id}`)
  return { head, body: parsed }
}

test.each([
  ['an invalid method', 'BREW /health HTTP/1.1\r\nhost: x\r\n\r\n'],
  ['no HTTP at all', '\x16\x03\x01 hello\r\n\r\n'],
  ['an invalid header', 'GET /health HTTP/1.1\r\nhost: x\r\nno colon\r\n\r\n'],
  ['two lengths', 'POST /health HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n'],
])('%s is refused in the format of the API', async (_, bytes) => {
  const { head, body } = await sent(bytes)
  expect(head).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/)
  const detail = 'The request is not valid HTTP'
  expect(body).toEqual({ detail, code: 'malformed_request', request_id: expect.any(String) })
})

test('headers over 16 KiB are refused in the format of the API', async () => {
  const { head, body } = await sent(`GET /health HTTP/1.1\r\nhost: x\r\nx-long: ${'x'.repeat(17_000)}\r\n\r\n`)
  expect(head).toMatch(/^HTTP\/1\.1 431 Request Header Fields Too Large\r\n/)
  const detail = 'The headers of the request are too large'
  expect(body).toEqual({ detail, code: 'headers_too_large', request_id: expect.any(String) })
})

test('a request that does not arrive in time is refused in the format of the API', async () => {
  // The error of Node after a minute.
  const late = Object.assign(new Error('Request timeout'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' })
  const { head, body } = await sent('GET /heal', (theirs) => app.server.server.emit('clientError', late, theirs))
  expect(head).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/)
  const detail = 'The request took too long to arrive'
  expect(body).toEqual({ detail, code: 'request_timeout', request_id: expect.any(String) })
})

test('a path segment over 1,024 characters is refused and not repeated in the response', async () => {
  const user = await app.newUser()
  const url = (length: number) => `${user.database}/vectors/${'x'.repeat(length)}`
  expect((await user.get(url(1024))).status).toBe(422)
  const reply = await user.get(url(1025))
  const detail = 'A part of the address is longer than 1,024 characters'
  expect(reply).toMatchObject({
    status: 414,
    body: { detail, code: 'address_too_long', request_id: expect.any(String) },
  })
  expect(reply.raw.length).toBeLessThan(300)
  const problem = await user.get(url(3000), { accept: 'application/problem+json' })
  expect(problem).toMatchObject({ status: 414, body: { detail, type: 'urn:zerodb:error:address_too_long' } })
  expect(problem.raw.length).toBeLessThan(1500)
  expect(await user.trail()).toEqual({ events: [], runs: [] })
})
