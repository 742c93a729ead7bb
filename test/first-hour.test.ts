import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { available, curl } from './support/commands.ts'
import { type ListeningServer, startServer } from './support/listening.ts'

// Commands of a newcomer in the first hour, including mistakes, and the responses.

describe.runIf(available('curl', ['--version']))('the first hour', () => {
  let server: ListeningServer
  beforeAll(async () => {
    server = await startServer()
  })
  afterAll(() => server.stop())

  /** Runs curl as a person types it: `path`, then options; `KEY` is the key. */
  async function typed(path: string, ...args: string[]): Promise<{ status: number; body: string; json: Answer }> {
    const answer = await curl([`${server.url}${path}`, ...args.map((arg) => arg.replace('KEY', server.key))])
    return {
      ...answer,
      json: answer.body.startsWith('{') || answer.body.startsWith('[') ? JSON.parse(answer.body) : null,
    }
  }
  // biome-ignore lint/suspicious/noExplicitAny: any response of the server
  type Answer = any
  const KEY = ['-H', 'Authorization: Bearer KEY']
  const send = (body: string) => ['-H', 'Content-Type: application/json', '-d', body]

  test('the root address describes the server', async () => {
    expect((await typed('/')).json).toMatchObject({ name: 'zerodb-functions', api: '/api/v1' })
    expect((await typed('/health')).json).toMatchObject({ status: 'ok' })
  })

  test('without a key: the response says how to send one', async () => {
    const { status, json } = await typed('/api/v1/hooks')
    expect(status).toBe(401)
    expect(json.detail).toContain('Authorization: Bearer')
  })

  test('with a mistyped key: the response says that it is invalid', async () => {
    const { status, json } = await typed('/api/v1/hooks', '-H', 'Authorization: Bearer KEYx')
    expect({ status, detail: json.detail }).toEqual({ status: 401, detail: 'Invalid API key or token' })
  })

  test('the key in the other header, an additional slash, and the old prefix all work', async () => {
    expect((await typed('/api/v1/hooks/', '-H', 'X-API-Key: KEY')).status).toBe(200)
    expect((await typed('/v1/hooks', ...KEY)).status).toBe(200)
  })

  test('JSON without a content type works', async () => {
    const { status } = await typed('/api/v1/public/memory/v2/remember', ...KEY, '-d', '{"content": "hello"}')
    expect(status).toBe(200)
  })

  test('broken JSON: the response has the position', async () => {
    const { status, json } = await typed('/api/v1/hooks', ...KEY, ...send('{"event_type": '))
    expect(status).toBe(422)
    expect(json.detail[0]).toMatchObject({ type: 'json_invalid', loc: ['body', 0] })
  })

  test('a misspelt handler or event: the response lists the valid ones', async () => {
    const handler = await typed(
      '/api/v1/hooks',
      ...KEY,
      ...send('{"event_type": "zerodb.vector.stored", "hook_name": "autoembed"}'),
    )
    expect(handler.status).toBe(422)
    expect(handler.json.detail).toContain('auto_embed, auto_summarize, auto_graph')
    const event = await typed(
      '/api/v1/hooks',
      ...KEY,
      ...send('{"event_type": "vector.stored", "hook_name": "auto_embed"}'),
    )
    expect(event.status).toBe(422)
    expect(event.json.detail).toContain('zerodb.vector.stored')
  })

  test('a missing field: the response names it', async () => {
    const { status, json } = await typed('/api/v1/hooks', ...KEY, ...send('{"event_type": "zerodb.vector.stored"}'))
    expect(status).toBe(422)
    expect(json.detail).toEqual([{ type: 'missing', loc: ['body', 'hook_name'], msg: 'Field required' }])
  })

  test('the same hook again: the response says that it exists', async () => {
    const body = send('{"event_type": "zeromemory.remembered", "hook_name": "auto_graph"}')
    expect((await typed('/api/v1/hooks', ...KEY, ...body)).status).toBe(201)
    const again = await typed('/api/v1/hooks', ...KEY, ...body)
    expect(again.status).toBe(409)
    expect(again.json.detail).toContain('exists already')
  })

  test('an unknown project, and an invalid id', async () => {
    const unknown = await typed('/api/v1/projects/00000000-0000-4000-8000-000000000000/database/vectors', ...KEY)
    expect({ status: unknown.status, detail: unknown.json.detail }).toEqual({
      status: 404,
      detail: 'Project not found',
    })
    const noId = await typed('/api/v1/projects/my-project/database/vectors', ...KEY)
    expect(noId.status).toBe(422)
    expect(noId.json.detail[0]).toMatchObject({ type: 'uuid_parsing', loc: ['path', 'project_id'] })
  })

  test('vectors of two sizes, and a search with a third: the response lists the sizes', async () => {
    const vectors = '/api/v1/projects/-/database/vectors'
    const stored = await typed(`${vectors}/upsert`, ...KEY, ...send('{"vector_embedding": [1, 0, 0]}'))
    expect(stored.status).toBe(200)
    const searched = await typed(`${vectors}/search`, ...KEY, ...send('{"query_vector": [1, 0]}'))
    expect(searched.status).toBe(422)
    expect(searched.json.detail).toBe('The query has 2 dimensions; namespace "default" has 3 (your own vectors)')
  })

  test('an invalid number, and a text that is too long for its field', async () => {
    const nan = await typed(
      '/api/v1/projects/-/database/vectors/upsert',
      ...KEY,
      ...send('{"vector_embedding": [NaN]}'),
    )
    expect(nan.json.detail[0].type).toBe('json_invalid')
    const long = await typed('/api/v1/projects', ...KEY, ...send(JSON.stringify({ name: 'x'.repeat(300) })))
    expect(long.json.detail[0]).toMatchObject({
      type: 'string_too_long',
      loc: ['body', 'name'],
      ctx: { max_length: 255 },
    })
  })

  test('the wrong method, and an unknown address', async () => {
    const verb = await typed('/api/v1/public/memory/v2/remember', ...KEY)
    expect({ status: verb.status, detail: verb.json.detail }).toEqual({ status: 405, detail: 'Method Not Allowed' })
    const nowhere = await typed('/api/v1/hook', ...KEY)
    expect({ status: nowhere.status, detail: nowhere.json.detail }).toEqual({ status: 404, detail: 'Not Found' })
  })

  test('an unknown name: the response says that the graph does not have it', async () => {
    const { status, json } = await typed('/api/v1/public/memory/v2/graph/neighbors/unknown-name', ...KEY)
    expect(status).toBe(404)
    expect(json.detail).toContain('unknown-name')
  })
})
