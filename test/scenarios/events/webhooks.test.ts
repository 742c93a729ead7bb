import { randomBytes, randomUUID } from 'node:crypto'
import { Writable } from 'node:stream'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { readChain } from '../../../src/auth/chain.ts'
import { sql } from '../../../src/db/sql.ts'
import { EVENT_NAMES } from '../../../src/schema/events.ts'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'
import { type Receiver, type ReceiverAnswer, startReceiver } from '../../support/receiver.ts'
import { changeAll, writeAll } from '../../support/writes.ts'

let app: TestApp
let receiver: Receiver
/** Everything that the program has logged. */
let logged = ''
const log = pino(
  { level: 'debug' },
  new Writable({
    write(chunk, _, done) {
      logged += chunk
      done()
    },
  }),
)

beforeAll(async () => {
  app = await openTestApp({ ZERODB_ALLOW_NETWORKS: '127.0.0.0/8' }, { log })
  receiver = await startReceiver()
})
afterAll(async () => {
  await app.close()
  await receiver.close()
})
beforeEach(() => {
  receiver.messages.length = 0
  receiver.answers = [{ status: 200, body: 'thanks' }]
})
// Remaining runs of a test must not send messages in the next one.
afterEach(async () => {
  await app.system.database.query(sql`update zerodb_hooks set is_active = false`)
  await app.system.database.query(sql`update zerodb_runs set status = 'cancelled' where status = 'queued'`)
})

const HOOKS = '/api/v1/hooks'
const PUBLISHED = 'zerodb.event.published'
const SECRET = /^whsec_[A-Za-z0-9+/]{43}=$/
const DAY = 86_400

const webhook = (user: TestUser, hook_config: object = {}, rest: object = {}) =>
  user.post(HOOKS, {
    event_type: PUBLISHED,
    hook_name: 'webhook:orders',
    hook_config: { url: receiver.url, ...hook_config },
    ...rest,
  })

const publish = async (user: TestUser) =>
  expect((await user.post(`${user.database}/events/publish`, { topic: 'a topic' })).status).toBe(200)

/** Creates a user with a webhook. Its pauses have no jitter, because a random pause may be zero. */
async function withWebhook(hook_config: object = {}, rest: object = { retry: { jitter: 'none' } }) {
  const user = await app.newUser()
  const reply = await webhook(user, hook_config, rest)
  expect(reply.status).toBe(201)
  const { webhook_secret: secret, ...hook } = reply.body
  return { user, hook, secret, url: `${HOOKS}/${hook.id}` }
}

/** Longer than any pause between attempts, including jitter. */
const nextAttempt = (seconds = 600) => app.clock.advance(seconds)

test('a webhook is a hook whose secret is in the response to its creation only', async () => {
  const user = await app.newUser()
  const reply = await webhook(user, { headers: { 'X-Tenant': 'blue' }, anything: 'else' })
  expect(reply.status).toBe(201)
  expect(reply.body).toMatchObject({
    hook_type: 'webhook',
    hook_name: 'webhook:orders',
    hook_config: { url: receiver.url, headers: { 'X-Tenant': 'blue' }, anything: 'else' },
    is_active: true,
    webhook_secret: expect.stringMatching(SECRET),
  })
  expect(reply.body).not.toHaveProperty('warnings')
  const { webhook_secret, ...hook } = reply.body
  expect((await user.get(`${HOOKS}/${hook.id}`)).body).toEqual(hook)
  expect((await user.get(HOOKS)).body).toEqual([hook])
  const patched = await user.patch(`${HOOKS}/${hook.id}`, { hook_config: { url: receiver.url } })
  expect(patched.status).toBe(200)
  expect(patched.body).not.toHaveProperty('webhook_secret')
  expect(logged).not.toContain(webhook_secret.slice(6))
})

test('the receiver gets the event in an envelope that is signed, so it can verify the sender', async () => {
  const { user, hook, secret } = await withWebhook({ headers: { Authorization: 'Bearer mine', 'User-Agent': 'shop' } })
  await publish(user)
  const [run] = await user.runs()
  const [logged] = await user.events()
  const { caused_by: _, ...event } = logged!
  expect(receiver.messages).toHaveLength(1)
  const [message] = receiver.messages
  expect(message!.body).toEqual({
    ...event,
    hook_id: hook.id,
    run_id: run!.id,
    attempt: 1,
    synthetic: false,
    chain_id: event.id,
    depth: expect.any(Number),
  })
  expect(message).toMatchObject({
    method: 'POST',
    path: '/hook',
    headers: {
      'content-type': 'application/json',
      'user-agent': 'shop',
      authorization: 'Bearer mine',
      'webhook-id': run!.id,
    },
  })
  expect(receiver.signedBy(message!, secret, 'whsec_AAAA')).toEqual([true, false])
  expect(Math.abs(Number(message!.headers['webhook-timestamp']) - app.system.app.clock.now() / 1000)).toBeLessThan(600)

  const token = readChain(app.system.app.jwtSecret, String(message!.headers['x-zerodb-chain']))
  expect(token).toEqual({
    chain_id: event!.id,
    depth: message!.body.depth,
    run_id: run!.id,
    user_id: user.user_id,
  })
})

test('a trace continues through the webhook, with a separate span', async () => {
  const { user } = await withWebhook()
  const trace = '0af7651916cd43dd8448eb211c80319c'
  for (const headers of [{ traceparent: `00-${trace}-b7ad6b7169203331-01` }, {}]) {
    const event = { topic: 'a topic', event_payload: {} }
    expect((await user.post(`${user.database}/events/publish`, event, headers)).status).toBe(200)
    await app.drained()
  }
  const traces = receiver.messages.map(({ headers }) => headers['traceparent'])
  expect(traces).toEqual([expect.stringMatching(new RegExp(`^00-${trace}-[0-9a-f]{16}-01$`)), undefined])
  expect(traces[0]).not.toContain('b7ad6b7169203331')
})

test('every event type can be sent', async () => {
  const user = await app.newUser()
  for (const event_type of EVENT_NAMES) expect((await webhook(user, {}, { event_type })).status).toBe(201)
  await writeAll(user)
  await changeAll(user)
  await app.drained()
  const sent = receiver.messages.map(({ body }) => body.event)
  expect([...new Set(sent)].sort()).toEqual([...EVENT_NAMES].sort())
})

test('the response is stored in the run: status, two headers, 4,096 characters', async () => {
  const { user } = await withWebhook()
  const headers = { 'content-type': 'text/plain', 'set-cookie': 'session=1', 'x-other': 'no' }
  receiver.answers = [{ status: 202, headers, body: `a\u0000b${'x'.repeat(4092)}😀 and more` }]
  await publish(user)
  expect(await user.runs()).toMatchObject([
    {
      status: 'succeeded',
      handler: 'webhook:orders',
      error: null,
      result: {
        status: 202,
        headers: { 'content-type': 'text/plain' },
        body: `a\ufffdb${'x'.repeat(4092)}`,
        duration_ms: expect.any(Number),
      },
    },
  ])
})

test.each<[string, ReceiverAnswer]>([
  ['endless', 'endless'],
  ['huge', { status: 200, body: 'y'.repeat(5_000_000) }],
])('a response that is %s succeeds, and its beginning is stored', async (_, answer) => {
  const { user } = await withWebhook()
  receiver.answers = [answer]
  await publish(user)
  const [run] = await user.runs()
  expect(run).toMatchObject({ status: 'succeeded', result: { status: 200 } })
  expect((run!.result as { body: string }).body).toHaveLength(4096)
})

test('a failed message is sent again with the same id, a new timestamp and a new signature', async () => {
  const { user, secret } = await withWebhook()
  receiver.answers = [{ status: 500, body: 'out of\n order' }, 'reset', { status: 200 }]
  await publish(user)
  expect(await user.runs()).toMatchObject([
    {
      status: 'queued',
      attempts: 1,
      error: { code: 'webhook_failed', message: 'The receiver answered 500: out of order' },
    },
  ])
  nextAttempt()
  expect(await user.runs()).toMatchObject([
    { status: 'queued', attempts: 2, error: { code: 'webhook_failed', message: expect.stringMatching(/broke off/) } },
  ])
  nextAttempt()
  expect(await user.runs()).toMatchObject([{ status: 'succeeded', attempts: 3, error: null }])

  const { messages } = receiver
  expect(new Set(messages.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
  expect(messages.map(({ body }) => body.attempt)).toEqual([1, 2, 3])
  const timestamps = messages.map(({ headers }) => Number(headers['webhook-timestamp']))
  expect(timestamps[1]! - timestamps[0]!).toBeGreaterThanOrEqual(600)
  for (const message of messages) expect(receiver.signedBy(message, secret)).toEqual([true])
})

test.each([429, 503])('Retry-After of a %i is respected, up to an hour', async (status) => {
  const { user } = await withWebhook()
  receiver.answers = [
    { status, headers: { 'retry-after': '1000' } },
    { status, headers: { 'retry-after': '1000000' } },
    { status: 200 },
  ]
  const attemptsAfter = async (seconds: number) => {
    app.clock.advance(seconds)
    return (await user.runs()).map((run) => run.attempts)
  }
  await publish(user)
  expect(await attemptsAfter(0)).toEqual([1])
  expect(await attemptsAfter(990)).toEqual([1])
  expect(await attemptsAfter(220)).toEqual([2])
  expect(await attemptsAfter(3590)).toEqual([2])
  expect(await attemptsAfter(740)).toEqual([3])
  expect(await user.runs()).toMatchObject([{ status: 'succeeded' }])
})

test.each([
  [429, '0'],
  [503, '0'],
  [429, '-5'],
  [503, 'Wed, 21 Oct 2015 07:28:00 GMT'],
])('B8: a %i with Retry-After "%s" is retried by the retry policy of the hook', async (status, header) => {
  const { user } = await withWebhook({}, { retry: { jitter: 'none', initial_seconds: 100, max_attempts: 2 } })
  receiver.answers = [{ status, headers: { 'retry-after': header } }]
  await publish(user)
  expect(await user.runs()).toMatchObject([{ status: 'queued', attempts: 1 }])
  app.clock.advance(90)
  expect(await user.runs()).toMatchObject([{ status: 'queued', attempts: 1, error: { code: 'webhook_failed' } }])
  app.clock.advance(20)
  expect(await user.runs()).toMatchObject([{ status: 'dead', attempts: 2, error: { code: 'webhook_failed' } }])
  expect(receiver.messages).toHaveLength(2)
})

test.each([301, 302, 307, 308])('a redirect (%i) is not followed, and the error says so', async (status) => {
  const { user } = await withWebhook()
  receiver.answers = [{ status, headers: { location: `${receiver.url}/elsewhere` } }]
  await publish(user)
  expect(await user.runs()).toMatchObject([
    {
      status: 'queued',
      error: {
        code: 'webhook_failed',
        message: `The receiver redirects (${status}), and redirects are not followed: correct the url`,
      },
    },
  ])
  expect(receiver.messages).toHaveLength(1)
})

test.each(['hang', 'drip'] as const)(
  'a receiver with a response of type %s fails after timeout_seconds',
  async (answer) => {
    const { user } = await withWebhook({ timeout_seconds: 1 })
    receiver.answers = [answer]
    await publish(user)
    expect(await user.runs()).toMatchObject([
      { status: 'queued', error: { code: 'webhook_timeout', message: 'The receiver took longer than 1 s' } },
    ])
  },
)

describe('a webhook is disabled, with its queued runs,', () => {
  test('by a 410, and can be enabled again', async () => {
    const { user, hook, url } = await withWebhook()
    receiver.answers = [{ status: 500 }]
    await publish(user)
    await app.drained()
    receiver.answers = [{ status: 410, body: 'gone for good' }]
    await publish(user)
    expect((await user.runs()).map(({ status, error }) => [status, error?.code]).sort()).toEqual([
      ['cancelled', 'webhook_failed'],
      ['dead', 'webhook_gone'],
    ])
    expect((await user.get(url)).body).toMatchObject({
      is_active: false,
      disabled_reason: 'The receiver answered 410 (gone)',
    })
    await publish(user)
    expect(await user.runs()).toHaveLength(2)

    receiver.answers = [{ status: 200 }]
    const on = await user.patch(url, { is_active: true })
    expect(on.body).toEqual({ ...hook, updated_at: on.body.updated_at })
    await publish(user)
    expect((await user.runs()).at(-1)).toMatchObject({ status: 'succeeded' })
  })

  /** Makes one attempt of one message fail; then days pass. */
  async function fails(user: TestUser, days: number) {
    await publish(user)
    await user.runs()
    await app.system.database.query(sql`update zerodb_runs set status = 'cancelled' where status = 'queued'`)
    app.clock.advance(days * DAY)
  }

  test('by five days without a success', async () => {
    const { user, hook, url } = await withWebhook()
    receiver.answers = [{ status: 500, body: 'broken' }]
    await fails(user, 2)
    await fails(user, 3 - 60 / DAY)
    await fails(user, 120 / DAY)
    expect((await user.get(url)).body).toEqual(hook)
    await publish(user)
    await publish(user)
    const statuses = (await user.runs()).map(({ status }) => status)
    expect((await user.get(url)).body).toMatchObject({
      is_active: false,
      disabled_reason:
        'The receiver has failed for 5 days without a success. Last error: The receiver answered 500: broken',
    })
    expect(statuses).toContain('dead')
    expect(statuses.filter((status) => status === 'queued' || status === 'running')).toEqual([])
  })

  test('but not by two failures with five quiet days in between, whatever the number of attempts and messages', async () => {
    const { user, hook, url } = await withWebhook()
    receiver.answers = [{ status: 500 }]
    const failTwice = async () => {
      await publish(user)
      await app.drained()
      nextAttempt()
      await app.drained()
    }
    await failTwice()
    app.clock.advance(5 * DAY)
    await failTwice()
    expect((await user.get(url)).body).toEqual(hook)
    app.clock.advance(DAY / 2)
    await failTwice()
    expect((await user.get(url)).body).toMatchObject({ is_active: false })
  })

  test('and one success restarts the days and the count', async () => {
    const { user, url, hook } = await withWebhook()
    receiver.answers = [{ status: 500 }]
    await fails(user, 2)
    await fails(user, 2)
    receiver.answers = [{ status: 200 }]
    await fails(user, 0)
    const [row] = await app.system.database.query(
      sql`select failing_since from zerodb_hooks where id = ${hook.id}::uuid`,
    )
    expect(row).toEqual({ failing_since: null })
    receiver.answers = [{ status: 500 }]
    await fails(user, 2)
    await fails(user, 2)
    await fails(user, 2)
    expect((await user.get(url)).body).toMatchObject({ is_active: true })
    await fails(user, 0)
    expect((await user.get(url)).body).toMatchObject({ is_active: false })
  })
})

describe('no message is sent to an internal address:', () => {
  test.each([
    'http://169.254.169.254/latest/meta-data',
    'http://10.0.0.1/',
    'http://[::1]/',
    'http://[::ffff:7f00:1]/',
    'http://0x0a000001/',
    'http://012.0.0.1/',
    'http://167772161/',
  ])('to %s, which is refused at creation and at an update', async (url) => {
    const { user, hook } = await withWebhook()
    const refusal = { status: 422, body: { detail: expect.stringContaining('ZERODB_ALLOW_NETWORKS') } }
    expect(await webhook(user, { url }, { hook_name: 'webhook:inward' })).toMatchObject(refusal)
    expect(await user.patch(`${HOOKS}/${hook.id}`, { hook_config: { url } })).toMatchObject(refusal)
  })

  test('not even to an address that was allowed when the hook was created', async () => {
    const { user, hook } = await withWebhook()
    await app.system.database.query(sql`
      update zerodb_hooks set hook_config = jsonb_build_object('url', 'http://10.0.0.1/') where id = ${hook.id}::uuid`)
    await publish(user)
    expect(await user.runs()).toMatchObject([
      {
        status: 'dead',
        attempts: 1,
        error: { code: 'webhook_blocked', message: expect.stringContaining('ZERODB_ALLOW_NETWORKS') },
      },
    ])
  })
})

describe('a secret', () => {
  const signers = (...secrets: string[]) => receiver.signedBy(receiver.messages.at(-1)!, ...secrets)
  async function sent(user: TestUser) {
    await publish(user)
    await app.drained()
    return receiver.messages.at(-1)!
  }

  test('can be chosen by the user', async () => {
    const own = `whsec_${randomBytes(24).toString('base64')}`
    const { user, secret, hook } = await withWebhook({ secret: own })
    expect(secret).toBe(own)
    expect(hook.hook_config).toEqual({ url: receiver.url })
    await sent(user)
    expect(signers(own)).toEqual([true])
  })

  test('that is rotated signs after the new one, until its time is over', async () => {
    const { user, secret: first, url } = await withWebhook()
    const before = app.system.app.clock.now()
    const rotated = await user.post(`${url}/rotate-secret`, {})
    expect(rotated).toMatchObject({ status: 200, body: { webhook_secret: expect.stringMatching(SECRET) } })
    const second = rotated.body.webhook_secret
    expect(second).not.toBe(first)
    const kept = (Date.parse(rotated.body.previous_valid_until) - before) / 1000
    expect(kept).toBeGreaterThanOrEqual(DAY - 60)
    expect(kept).toBeLessThan(DAY + 600)

    const message = await sent(user)
    expect(signers(first, second)).toEqual([true, true])
    const [newest] = String(message.headers['webhook-signature']).split(' ')
    expect(
      receiver.signedBy({ ...message, headers: { ...message.headers, 'webhook-signature': newest } }, second),
    ).toEqual([true])
    app.clock.advance(DAY + 60)
    await sent(user)
    expect(signers(first, second)).toEqual([false, true])
  })

  test('is one of at most two: rotating again ends the oldest immediately', async () => {
    const { user, secret: first, url } = await withWebhook()
    const rotate = async (body: object) => (await user.post(`${url}/rotate-secret`, body)).body.webhook_secret
    const second = await rotate({})
    const own = `whsec_${randomBytes(64).toString('base64')}`
    expect(await rotate({ secret: own, keep_seconds: 60 })).toBe(own)
    const message = await sent(user)
    expect(signers(first, second, own)).toEqual([false, true, true])
    expect(String(message.headers['webhook-signature']).split(' ')).toHaveLength(2)
    const last = await rotate({ keep_seconds: 0 })
    await sent(user)
    expect(signers(first, second, own, last)).toEqual([false, false, false, true])
  })

  test('of two concurrent rotations leaves two that sign', async () => {
    const { user, url } = await withWebhook()
    const secrets = await Promise.all(
      Array.from({ length: 5 }, async () => (await user.post(`${url}/rotate-secret`, {})).body.webhook_secret),
    )
    await sent(user)
    expect(signers(...secrets).filter((signs) => signs)).toHaveLength(2)
  })

  test('is encrypted in the database, and in no response, run or log', async () => {
    const { user, secret: first, url, hook } = await withWebhook()
    const second = (await user.post(`${url}/rotate-secret`, {})).body.webhook_secret
    receiver.answers = [{ status: 500 }, 'reset', { status: 410 }]
    await publish(user)
    for (let i = 0; i < 3; i++) {
      await app.drained()
      nextAttempt()
    }
    const wrong = await user.post(`${url}/rotate-secret`, { secret: 'whsec_typo' })
    const alsoWrong = await webhook(user, { secret: 'whsec_typo' })
    expect([wrong.status, alsoWrong.status]).toEqual([422, 422])
    const answers = [
      wrong,
      alsoWrong,
      await user.get(url),
      await user.get(`${HOOKS}?active_only=false`),
      await user.patch(url, { is_active: true }),
      await user.get(`${url}/runs`),
      await user.get('/api/v1/event-log'),
    ]
    const rows = await app.system.database.query(sql`
      select s.*, h.* from zerodb_hook_secrets s join zerodb_hooks h on h.id = s.hook_id where h.id = ${hook.id}::uuid`)
    expect(rows).toHaveLength(2)
    const stored = rows.map((row) => Buffer.from(row['sealed'] as Uint8Array).toString('latin1'))
    const seen = JSON.stringify(answers.map(({ body }) => body)) + JSON.stringify(rows) + stored.join() + logged
    for (const secret of [first, second, 'whsec_typo']) {
      const bare = secret.slice('whsec_'.length)
      expect(seen).not.toContain(bare)
      expect(seen).not.toContain(Buffer.from(bare, 'base64').toString('latin1'))
    }
    expect(logged).toContain('webhook_failed')
  })

  test('that another key has encrypted keeps the run waiting, and the error names the wrong setting', async () => {
    const { user, hook } = await withWebhook()
    const moved = await withWebhook()
    await app.system.database.query(sql`
      update zerodb_hook_secrets set sealed = (
        select sealed from zerodb_hook_secrets where hook_id = ${moved.hook.id}::uuid
      ) where hook_id = ${hook.id}::uuid`)
    await publish(user)
    expect(await user.runs()).toMatchObject([
      {
        status: 'queued',
        error: { code: 'secret_unreadable', message: expect.stringContaining('ZERODB_ENCRYPTION_KEY') },
      },
    ])
    expect(receiver.messages).toEqual([])
  })

  test('is deleted with its hook', async () => {
    const { user, hook, url } = await withWebhook()
    expect((await user.delete(url)).status).toBe(204)
    const left = await app.system.database.query(
      sql`select id from zerodb_hook_secrets where hook_id = ${hook.id}::uuid`,
    )
    expect(left).toEqual([])
  })

  test('of another user’s hook cannot be rotated', async () => {
    const { user, secret, url } = await withWebhook()
    const stranger = await app.newUser()
    for (const path of [url, `${HOOKS}/${randomUUID()}`])
      expect(await stranger.post(`${path}/rotate-secret`, {})).toMatchObject({
        status: 404,
        body: { detail: 'Hook not found' },
      })
    const bound = { authorization: `Bearer ${await app.boundKey(user, user.project_id)}` }
    expect((await user.post(`${url}/rotate-secret`, {}, bound)).status).toBe(403)
    await sent(user)
    expect(signers(secret)).toEqual([true])
  })

  test('exists for webhooks only', async () => {
    const user = await app.newUser()
    const { id, ...hook } = await user.hook('zerodb.vector.stored', 'auto_embed')
    expect(hook).not.toHaveProperty('webhook_secret')
    expect(await user.post(`${HOOKS}/${id}/rotate-secret`, {})).toMatchObject({
      status: 422,
      body: { detail: expect.stringContaining('first_party') },
    })
  })

  test.each([
    { secret: 'whsec_' },
    { secret: `whsec_${randomBytes(23).toString('base64')}` },
    { secret: `whsec_${randomBytes(65).toString('base64')}` },
    { secret: randomBytes(32).toString('base64') },
    { secret: 7 },
    { keep_seconds: -1 },
    { keep_seconds: 'long' },
    { keep_seconds: 1e9 },
  ])('is not rotated with %j', async (body) => {
    const { user, secret, url } = await withWebhook()
    expect((await user.post(`${url}/rotate-secret`, body)).status).toBe(422)
    await sent(user)
    expect(signers(secret)).toEqual([true])
  })
})

test.each([
  'webhook',
  'webhook:',
  'webhook:with space',
  'webhook:a/b',
  `webhook:${'x'.repeat(81)}`,
  'webhooks:a',
  'auto_embed:a',
  'webhook:a:b',
  'webhook:é',
])('the name %j is 422 with the valid names', async (hook_name) => {
  const user = await app.newUser()
  const reply = await webhook(user, {}, { hook_name })
  expect(reply.status).toBe(422)
  expect(reply.body.detail).toContain('auto_embed, auto_summarize, auto_graph, webhook:<label>')
})

test('labels distinguish webhooks of one event, and the type may be given', async () => {
  const user = await app.newUser()
  for (const label of ['a', 'A.b-c_1', 'x'.repeat(80)])
    expect((await webhook(user, {}, { hook_name: `webhook:${label}`, hook_type: 'webhook' })).status).toBe(201)
  expect((await webhook(user, {}, { hook_name: 'webhook:a' })).status).toBe(409)
  for (const hook_type of ['first_party', 'function', 'other'])
    expect((await webhook(user, {}, { hook_name: 'webhook:b', hook_type })).status).toBe(422)
  expect((await webhook(user, {}, { hook_name: 'auto_embed', hook_type: 'webhook' })).status).toBe(422)
  await publish(user)
  expect(await user.runs()).toHaveLength(3)
  expect(new Set(receiver.messages.map(({ headers }) => headers['webhook-id'])).size).toBe(3)
})

const BAD_CONFIGS: [string, Record<string, unknown>, (string | number)[]][] = [
  ['no url', { url: undefined }, ['url']],
  ['an invalid url', { url: 'example.com' }, ['url']],
  ['another protocol', { url: 'ftp://example.com' }, ['url']],
  ['a script', { url: 'javascript:alert(1)' }, ['url']],
  ['a password', { url: 'https://me:pass@example.com' }, ['url']],
  ['a user', { url: 'https://me@example.com' }, ['url']],
  ['a long url', { url: `https://example.com/${'x'.repeat(2048)}` }, ['url']],
  ['host', { headers: { Host: 'inside' } }, ['headers', 'Host']],
  ['content-length', { headers: { 'content-length': '0' } }, ['headers', 'content-length']],
  ['transfer-encoding', { headers: { 'Transfer-Encoding': 'chunked' } }, ['headers', 'Transfer-Encoding']],
  ['connection', { headers: { connection: 'close' } }, ['headers', 'connection']],
  ['a signature', { headers: { 'Webhook-Signature': 'v1,x' } }, ['headers', 'Webhook-Signature']],
  ['a chain', { headers: { 'x-zerodb-chain': 'x' } }, ['headers', 'x-zerodb-chain']],
  ['no name', { headers: { '': 'x' } }, ['headers', '']],
  ['a name with a line break', { headers: { 'a\r\nb': 'x' } }, ['headers', 'a\r\nb']],
  ['a value with a line break', { headers: { a: 'x\r\ny: z' } }, ['headers', 'a']],
  ['a value that is not a text', { headers: { a: 1 } }, ['headers', 'a']],
  ['21 headers', { headers: Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`x-${i}`, ''])) }, ['headers']],
  ['no time', { timeout_seconds: 0 }, ['timeout_seconds']],
  ['too much time', { timeout_seconds: 61 }, ['timeout_seconds']],
]

test.each(BAD_CONFIGS)('a configuration with %s is 422, at creation and at an update', async (_, config, place) => {
  const { user, hook, url } = await withWebhook()
  const replies = [
    await webhook(user, config, { hook_name: 'webhook:bad' }),
    await user.patch(url, { hook_config: { url: receiver.url, ...config } }),
  ]
  for (const reply of replies) {
    expect(reply.status).toBe(422)
    expect(reply.body.detail.map(({ loc }: { loc: string[] }) => loc)).toEqual([['body', 'hook_config', ...place]])
  }
  expect((await user.get(HOOKS)).body).toEqual([hook])
})

test('a secret in an update is 422, and the error names the right operation', async () => {
  const { user, url } = await withWebhook()
  const secret = `whsec_${randomBytes(32).toString('base64')}`
  const reply = await user.patch(url, { hook_config: { url: receiver.url, secret } })
  expect(reply.status).toBe(422)
  expect(reply.body.detail).toMatchObject([
    { loc: ['body', 'hook_config', 'secret'], msg: expect.stringContaining('rotate-secret') },
  ])
  expect(JSON.stringify(reply.body)).not.toContain(secret.slice(6))
})

test('a webhook to this server itself is created with a warning, and so is an update to one', async () => {
  const user = await app.newUser()
  const { port } = app.system.app.config
  const own = [`http://localhost:${port}/api/v1/x`, `http://127.0.0.1:${port}/`, `http://127.8.8.8:${port}/`]
  for (const [i, url] of own.entries()) {
    const reply = await webhook(user, { url }, { hook_name: `webhook:own-${i}` })
    expect(reply).toMatchObject({ status: 201, body: { warnings: [expect.stringContaining('this server itself')] } })
  }
  for (const url of [`http://127.0.0.1:${port + 1}/`, `http://example.com:${port}/`]) {
    const reply = await webhook(user, { url }, { hook_name: `webhook:${randomUUID()}` })
    expect(reply.status).toBe(201)
    expect(reply.body).not.toHaveProperty('warnings')
  }
  const { hook, url, ...other } = await withWebhook()
  const changed = await other.user.patch(url, { hook_config: { url: own[0] } })
  expect(changed.body.warnings).toHaveLength(1)
  expect((await other.user.get(url)).body).toEqual({ ...hook, ...changed.body, warnings: undefined })
})
