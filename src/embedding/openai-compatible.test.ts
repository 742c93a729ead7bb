import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { startProvider, vectorOf } from '../../test/support/provider.ts'
import { NeverRetry, RetryLater } from '../errors.ts'
import { FaultyAnswer } from '../net/provider.ts'
import { type OpenaiCompatibleOptions, openaiCompatible } from './openai-compatible.ts'

const provider = await startProvider()
afterAll(() => provider.close())
beforeEach(() => provider.reset())

function embedder(options: Partial<OpenaiCompatibleOptions> = {}) {
  return openaiCompatible({ baseUrl: provider.baseUrl, apiKey: provider.apiKey, model: 'bge-m3', ...options })
}

function inputs(): string[][] {
  return provider.requests.map(({ body }) => body['input'] as string[])
}

/** Returns the vector that the driver must return for the text. */
function expected(text: string): Float32Array {
  const vector = vectorOf(text, provider.switches.dimensions)
  return Float32Array.from(vector, (value) => value / Math.hypot(...vector))
}

function distance(a: Float32Array, b: Float32Array): number {
  return Math.max(...a.map((value, i) => Math.abs(value - b[i]!)))
}

const texts = (count: number) => Array.from({ length: count }, (_, i) => `text ${i}`)

describe('openai-compatible embeddings', () => {
  test('are unit vectors in the order of the texts, requested with the three fields that every provider supports', async () => {
    const vectors = await embedder().embed(['Alice met Bob.', 'Bob likes tea.'])
    expect(provider.requests.map(({ path, body }) => ({ path, body }))).toEqual([
      {
        path: '/v1/embeddings',
        body: { model: 'bge-m3', input: ['Alice met Bob.', 'Bob likes tea.'], encoding_format: 'float' },
      },
    ])
    expect(vectors).toHaveLength(2)
    for (const [i, text] of ['Alice met Bob.', 'Bob likes tea.'].entries()) {
      expect(vectors[i]).toBeInstanceOf(Float32Array)
      expect(Math.hypot(...vectors[i]!)).toBeCloseTo(1, 5)
      expect(distance(vectors[i]!, expected(text))).toBeLessThan(1e-6)
    }
  })

  test.each(['float', 'base64'] as const)('are read when the server always sends %s', async (encoding) => {
    provider.switches.encoding = encoding
    const [vector] = await embedder({ dimensions: 8 }).embed(['Alice'])
    expect(distance(vector!, expected('Alice'))).toBeLessThan(1e-6)
  })

  test('are ordered by their index', async () => {
    provider.switches.vectors = 'shuffled'
    const vectors = await embedder().embed(texts(5))
    for (const [i, text] of texts(5).entries()) expect(distance(vectors[i]!, expected(text))).toBeLessThan(1e-6)
  })

  test.each([
    ['wrong-length', /answered with 7 dimensions instead of 8/],
    ['null', /vector of length 0 or with values that are not numbers/],
    ['nan', /vector of length 0 or with values that are not numbers/],
    ['zero', /vector of length 0 or with values that are not numbers/],
    ['missing', /answered 3 texts with 2 vectors/],
    ['repeated', /not each with its own/],
  ] as const)('with something wrong (%s) are tried again soon', async (vectors, message) => {
    provider.switches.vectors = vectors
    const error = await embedder()
      .embed(texts(3))
      .catch((error) => error)
    expect(error).toBeInstanceOf(FaultyAnswer)
    expect(error).toBeInstanceOf(RetryLater)
    expect(error).toMatchObject({ seconds: 5, message: expect.stringMatching(message) })
  })

  test.each([{}, { data: 'none' }, { data: [{ index: 0 }] }, [], null, { data: [{ index: 0, embedding: 'AAAA' }] }])(
    'in an unknown form are tried again soon: %j',
    async (body) => {
      provider.switches.fault = { status: 200, body: JSON.stringify(body) }
      await expect(embedder().embed(['Alice'])).rejects.toBeInstanceOf(FaultyAnswer)
    },
  )

  test('of an empty list need no request', async () => {
    expect(await embedder().embed([])).toEqual([])
    expect(provider.requests).toEqual([])
  })

  test('of a blank text are rejected with its position', async () => {
    await expect(embedder().embed(['fine', ' \n\t'])).rejects.toMatchObject({
      code: 'invalid',
      message: 'Text 2 of 2 to embed is blank',
    })
    expect(provider.requests).toEqual([])
  })

  test('pass on rejections of the provider', async () => {
    provider.switches.fault = { status: 400, body: { error: { message: 'model bge-m3 is not in your plan' } } }
    const error = await embedder()
      .embed(['Alice'])
      .catch((error) => error)
    expect(error).toBeInstanceOf(NeverRetry)
    expect(error.message).toBe('The embedding provider answered 400: model bge-m3 is not in your plan')
  })

  test('are requested without lone surrogates, which some servers cannot read', async () => {
    await embedder().embed(['a\ud800b'])
    expect(inputs()).toEqual([['a\ufffdb']])
  })
})

describe('the number of dimensions', () => {
  test('is 0 until the first answer and does not change afterwards', async () => {
    const bge = embedder()
    expect(bge).toMatchObject({ model: 'bge-m3', dimensions: 0 })
    await bge.embed(['Alice'])
    expect(bge.dimensions).toBe(8)
    provider.switches.dimensions = 16
    await expect(bge.embed(['Bob'])).rejects.toThrow('answered with 16 dimensions instead of 8')
    expect(bge.dimensions).toBe(8)
  })

  test('is not taken from an invalid answer', async () => {
    const bge = embedder()
    provider.switches.vectors = 'wrong-length'
    await expect(bge.embed(texts(2))).rejects.toBeInstanceOf(FaultyAnswer)
    expect(bge.dimensions).toBe(0)
  })

  test('is known immediately if configured, and a model with another number is an operator error', async () => {
    const bge = embedder({ dimensions: 1024 })
    expect(bge.dimensions).toBe(1024)
    const error = await bge.embed(['Alice']).catch((error) => error)
    expect(error).toBeInstanceOf(RetryLater)
    expect(error).toMatchObject({
      seconds: 60,
      message: expect.stringMatching(/answered with 8 dimensions instead of 1024: configure the number/),
    })
  })
})

describe('requests', () => {
  test('have at most 96 texts', async () => {
    const vectors = await embedder().embed(texts(200))
    expect(
      inputs()
        .map((input) => input.length)
        .sort((a, b) => b - a),
    ).toEqual([96, 96, 8])
    for (const [i, text] of texts(200).entries()) expect(distance(vectors[i]!, expected(text))).toBeLessThan(1e-6)
  })

  test('have at most 200 kB', async () => {
    const long = Array.from({ length: 90 }, (_, i) => `${i} ${'ж'.repeat(2900)}`)
    await embedder().embed(long)
    for (const input of inputs()) expect(Buffer.byteLength(input.join(''))).toBeLessThanOrEqual(200_000)
    expect(inputs().flat().sort()).toEqual(long.sort())
  })

  test('are shared by concurrent calls, and each gets its own vectors', async () => {
    const bge = embedder()
    const vectors = await Promise.all(texts(12).map((text) => bge.embed([text])))
    expect(inputs()).toEqual([texts(12)])
    for (const [i, text] of texts(12).entries()) expect(distance(vectors[i]![0]!, expected(text))).toBeLessThan(1e-6)
  })

  test('serve a short call before the rest of a long one', async () => {
    const bge = embedder()
    await Promise.all([bge.embed(texts(500)), bge.embed(['query'])])
    expect(inputs()[0]).toContain('query')
  })

  test.each([
    ['never', { status: 400 }, NeverRetry],
    ['later', { status: 500 }, FaultyAnswer],
  ] as const)('that one call makes fail (%s) are sent again for the others alone', async (_, fault, kind) => {
    provider.switches.fault = fault
    provider.switches.faultyWords = /poison/
    const bge = embedder()
    const [alice, poison, bob] = await Promise.allSettled([
      bge.embed(['Alice']),
      bge.embed(['poison', 'wine']),
      bge.embed(['Bob']),
    ])
    expect(inputs()).toEqual([['Alice', 'poison', 'Bob', 'wine'], ['Alice'], ['poison', 'wine'], ['Bob']])
    expect(alice).toMatchObject({ status: 'fulfilled', value: [expected('Alice')] })
    expect(poison).toMatchObject({ status: 'rejected', reason: expect.any(kind) })
    expect(bob).toMatchObject({ status: 'fulfilled', value: [expected('Bob')] })
  })

  test('that exceed the limit of the provider are not multiplied', async () => {
    provider.switches.fault = { status: 429, headers: { 'retry-after': '9' } }
    const bge = embedder()
    const outcomes = await Promise.allSettled(texts(5).map((text) => bge.embed([text])))
    for (const outcome of outcomes) expect(outcome).toMatchObject({ reason: expect.any(RetryLater) })
    for (const outcome of outcomes) expect(outcome).toMatchObject({ reason: { seconds: 9 } })
    expect(provider.requests).toHaveLength(1)
  })

  test('succeed again after a failure', async () => {
    provider.switches.fault = { status: 503 }
    provider.switches.faults = 1
    const bge = embedder()
    await expect(bge.embed(['Alice'])).rejects.toBeInstanceOf(RetryLater)
    await expect(bge.embed(['Alice'])).resolves.toHaveLength(1)
  })
})

describe('a long text', () => {
  test('is embedded in pieces without losing words, and averaged by length', async () => {
    const words = Array.from({ length: 60 }, (_, i) => `w${i}`)
    const [vector] = await embedder({ pieceCharacters: 100 }).embed([words.join(' ')])
    const pieces = inputs()[0]!
    expect(pieces.length).toBeGreaterThan(1)
    for (const piece of pieces) expect(piece.length).toBeLessThanOrEqual(100)
    expect(pieces.join(' ').split(' ')).toEqual(words)
    const sum = expected('').map((_, d) => pieces.reduce((sum, piece) => sum + piece.length * expected(piece)[d]!, 0))
    expect(
      distance(
        vector!,
        sum.map((value) => value / Math.hypot(...sum)),
      ),
    ).toBeLessThan(1e-5)
  })

  test('is not cut inside a character', async () => {
    await embedder({ pieceCharacters: 5 }).embed(['😀'.repeat(7)])
    expect(inputs()).toEqual([['😀😀', '😀😀', '😀😀', '😀']])
  })

  test('of a megabyte takes a few requests', async () => {
    const [vector] = await embedder().embed(['Bob likes tea. '.repeat(70_000)])
    expect(Math.hypot(...vector!)).toBeCloseTo(1, 5)
    expect(provider.requests.length).toBeLessThan(8)
  })
})

describe('a call', () => {
  test('that is aborted rejects with the reason, and its request is aborted', async () => {
    provider.switches.fault = 'hang'
    const controller = new AbortController()
    const reason = new Error('the process stops')
    const vectors = embedder().embed(['Alice'], controller.signal)
    await provider.received(1)
    controller.abort(reason)
    await expect(vectors).rejects.toBe(reason)
    await provider.abandoned()
  })

  test('that is aborted does not affect other calls of its request', async () => {
    const bge = embedder()
    const controller = new AbortController()
    const alice = bge.embed(['Alice'], controller.signal)
    const bob = bge.embed(['Bob'])
    controller.abort()
    await expect(alice).rejects.toBe(controller.signal.reason)
    expect(distance((await bob)[0]!, expected('Bob'))).toBeLessThan(1e-6)
  })

  test('without a response is retried', async () => {
    provider.switches.fault = 'hang'
    await expect(embedder({ timeoutSeconds: 0.1 }).embed(['Alice'])).rejects.toMatchObject({
      name: 'RetryLater',
      message: 'The embedding provider took longer than 0.1 s',
    })
  })

  test('is ended by close, and later calls are rejected', async () => {
    provider.switches.fault = 'hang'
    const bge = embedder()
    const vectors = bge.embed(['Alice'])
    const outcome = expect(vectors).rejects.toMatchObject({ code: 'unavailable' })
    await provider.received(1)
    await bge.close()
    await outcome
    await provider.abandoned()
    await expect(bge.embed(['Bob'])).rejects.toMatchObject({ code: 'unavailable' })
  })
})
