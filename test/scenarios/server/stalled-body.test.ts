import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createSurfaces } from '../../../src/main.ts'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'
import { eventually } from '../../support/eventually.ts'
import { gated } from '../../support/gate.ts'

const REMEMBER = '/api/v1/public/memory/v2/remember'

let app: TestApp
let server: FastifyInstance
let port: number
let user: TestUser
beforeAll(async () => {
  app = await openTestApp()
  server = await createSurfaces(app.system.app, { stalledBodyMs: 400 })
  port = Number(new URL(await server.listen({ host: '127.0.0.1', port: 0 })).port)
})
beforeEach(async () => {
  user = await app.newUser()
})
afterAll(async () => {
  await server.close()
  await app.close()
})

/** Returns the head of a request of the user. */
function head(url: string, headers: string[], key = user.key): string {
  return [`POST ${url} HTTP/1.1`, 'host: 127.0.0.1', `authorization: Bearer ${key}`, ...headers]
    .join('\r\n')
    .concat('\r\n\r\n')
}

const whole = (url: string, body: object) => {
  const json = JSON.stringify(body)
  return head(url, [`content-length: ${json.length}`]) + json
}

/** Opens a connection, sends `bytes`, and collects everything that the server sends until it closes the connection. */
function open(bytes: string): { socket: Socket; said: Promise<string> } {
  const socket = connect(port, '127.0.0.1')
  socket.write(bytes)
  return { socket, said: text(socket) }
}

/** Returns the statuses and the last body of the server’s responses. */
function answers(said: string): { statuses: number[]; body: unknown } {
  const statuses = [...said.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => Number(status))
  return { statuses, body: JSON.parse(said.slice(said.lastIndexOf('\r\n\r\n'))) }
}

/** Resolves when the server has twice ended a body that stalled after this call: twice the limit has passed by then. */
async function limitGoesByTwice(): Promise<void> {
  for (let i = 0; i < 2; i++) await open(head(REMEMBER, ['content-length: 10'])).said
}

const FILE = '--b\r\ncontent-disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
const MULTIPART = 'content-type: multipart/form-data; boundary=b'
const uploadHead = (size: number) =>
  head(`${user.database}/files/upload`, [MULTIPART, 'connection: close', `content-length: ${size}`])

const REFUSED = {
  statuses: [408],
  body: {
    detail: 'The request body is incomplete, and no data arrived for 0.4 s',
    code: 'request_timeout',
    request_id: expect.any(String),
  },
}

test.each([
  ['of which nothing arrives', () => head(REMEMBER, ['content-length: 40'])],
  ['that ends within', () => `${head(REMEMBER, ['content-length: 40'])}{"content": "Buy`],
  ['in chunks', () => `${head(REMEMBER, ['transfer-encoding: chunked'])}10\r\n{"content": "Buy\r\n`],
  ['of a file', () => `${uploadHead(5000)}${FILE}as far as this`],
  ['for MCP', () => `${head('/mcp', ['content-type: application/json', 'content-length: 40'])}{"jsonrpc"`],
])('a body %s is refused when no more data arrives, and nothing is written', async (_, bytes) => {
  const { said } = open(bytes())
  expect(answers(await said)).toEqual(REFUSED)
  expect(await user.trail()).toEqual({ events: [], runs: [] })
})

test('a request that is refused before its body arrives does not keep its connection either', async () => {
  const { said } = open(`${head(REMEMBER, ['content-length: 40'], 'wrong')}{"content"`)
  expect(answers(await said)).toMatchObject({ statuses: [401], body: { code: 'unauthorized' } })
})

test('a slow body may take any time', async () => {
  const end = '\r\n--b--\r\n'
  const content = 'x'.repeat(2_000_000)
  const { socket, said } = open(uploadHead(FILE.length + content.length + end.length) + FILE)
  let sent = 0
  const drops = setInterval(() => socket.write(content[sent++]!), 5)
  await limitGoesByTwice()
  clearInterval(drops)
  socket.write(content.slice(sent) + end)
  expect(answers(await said)).toMatchObject({ statuses: [200], body: { size_bytes: content.length } })
})

test('a body that waits because the server does not read it is not ended', async () => {
  const { blobs } = app.system.app
  const put = blobs.put
  let read!: () => void
  const read_now = new Promise<void>((resolve) => {
    read = resolve
  })
  blobs.put = async (...args) => {
    await read_now
    return put(...args)
  }
  try {
    const end = '\r\n--b--\r\n'
    // More than all buffers on the way can hold.
    const content = 'x'.repeat(32_000_000)
    const { said } = open(uploadHead(FILE.length + content.length + end.length) + FILE + content + end)
    await limitGoesByTwice()
    read()
    expect(answers(await said)).toMatchObject({ statuses: [200], body: { size_bytes: content.length } })
  } finally {
    blobs.put = put
  }
})

test('a response may take any time, and the next request of its connection waits for it', async () => {
  const gate = gated()
  await app.withEmbedder(gate.embed, async () => {
    const { said } = open(
      `${whole(`${user.database}/vectors/search`, { query: 'tea' })}${head(REMEMBER, ['content-length: 40'])}{"content"`,
    )
    await eventually(() => expect(gate.started).toEqual(['tea']))
    await limitGoesByTwice()
    gate.open('tea')
    expect(answers(await said)).toEqual({ ...REFUSED, statuses: [200, 408] })
  })
})

test('a stream of events continues', async () => {
  const stream = await fetch(`http://127.0.0.1:${port}/api/v1/event-log/stream`, {
    headers: { authorization: `Bearer ${user.key}` },
  })
  await limitGoesByTwice()
  await user.post(`${user.database}/events/publish`, { topic: 'late' })
  let seen = ''
  const decoder = new TextDecoder()
  for await (const chunk of stream.body!) {
    seen += decoder.decode(chunk)
    if (seen.includes('"late"')) break
  }
  expect(seen).toContain('zerodb.event.published')
})
