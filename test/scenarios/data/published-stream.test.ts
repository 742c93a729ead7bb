import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ZeroDB } from '../../../src/client/index.ts'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'

const lines: string[] = []
const log = pino({ level: 'debug' }, { write: (line: string) => lines.push(line) })
let app: TestApp
let url: string
beforeAll(async () => {
  app = await openTestApp({ ZERODB_REGISTRATION: 'on' }, { log })
  url = await app.server.listen({ host: '127.0.0.1', port: 0 })
})
afterAll(() => app.close())

interface Message {
  id: string | undefined
  data: { type: string; [field: string]: unknown }
}

/** Reads a stream as EventSource in a browser does, without headers, until `when` returns true for the messages so far. */
async function readStream(path: string, when: (messages: Message[]) => Promise<boolean> | boolean, lastId?: string) {
  const stop = new AbortController()
  const response = await fetch(`${url}${path}`, {
    signal: stop.signal,
    headers: lastId === undefined ? {} : { 'last-event-id': lastId },
  })
  expect({ status: response.status, type: response.headers.get('content-type') }).toEqual({
    status: 200,
    type: 'text/event-stream; charset=utf-8',
  })
  const messages: Message[] = []
  let rest = ''
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    const frames = (rest + chunk).split('\n\n')
    rest = frames.pop()!
    for (const frame of frames) {
      const data = /^data: (.*)$/m.exec(frame)?.[1]
      if (data === undefined) continue
      // EventSource passes only messages of this name to onmessage.
      expect(/^event: (.*)$/m.exec(frame)?.[1]).toBe('message')
      messages.push({ id: /^id: (.*)$/m.exec(frame)?.[1], data: JSON.parse(data) })
      if (await when(messages)) {
        stop.abort()
        return messages
      }
    }
  }
  throw new Error('The stream ended')
}

const tokenOf = async (user: TestUser, body = {}) =>
  (await user.post(`${user.database}/events/stream-token`, body)).body.token as string
const publish = (user: TestUser, topic: string) => user.post(`${user.database}/events`, { topic, data: { topic } })
const typesOf = (messages: Message[]) => messages.map(({ data }) => data.type)

test('a browser receives a message about the connection, then the events of the topic', async () => {
  const user = await app.newUser()
  await publish(user, 'a')
  const token = await tokenOf(user)
  const messages = await readStream(`${user.database}/events/stream?topic=a&token=${token}`, async (soFar) => {
    if (soFar.length === 1) for (const topic of ['b', 'a']) await publish(user, topic)
    return soFar.length === 2
  })
  expect(messages[0]!.data).toEqual({ type: 'connection', status: 'connected', project_id: user.project_id })
  const [stored] = (await user.get(`${user.database}/events?topic=a&limit=1`)).body.events
  expect(messages[1]!.data).toEqual(stored)
})

test('a browser that reconnects receives what it has missed', async () => {
  const user = await app.newUser()
  const stream = `${user.database}/events/stream?token=${await tokenOf(user)}`
  const [connection] = await readStream(stream, () => true)
  const { event_id } = (await publish(user, 'a')).body
  await publish(user, 'b')
  expect(typesOf(await readStream(stream, (soFar) => soFar.length === 3, connection!.id))).toEqual([
    'connection',
    'a',
    'b',
  ])
  expect(typesOf(await readStream(stream, (soFar) => soFar.length === 2, event_id))).toEqual(['connection', 'b'])
  const bad = await user.get(`${user.database}/events/stream?after=nothing`)
  expect(bad).toMatchObject({ status: 404, body: { code: 'not_found' } })
})

test('a stream can begin with the events since a time', async () => {
  const user = await app.newUser()
  for (const topic of ['a', 'b', 'c']) await publish(user, topic)
  const [, second] = (await user.get(`${user.database}/events/poll`)).body.events
  const token = await tokenOf(user)
  const stream = (from: string) => `${user.database}/events/stream?from_timestamp=${from}&token=${token}`
  expect(typesOf(await readStream(stream(second.published_at), (soFar) => soFar.length === 3))).toEqual([
    'connection',
    'b',
    'c',
  ])
  const later = await readStream(stream('2999-01-01T00:00:00Z'), async (soFar) => {
    if (soFar.length === 1) await publish(user, 'd')
    return soFar.length === 2
  })
  expect(typesOf(later)).toEqual(['connection', 'd'])
})

test('a stream without events sends a ping every 30 s', async () => {
  const user = await app.newUser()
  const messages = await readStream(`${user.database}/events/stream?token=${await tokenOf(user)}`, (soFar) => {
    if (soFar.length === 1) app.clock.advance(30)
    return soFar.length === 2
  })
  expect(messages[1]!.data).toEqual({ type: 'ping', timestamp: expect.any(String) })
})

test('the SDK follows the stream with its key in a header', async () => {
  const user = await app.newUser()
  const received: unknown[] = []
  for await (const { data } of new ZeroDB({ url, apiKey: user.key }).events.stream({ topic: 'a' })) {
    // A ping can come before the event.
    if (data.type === 'ping') continue
    received.push(data.type)
    if (received.length === 2) break
    await publish(user, 'a')
  }
  expect(received).toEqual(['connection', 'a'])
})

test('a stream token reads the stream of its project for its time, and nothing else', async () => {
  const user = await app.newUser()
  const other = await user.project()
  const created = await user.post(`${user.database}/events/stream-token`, { expires_in: 60 })
  expect(created).toMatchObject({ status: 200, body: { expires_in: 60, expires_at: expect.any(String) } })
  const { token, url_path } = created.body
  expect(url_path).toBe(`${user.database}/events/stream?token=${token}`)
  const stream = (query: string, database = user.database) => app.request('GET', `${database}/events/stream${query}`)
  expect((await stream(`?token=${token}`)).status).toBe(200)
  expect((await stream(`?token=${token}`, `/api/v1/projects/${other}/database`)).status).toBe(404)
  expect((await app.request('GET', `/api/v1/event-log/stream?token=${token}`)).status).toBe(403)
  expect((await app.request('GET', `${user.database}/events?token=${token}`)).status).toBe(401)
  expect(
    (await app.request('GET', `${user.database}/events`, { headers: { authorization: `Bearer ${token}` } })).status,
  ).toBe(401)
  const [header, payload, signature] = token.split('.') as [string, string, string]
  const claims = { ...JSON.parse(Buffer.from(payload, 'base64url').toString()), project_id: other }
  const forged = Buffer.from(JSON.stringify(claims)).toString('base64url')
  for (const wrong of ['', 'x', `${header}.${forged}.${signature}`, `${header}.${payload}.${signature.slice(1)}A`])
    expect({ wrong, status: (await stream(`?token=${wrong}`)).status }).toEqual({ wrong, status: 401 })
  app.clock.advance(61)
  expect((await stream(`?token=${token}`)).status).toBe(401)
  for (const expires_in of [0, 3601, 'soon'])
    expect(await user.post(`${user.database}/events/stream-token`, { expires_in })).toMatchObject({
      status: 422,
      body: { detail: [{ loc: ['body', 'expires_in'] }] },
    })
})

test('the access token of a login opens a stream in the query, an API key does not, and neither is logged', async () => {
  const user = await app.newUser()
  const login = { email: `${user.user_id}@example.com`, password: 'correct horse battery' }
  const { access_token, default_project_id } = (await app.request('POST', '/api/v1/auth/register', { body: login }))
    .body
  const database = `/api/v1/projects/${default_project_id}/database`
  expect((await app.request('GET', `${database}/events/stream?token=${access_token}`)).status).toBe(200)
  const refused = await app.request('GET', `${user.database}/events/stream?token=${user.key}`, {
    headers: { accept: 'application/problem+json' },
  })
  expect(refused).toMatchObject({ status: 401, body: { detail: expect.stringContaining('accepts no API key') } })
  expect(refused.raw.toString()).not.toContain(user.key)
  const logged = lines.join('')
  expect(logged).toContain('/events/stream')
  for (const secret of [access_token, user.key]) expect(logged).not.toContain(secret)
})
