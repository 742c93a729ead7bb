import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'
import { startProvider, type TestProvider } from '../../support/provider.ts'

let app: TestApp
beforeAll(async () => {
  app = await openTestApp()
})
afterAll(() => app.close())

const pathOf = (user: TestUser, name: string) => `/api/v1/projects/${user.project_id}/embeddings/${name}`
const lengthOf = (embedding: number[]) => Math.hypot(...embedding)
const dot = (a: number[], b: number[]) => a.reduce((sum, value, i) => sum + value * b[i]!, 0)
const ABSENT = 'BAAI/bge-small-en-v1.5'
const absentWarning = `The server does not have the model "${ABSENT}": "use-lite" was used`

describe('embeddings.generate', () => {
  test('returns an embedding of length 1 for each text in order, and stores nothing', async () => {
    const user = await app.newUser()
    const texts = ['A cat sleeps on the sofa', 'A kitten naps on the couch', 'The tax return is due in April']
    const reply = await user.post(pathOf(user, 'generate'), { texts })
    expect(reply.status).toBe(200)
    const { embeddings, ...rest } = reply.body
    expect(rest).toEqual({
      model: 'use-lite',
      dimensions: 512,
      count: 3,
      project_id: user.project_id,
      processing_time_ms: expect.any(Number),
    })
    expect(embeddings.map((each: number[]) => each.length)).toEqual([512, 512, 512])
    for (const each of embeddings) expect(lengthOf(each)).toBeCloseTo(1, 5)
    expect(dot(embeddings[0], embeddings[1])).toBeGreaterThan(dot(embeddings[0], embeddings[2]))
    expect(await user.trail()).toEqual({ events: [], runs: [] })
    expect((await user.get(`${user.database}/vectors`)).body.total).toBe(0)
  })

  test('names the model that was used, with a warning for another one', async () => {
    const user = await app.newUser()
    const body = { texts: ['a text'], model: ABSENT, normalize: true }
    for (const path of [pathOf(user, 'generate'), '/api/v1/public/embeddings/generate']) {
      const reply = await user.post(path, body)
      expect(reply).toMatchObject({
        status: 200,
        body: { model: 'use-lite', dimensions: 512, count: 1, project_id: user.project_id, warnings: [absentWarning] },
      })
    }
    const own = await user.post(pathOf(user, 'generate'), { texts: ['a text'], model: 'use-lite', normalize: false })
    expect(own.body.warnings).toEqual(['"normalize" false has no effect: embeddings have length 1'])
  })

  test.each([
    [{}, ['body', 'texts'], 'missing'],
    [{ texts: [] }, ['body', 'texts'], 'too_short'],
    [{ texts: Array(101).fill('a') }, ['body', 'texts'], 'too_long'],
    [{ texts: ['a', '  '] }, ['body', 'texts', 1], 'value_error'],
    [{ texts: ['a'.repeat(100_001)] }, ['body', 'texts'], 'value_error'],
    [{ texts: Array(2).fill('a'.repeat(50_001)) }, ['body', 'texts'], 'value_error'],
    [{ texts: [7] }, ['body', 'texts', 0], 'string_type'],
    [{ texts: ['a'], model: 7 }, ['body', 'model'], 'string_type'],
  ])('refuses %j with the field at fault', async (body, loc, type) => {
    const user = await app.newUser()
    const reply = await user.post(pathOf(user, 'generate'), body)
    expect(reply).toMatchObject({ status: 422, body: { code: 'validation_failed', detail: [{ loc, type }] } })
  })
})

describe('embeddings.embed_and_store', () => {
  test('stores a vector per text with one event, and no hook embeds it again', async () => {
    const user = await app.newUser()
    await user.hook('zerodb.vector.batch_stored', 'auto_embed')
    const reply = await user.post(pathOf(user, 'embed-and-store'), {
      texts: ['A cat sleeps on the sofa', 'The tax return is due in April'],
      metadata_list: [{ topic: 'pets' }, { topic: 'money' }],
      vector_ids: ['cat', 'tax'],
      namespace: 'notes',
    })
    expect(reply).toMatchObject({
      status: 200,
      body: {
        success: true,
        vectors_stored: 2,
        embeddings_generated: 2,
        vector_ids: ['cat', 'tax'],
        model: 'use-lite',
        dimensions: 512,
        namespace: 'notes',
        processing_time_ms: expect.any(Number),
      },
    })
    expect((await user.events()).map(({ event, data }) => ({ event, data }))).toEqual([
      { event: 'zerodb.vector.batch_stored', data: { project_id: user.project_id, count: 2, user_id: user.user_id } },
    ])
    expect(await user.runs()).toMatchObject([{ handler: 'auto_embed', status: 'succeeded', result: { embedded: 0 } }])
    const { body } = await user.get(`${user.database}/vectors/cat?namespace=notes`)
    expect(body).toMatchObject({
      document: 'A cat sleeps on the sofa',
      vector_metadata: { topic: 'pets' },
      model: 'use-lite',
      dimension: 512,
      source: 'api',
    })
    const generated = await user.post(pathOf(user, 'generate'), { texts: ['A cat sleeps on the sofa'] })
    expect(dot(body.vector_embedding, generated.body.embeddings[0])).toBeCloseTo(1, 5)
  })

  test('accepts a single text with a collection', async () => {
    const user = await app.newUser()
    const reply = await user.post('/api/v1/public/embeddings/embed-and-store', {
      text: 'A cat sleeps on the sofa',
      collection: 'notes',
      model: 'bge-m3',
      source: 'crm',
    })
    expect(reply).toMatchObject({
      status: 200,
      body: { vectors_stored: 1, namespace: 'notes', model: 'use-lite', warnings: [expect.stringContaining('bge-m3')] },
    })
    const [id] = reply.body.vector_ids
    expect((await user.get(`${user.database}/vectors/${id}?namespace=notes`)).body).toMatchObject({
      document: 'A cat sleeps on the sofa',
      source: 'crm',
      vector_metadata: {},
    })
  })

  test('replaces the vector with the same id, and later an embedding that a client sends has no model', async () => {
    const user = await app.newUser()
    const store = (text: string) => user.post(pathOf(user, 'embed-and-store'), { texts: [text], vector_ids: ['a'] })
    await store('A cat sleeps on the sofa')
    await store('The tax return is due in April')
    expect((await user.get(`${user.database}/vectors`)).body).toMatchObject({
      total: 1,
      vectors: [{ document: 'The tax return is due in April', model: 'use-lite' }],
    })
    await user.post(`${user.database}/vectors/upsert-batch`, [{ vector_id: 'a', vector_embedding: [1, 0] }])
    expect((await user.get(`${user.database}/vectors/a`)).body).toMatchObject({ dimension: 2, model: null })
  })

  test.each([
    [{ texts: ['a', 'b'], metadata_list: [{}] }, 'metadata_list'],
    [{ texts: ['a'], vector_ids: ['a', 'b'] }, 'vector_ids'],
  ])('refuses %j, and stores nothing', async (body, field) => {
    const user = await app.newUser()
    const reply = await user.post(pathOf(user, 'embed-and-store'), body)
    expect(reply).toMatchObject({ status: 422, body: { detail: [{ type: 'value_error', loc: ['body', field] }] } })
    expect(await user.trail()).toEqual({ events: [], runs: [] })
    expect((await user.get(`${user.database}/vectors`)).body.total).toBe(0)
  })
})

describe('embeddings.search', () => {
  async function notes(): Promise<TestUser> {
    const user = await app.newUser()
    await user.post(pathOf(user, 'embed-and-store'), {
      texts: ['A cat sleeps on the sofa', 'The tax return is due in April'],
      metadata_list: [{ topic: 'pets' }, { topic: 'money' }],
      vector_ids: ['cat', 'tax'],
      namespace: 'notes',
    })
    return user
  }

  test('finds stored texts by meaning, the nearest first', async () => {
    const user = await notes()
    const reply = await user.post(pathOf(user, 'search'), { query: 'kitten on a couch', collection: 'notes', limit: 2 })
    expect(reply.status).toBe(200)
    expect(reply.body).toMatchObject({
      query: 'kitten on a couch',
      total_results: 2,
      model: 'use-lite',
      processing_time_ms: expect.any(Number),
      results: [
        {
          id: 'cat',
          vector_id: 'cat',
          document: 'A cat sleeps on the sofa',
          metadata: { topic: 'pets' },
          namespace: 'notes',
        },
        { id: 'tax' },
      ],
    })
    const [first, second] = reply.body.results
    expect(first.similarity).toBeGreaterThan(second.similarity)
  })

  test('applies limit, threshold and filter under all their names', async () => {
    const user = await notes()
    const ids = async (rest: object) => {
      const { body } = await user.post(pathOf(user, 'search'), { query: 'kitten', namespace: 'notes', ...rest })
      return body.results.map(({ id }: { id: string }) => id)
    }
    expect(await ids({})).toEqual(['cat', 'tax'])
    expect(await ids({ top_k: 1 })).toEqual(['cat'])
    expect(await ids({ threshold: 0.999 })).toEqual([])
    expect(await ids({ filter_metadata: { topic: 'money' } })).toEqual(['tax'])
    expect(await ids({ namespace: 'empty' })).toEqual([])
  })

  test('uses the model of the vectors when the server does not have the requested one', async () => {
    const user = await notes()
    const reply = await user.post(pathOf(user, 'search'), { query: 'kitten', namespace: 'notes', model: ABSENT })
    expect(reply.body).toMatchObject({ total_results: 2, model: 'use-lite', warnings: [absentWarning] })
  })

  test('is 422 with the stored sizes when the namespace has no vectors of the model', async () => {
    const user = await app.newUser()
    await user.post(`${user.database}/vectors/upsert`, { vector_embedding: [1, 0] })
    const reply = await user.post(pathOf(user, 'search'), { query: 'kitten' })
    expect(reply).toMatchObject({ status: 422, body: { code: 'dimension_mismatch' } })
    expect(reply.body.detail).toContain('2 (your own vectors)')
  })
})

test('embeddings.models lists the models with their dimensions', async () => {
  const user = await app.newUser()
  for (const path of [pathOf(user, 'models'), '/api/v1/public/embeddings/models']) {
    expect((await user.get(path)).body).toEqual([
      { id: 'use-lite', dimensions: 512, description: expect.any(String), is_default: true },
    ])
  }
})

describe('embeddings.create', () => {
  test('answers a text and a list in the form of the OpenAI API', async () => {
    const user = await app.newUser()
    const one = await user.post('/api/v1/embeddings', { model: 'use-lite', input: 'A cat sleeps' })
    expect(one.status).toBe(200)
    expect(one.body).toEqual({
      object: 'list',
      data: [{ object: 'embedding', index: 0, embedding: expect.any(Array) }],
      model: 'use-lite',
      usage: { prompt_tokens: 3, total_tokens: 3 },
    })
    expect(lengthOf(one.body.data[0].embedding)).toBeCloseTo(1, 5)
    const many = await user.post('/v1/embeddings', { input: ['A cat sleeps', 'It is April'], model: ABSENT })
    expect(many.body.data.map(({ index }: { index: number }) => index)).toEqual([0, 1])
    expect(many.body.data[0].embedding).toEqual(one.body.data[0].embedding)
    expect(many.body.warnings).toEqual([absentWarning])
  })

  test('encodes the same numbers as base64', async () => {
    const user = await app.newUser()
    const request = (encoding_format: string) => user.post('/api/v1/embeddings', { input: 'A cat', encoding_format })
    const bytes = Buffer.from((await request('base64')).body.data[0].embedding, 'base64')
    const numbers = Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(i * 4))
    expect(numbers).toEqual((await request('float')).body.data[0].embedding)
  })

  test('refuses another length than the model has, other encodings and token numbers', async () => {
    const user = await app.newUser()
    const post = (body: object) => user.post('/api/v1/embeddings', { input: 'A cat', ...body })
    expect((await post({ dimensions: 512 })).status).toBe(200)
    expect(await post({ dimensions: 256 })).toMatchObject({
      status: 422,
      body: { detail: [{ loc: ['body', 'dimensions'], msg: expect.stringContaining('512') }] },
    })
    expect((await post({ encoding_format: 'int8' })).body.detail).toMatchObject([{ loc: ['body', 'encoding_format'] }])
    expect((await post({ input: [1, 2] })).status).toBe(422)
    expect((await post({ input: '' })).status).toBe(422)
  })
})

describe('with a configured provider', () => {
  let provider: TestProvider
  let other: TestApp
  beforeAll(async () => {
    provider = await startProvider()
    other = await openTestApp({
      ZERODB_EMBEDDING_BASE_URL: provider.baseUrl,
      ZERODB_EMBEDDING_API_KEY: provider.apiKey,
      ZERODB_EMBEDDING_MODEL: 'bge-m3',
      ZERODB_MODEL_FALLBACK: 'off',
    })
  })
  afterAll(async () => {
    await other.close()
    await provider.close()
  })

  test('requests use its model or the built-in one by name, and another is refused if no model may stand in', async () => {
    const user = await other.newUser()
    expect((await user.get(pathOf(user, 'models'))).body).toMatchObject([
      { id: 'bge-m3', dimensions: null, is_default: true },
      { id: 'use-lite', dimensions: 512, is_default: false },
    ])
    const generate = (model?: string) => user.post(pathOf(user, 'generate'), { texts: ['A cat'], model })
    const { dimensions } = provider.switches
    expect((await generate()).body).toMatchObject({ model: 'bge-m3', dimensions })
    expect((await generate('use-lite')).body).toMatchObject({ model: 'use-lite', dimensions: 512 })
    const refused = await generate(ABSENT)
    expect(refused).toMatchObject({ status: 422, body: { code: 'invalid' } })
    expect(refused.body.detail).toContain('bge-m3, use-lite')
    expect((await user.get(pathOf(user, 'models'))).body[0].dimensions).toBe(dimensions)
  })

  test('a refusal of the provider is 502, and stores nothing', async () => {
    const user = await other.newUser()
    provider.switches.fault = { status: 400 }
    const reply = await user.post(pathOf(user, 'embed-and-store'), { texts: ['A cat'] })
    provider.reset()
    expect(reply).toMatchObject({ status: 502, body: { code: 'provider_refused' } })
    expect(await user.trail()).toEqual({ events: [], runs: [] })
  })
})
