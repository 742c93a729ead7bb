import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { ZeroDB, ZeroDBError, type ZeroDBOptions } from './index.ts'

beforeEach(() => {
  vi.spyOn(Math, 'random').mockReturnValue(0)
})
afterEach(() => {
  vi.restoreAllMocks()
})

type Answer = Response | Error | 'silence'

const ok = (body: unknown = {}) => Response.json(body)
const refusal = (status: number, retryAfter?: number) =>
  Response.json(
    { detail: 'not now', code: 'unavailable', request_id: 'r1' },
    { status, headers: retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) } },
  )
const broken = (code: string) =>
  Object.assign(new TypeError('fetch failed'), { cause: Object.assign(new Error(`it was ${code}`), { code }) })

/** Creates a client of a fake server that gives these answers in turn, and records its requests. */
function clientOf(answers: Answer[], options: ZeroDBOptions = {}) {
  const sent: { url: string; init: RequestInit }[] = []
  const fetch = async (url: unknown, init: RequestInit = {}) => {
    sent.push({ url: String(url), init })
    init.signal!.throwIfAborted()
    const answer = answers.shift() ?? ok()
    if (answer instanceof Response) return answer
    if (answer instanceof Error) throw answer
    return new Promise<Response>((_, reject) => {
      init.signal!.addEventListener('abort', () => reject(init.signal!.reason))
    })
  }
  const zerodb = new ZeroDB({
    url: 'http://server:8000/',
    apiKey: 'key',
    fetch: fetch as typeof globalThis.fetch,
    ...options,
  })
  return { zerodb, sent }
}

const failure = (call: Promise<unknown>) =>
  call.then(
    () => 'it succeeded',
    (error: unknown) => error,
  )

describe('what is sent', () => {
  test('path, query, body, API key and project', async () => {
    const { zerodb, sent } = clientOf([], { projectId: 'p1', headers: { 'x-own': 'yes' } })
    await zerodb.vectors.upsert({ document: 'text' })
    await zerodb.vectors.get({ vector_id: 'a/b c?', namespace: 'n&m' })
    await zerodb.vectors.get({ vector_id: 'v', project_id: 'p2' })
    await zerodb.memory.remember({ content: 'text' })
    expect(sent.map(({ url, init }) => [init.method, url, init.body])).toEqual([
      ['POST', 'http://server:8000/api/v1/projects/p1/database/vectors/upsert', '{"document":"text"}'],
      ['GET', 'http://server:8000/api/v1/projects/p1/database/vectors/a%2Fb%20c%3F?namespace=n%26m', null],
      ['GET', 'http://server:8000/api/v1/projects/p2/database/vectors/v', null],
      ['POST', 'http://server:8000/api/v1/public/memory/v2/remember', '{"content":"text"}'],
    ])
    expect(sent[3]!.init.headers).toMatchObject({ authorization: 'Bearer key', 'x-project-id': 'p1', 'x-own': 'yes' })
  })

  test.each(['', '.', '..'])(
    'an id %j that is not valid in a path is rejected before it is sent',
    async (vector_id) => {
      const { zerodb, sent } = clientOf([])
      expect(await failure(zerodb.vectors.get({ vector_id }))).toMatchObject({ code: 'misused', status: 0 })
      expect(sent).toEqual([])
    },
  )
})

describe('retries', () => {
  const read = (zerodb: ZeroDB) => zerodb.runs.get({ run_id: 'id' })
  const search = (zerodb: ZeroDB) => zerodb.memory.recall({ query: 'text' })
  const write = (zerodb: ZeroDB) => zerodb.memory.remember({ content: 'text' })

  test.each<[string, (zerodb: ZeroDB) => Promise<unknown>, () => Answer, boolean]>([
    ['a read that is answered 503', read, () => refusal(503, 0), true],
    ['a read that a proxy answers 502', read, () => new Response('<html>', { status: 502 }), true],
    ['a search that is answered 503, though it is a POST', search, () => refusal(503, 0), true],
    ['a read whose connection broke', read, () => broken('ECONNRESET'), true],
    ['a write that is answered 429', write, () => refusal(429, 0), true],
    ['a write without a connection', write, () => broken('ECONNREFUSED'), true],
    ['a write that is answered 503, which may have been executed', write, () => refusal(503, 0), false],
    ['a write whose connection broke, which may have been executed', write, () => broken('ECONNRESET'), false],
    ['a read that is rejected', read, () => refusal(404), false],
    ['a read with an internal error', read, () => refusal(500), false],
  ])('%s', async (_, call, answer, again) => {
    const { zerodb, sent } = clientOf([answer()])
    const outcome = await failure(call(zerodb))
    if (again) expect(outcome).toBe('it succeeded')
    else expect(outcome).toBeInstanceOf(ZeroDBError)
    expect(sent).toHaveLength(again ? 2 : 1)
  })

  test('twice at most by default; then the last error is thrown', async () => {
    const usual = clientOf([1, 2, 3, 4].map(() => refusal(503, 0)))
    expect(await failure(read(usual.zerodb))).toMatchObject({
      status: 503,
      code: 'unavailable',
      request_id: 'r1',
      message: 'not now',
    })
    expect(usual.sent).toHaveLength(3)
    const never = clientOf([refusal(503, 0)], { maxRetries: 0 })
    await failure(read(never.zerodb))
    expect(never.sent).toHaveLength(1)
  })

  test('not if the server requests a delay over 30 s', async () => {
    const { zerodb, sent } = clientOf([refusal(429, 3600)])
    expect(await failure(write(zerodb))).toMatchObject({ status: 429, retry_after: 3600 })
    expect(sent).toHaveLength(1)
  })

  test('not for a stream, which is consumed', async () => {
    const { zerodb, sent } = clientOf([refusal(429, 0)])
    async function* content() {
      yield new Uint8Array(3)
    }
    expect(await failure(zerodb.files.upload({ file_name: 'a', content: content() }))).toMatchObject({ status: 429 })
    expect(sent).toHaveLength(1)
  })
})

describe('errors', () => {
  test.each([0, -5])('B8: a Retry-After of %i is ignored', async (seconds) => {
    const { zerodb } = clientOf([refusal(503, seconds)], { maxRetries: 0 })
    expect(await failure(zerodb.runs.get({ run_id: 'id' }))).toMatchObject({ status: 503, retry_after: null })
  })

  test('invalid fields are in the message and in the detail', async () => {
    const detail = [
      { type: 'missing', loc: ['body', 'hook_name'], msg: 'Field required' },
      { type: 'int_type', loc: ['body', 'retry', 'max_attempts'], msg: 'Input should be a valid integer' },
    ]
    const { zerodb } = clientOf([
      Response.json({ detail, code: 'validation_failed', request_id: 'r2' }, { status: 422 }),
    ])
    const error = await failure(zerodb.hooks.create({ event_type: 'zerodb.vector.stored', hook_name: '' }))
    expect(error).toMatchObject({ status: 422, code: 'validation_failed', detail })
    expect((error as Error).message).toBe(
      'hook_name: Field required; retry.max_attempts: Input should be a valid integer',
    )
  })

  test('another server is reported as unexpected_answer', async () => {
    for (const answer of [
      new Response('<html>', { status: 404 }),
      new Response('<html>'),
      new Response(null, { status: 302, headers: { location: '/login' } }),
    ]) {
      const { zerodb } = clientOf([answer])
      expect(await failure(zerodb.auth.me())).toMatchObject({ code: 'unexpected_answer' })
    }
    const { zerodb } = clientOf([ok()])
    expect(await failure(zerodb.event_log.stream().next())).toMatchObject({ code: 'unexpected_answer' })
  })

  test('a server without a response is a timeout, and an aborted call rejects with the caller’s reason', async () => {
    const { zerodb } = clientOf(['silence', 'silence', 'silence'])
    expect(await failure(zerodb.memory.remember({ content: 'text' }, { timeoutSeconds: 0.01 }))).toMatchObject({
      code: 'timeout',
      status: 0,
    })
    const stop = new AbortController()
    const call = failure(zerodb.auth.me({}, { signal: stop.signal }))
    stop.abort(new Error('enough'))
    expect(await call).toEqual(new Error('enough'))
    expect(await failure(zerodb.auth.me({}, { signal: stop.signal }))).toEqual(new Error('enough'))
  })

  test('a failed connection reports the reason', async () => {
    const { zerodb } = clientOf([broken('ECONNRESET')])
    const error = await failure(zerodb.memory.remember({ content: 'text' }))
    expect((error as Error).message).toBe('No server answers at http://server:8000: it was ECONNRESET')
  })
})
