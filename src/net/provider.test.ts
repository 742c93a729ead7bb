import { inspect } from 'node:util'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { type Fault, startProvider } from '../../test/support/provider.ts'
import { NeverRetry, RetryLater, StartError } from '../errors.ts'
import { createProviderClient, FaultyAnswer, type ProviderOptions, ProviderRefusal } from './provider.ts'

const provider = await startProvider()
afterAll(() => provider.close())
beforeEach(() => provider.reset())

const NOON = Date.parse('2026-01-01T12:00:00Z')

function client(options: Partial<ProviderOptions> = {}) {
  return createProviderClient({
    baseUrl: provider.baseUrl,
    apiKey: provider.apiKey,
    timeoutSeconds: 10,
    maxResponseBytes: 1_000_000,
    clock: { now: () => NOON },
    ...options,
  })
}

const BODY = { model: 'bge-m3', input: ['hello'], encoding_format: 'float' }

/** Returns the error of a request with this fault. */
async function thrown(
  fault: Fault | undefined,
  options?: Partial<ProviderOptions>,
): Promise<Error & { seconds?: number }> {
  provider.switches.fault = fault
  return client(options)
    .post('/embeddings', BODY)
    .then(
      () => expect.unreachable(),
      (error) => error,
    )
}

describe('post', () => {
  test('sends JSON with the key and gives back the JSON of the answer', async () => {
    const answer = await client().post('/embeddings', BODY)
    expect(answer).toMatchObject({ object: 'list', model: 'bge-m3' })
    expect(provider.requests).toMatchObject([
      {
        method: 'POST',
        path: '/v1/embeddings',
        body: BODY,
        headers: { authorization: `Bearer ${provider.apiKey}`, 'content-type': 'application/json' },
      },
    ])
  })

  test('takes a base URL with a slash at its end', async () => {
    await client({ baseUrl: `${provider.baseUrl}/` }).post('/embeddings', BODY)
    expect(provider.requests[0]!.path).toBe('/v1/embeddings')
  })

  test('without a key sends none', async () => {
    await client({ apiKey: undefined })
      .post('/embeddings', BODY)
      .catch(() => {})
    expect(provider.requests[0]!.headers.authorization).toBeUndefined()
  })

  test.each([
    [429, '17', 17],
    [429, '1.2', 2],
    [429, '86400', 600],
    [503, 'Thu, 01 Jan 2026 12:01:30 GMT', 90],
    [429, 'Fri, 02 Jan 2026 12:00:00 GMT', 600],
    [429, 'soon', 30],
    [500, '7', 7],
  ])('on %i with Retry-After "%s" is to be tried again in %i s', async (status, header, seconds) => {
    const error = await thrown({ status, headers: { 'retry-after': header } })
    expect(error).toBeInstanceOf(RetryLater)
    expect(error.seconds).toBe(seconds)
    expect(provider.requests).toHaveLength(1)
  })

  test.each(['0', '0.0', '-5', '9 seconds', 'Thu, 01 Jan 2026 11:00:00 GMT', '2015-10-21'])(
    'B8: a Retry-After of "%s" asks for no pause, and counts as absent',
    async (header) => {
      const error = await thrown({ status: 429, headers: { 'retry-after': header } })
      expect(error).toMatchObject({ name: 'RetryLater', seconds: 30 })
    },
  )

  test.each([408, 429, 500, 502, 503, 504, 529])(
    'on %i without Retry-After is to be tried again in 30 s',
    async (status) => {
      const error = await thrown({ status })
      expect(error).toBeInstanceOf(RetryLater)
      expect(error).toMatchObject({ seconds: 30, message: `The model provider answered ${status}: as told` })
    },
  )

  test.each([400, 404, 413, 422])('on %i is never to be tried again', async (status) => {
    const error = await thrown({ status })
    expect(error).toBeInstanceOf(NeverRetry)
    expect(error).toBeInstanceOf(ProviderRefusal)
    expect(error).toMatchObject({ status, message: `The model provider answered ${status}: as told` })
  })

  test.each([
    ['error.message', { error: { message: 'too\nlong' } }, ': too long'],
    ['error', { error: 'no such model' }, ': no such model'],
    ['message', { message: 'bad' }, ': bad'],
    ['detail', { detail: 'bad' }, ': bad'],
    ['a list of details', { detail: [{ msg: 'bad' }] }, ': [{"msg":"bad"}]'],
    ['bare text', 'bad request', ': bad request'],
    ['bare JSON', '"odd"', ''],
    ['null', 'null', ': null'],
    ['a page', '<html><body>Bad</body></html>', ''],
    ['nothing', '', ''],
    ['characters that no database takes', { message: 'a\u0000b\ud800' }, ': a b'],
    ['a flood', 'x'.repeat(100_000), ''],
  ])('tells the reason from %s', async (_, body, reason) => {
    expect((await thrown({ status: 400, body })).message).toBe(`The model provider answered 400${reason}`)
  })

  test('cuts the reason to 300 characters, none of them in two', async () => {
    const { message } = await thrown({ status: 400, body: { message: `${'x'.repeat(299)}😀` } })
    expect(message).toBe(`The model provider answered 400: ${'x'.repeat(299)}`)
  })

  test.each([402, 403])('on %i says that the account is refused, for an operator to mend', async (status) => {
    const error = await thrown({ status })
    expect(error).toBeInstanceOf(RetryLater)
    expect(error.seconds).toBe(60)
    expect(error.message).toBe(`The model provider refuses this API key or its account (${status}): as told`)
  })

  test('with a wrong key says so, for an operator to mend', async () => {
    const error = await thrown(undefined, { apiKey: 'sk-wrong' })
    expect(error).toBeInstanceOf(RetryLater)
    expect(error).toMatchObject({
      seconds: 60,
      message: 'The model provider refuses the API key (401): it must be replaced',
    })
  })

  test('does not follow a redirect, which could carry text and key elsewhere', async () => {
    const error = await thrown({ status: 307, headers: { location: `${provider.baseUrl}/elsewhere` } })
    expect(error).toBeInstanceOf(RetryLater)
    expect(error.message).toMatch(/redirects \(307\)/)
    expect(provider.requests).toHaveLength(1)
  })

  test('retries a failed connection once, at once', async () => {
    provider.switches.faults = 1
    provider.switches.fault = 'reset'
    await expect(client().post('/embeddings', BODY)).resolves.toMatchObject({ object: 'list' })
    expect(provider.requests).toHaveLength(2)
  })

  test('is to be tried again later when the connection fails twice', async () => {
    const error = await thrown('reset')
    expect(error).toBeInstanceOf(RetryLater)
    expect(error).toMatchObject({
      seconds: 30,
      message: expect.stringMatching(/^The model provider cannot be reached/),
    })
    expect(provider.requests).toHaveLength(2)
  })

  test('is to be tried again later when the connection fails amid the answer', async () => {
    const error = await thrown('reset-midway')
    expect(error).toBeInstanceOf(RetryLater)
    expect(error.seconds).toBe(30)
  })

  test('is to be tried again later when the connection is refused', async () => {
    const gone = await startProvider()
    await gone.close()
    const error = await thrown(undefined, { baseUrl: gone.baseUrl })
    expect(error).toBeInstanceOf(RetryLater)
    expect(error.message).toBe('The model provider cannot be reached (ECONNREFUSED)')
  })

  test.each(['hang', 'drip'] as const)('gives up a server that makes it %s', async (fault) => {
    const error = await thrown(fault, { timeoutSeconds: 0.1 })
    expect(error).toBeInstanceOf(RetryLater)
    expect(error).toMatchObject({ seconds: 30, message: 'The model provider took longer than 0.1 s' })
  })

  test('stops reading an answer that is too long', async () => {
    const error = await thrown('huge')
    expect(error).toBeInstanceOf(FaultyAnswer)
    expect(error.message).toBe('The model provider answered with more than 1000000 bytes')
    await provider.abandoned()
  })

  test('rejects what is not JSON without quoting it', async () => {
    const error = await thrown('invalid-json')
    expect(error).toBeInstanceOf(FaultyAnswer)
    expect(error.seconds).toBe(5)
    expect(inspect(error)).not.toContain('oops')
  })

  test('rejects with the reason of a signal, and gives the request up', async () => {
    provider.switches.fault = 'hang'
    const controller = new AbortController()
    const reason = new Error('the process stops')
    const answer = client().post('/embeddings', BODY, controller.signal)
    await provider.received(1)
    controller.abort(reason)
    await expect(answer).rejects.toBe(reason)
    await provider.abandoned()
    await expect(client().post('/embeddings', BODY, controller.signal)).rejects.toBe(reason)
    expect(provider.requests).toHaveLength(1)
  })
})

test.each<[string, Fault]>([
  ['400 that quotes it', { status: 400, body: { message: `Bearer ${provider.apiKey}` } }],
  ['401 that quotes it', { status: 401, body: { message: provider.apiKey } }],
  ['403 that quotes it', { status: 403, body: provider.apiKey }],
  ['500 that quotes it', { status: 500, body: `${'x'.repeat(280)}${provider.apiKey}` }],
  ['reset', 'reset'],
  ['invalid JSON', 'invalid-json'],
])('no error holds the key: %s', async (_, fault) => {
  const shown = inspect(await thrown(fault), { depth: 10, showHidden: true })
  expect(shown).not.toContain(provider.apiKey.slice(0, 12))
})

test.each([
  ['no address', 'inference.example'],
  ['another protocol', 'ftp://inference.example/v1'],
  ['a password', 'https://user:secret@inference.example/v1'],
  ['a query', 'https://inference.example/v1?key=secret'],
])('a base URL that has %s ends the start without being quoted', (_, baseUrl) => {
  expect(() => client({ baseUrl })).toThrow(StartError)
  expect(() => client({ baseUrl })).not.toThrow(/secret/)
})

test.each(['', 'sk secret', 'sk-secret\n', 'sk-sécret'])('the key %j ends the start without being quoted', (apiKey) => {
  expect(() => client({ apiKey })).toThrow(StartError)
  expect(() => client({ apiKey })).not.toThrow(/cret/)
})
