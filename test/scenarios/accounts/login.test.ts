import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { withDerivationSlot } from '../../../src/auth/derivations.ts'
import { openTestApp, type Reply, type TestApp } from '../../support/app.ts'

let app: TestApp
beforeAll(async () => {
  app = await openTestApp({ ZERODB_REGISTRATION: 'on' })
})
afterAll(() => app.close())

const AUTH = '/api/v1/auth'
let people = 0

function post(path: string, body: unknown): Promise<Reply> {
  return app.request('POST', `${AUTH}/${path}`, { body })
}
function me(token: string): Promise<Reply> {
  return app.request('GET', `${AUTH}/me`, { headers: { authorization: `Bearer ${token}` } })
}
async function newPerson(): Promise<{ email: string; password: string; reply: Reply }> {
  const account = { email: `person${++people}@example.test`, password: 'correct horse battery' }
  return { ...account, reply: await post('register', account) }
}

describe('accounts', () => {
  test('registering returns the account, and tokens that work', async () => {
    const { email, reply } = await newPerson()
    expect(reply.status).toBe(201)
    expect(reply.body).toMatchObject({ email, token_type: 'bearer', expires_in: 3600, is_active: true })
    expect(JSON.stringify(reply.body)).not.toContain('password')
    expect((await me(reply.body.access_token)).body).toMatchObject({ id: reply.body.id, email })
  })

  test('an address can register once, in any case', async () => {
    const { email, password } = await newPerson()
    const again = await post('register', { email: email.toUpperCase(), password })
    expect(again.status).toBe(409)
    expect(again.body.code).toBe('email_taken')
  })

  test('A5: registering twice with one address is 409, in the same spelling, in another, and concurrently', async () => {
    const { email, password } = await newPerson()
    for (const again of [email, email.toUpperCase()])
      expect(await post('register', { email: again, password })).toMatchObject({
        status: 409,
        body: { code: 'email_taken' },
      })
    const account = { email: `person${++people}@example.test`, password }
    const replies = await Promise.all([post('register', account), post('register', account)])
    expect(replies.map(({ status }) => status).sort()).toEqual([201, 409])
  })

  test('a short password and a malformed address are reported', async () => {
    const reply = await post('register', { email: 'not-an-address', password: 'short' })
    expect(reply.status).toBe(422)
    expect(reply.body.detail.map((field: { loc: unknown }) => field.loc)).toEqual([
      ['body', 'email'],
      ['body', 'password'],
    ])
  })

  test('registration is off unless the owner enables it', async () => {
    const closed = await openTestApp()
    const reply = await closed.request('POST', `${AUTH}/register`, {
      body: { email: 'a@example.test', password: 'correct horse battery' },
    })
    await closed.close()
    expect(reply.status).toBe(403)
    expect(reply.body.detail).toContain('ZERODB_REGISTRATION')
  })
})

describe('login', () => {
  test('returns tokens for the right password and 401 for a wrong one or an unknown user', async () => {
    const { email, password } = await newPerson()
    expect((await post('login', { email, password })).body).toMatchObject({ token_type: 'bearer', expires_in: 3600 })
    const wrong = await post('login', { email, password: 'wrong' })
    const stranger = await post('login', { email: 'stranger@example.test', password })
    for (const reply of [wrong, stranger]) {
      expect(reply.status).toBe(401)
      expect(reply.headers['www-authenticate']).toBe('Bearer')
      expect(reply.body.detail).toBe('Incorrect e-mail or password')
    }
  })

  test('after ten failures the address must wait, even with the right password', async () => {
    const { email, password } = await newPerson()
    for (let i = 0; i < 10; i++) expect((await post('login', { email, password: 'wrong' })).status).toBe(401)
    const refused = await post('login', { email, password })
    expect(refused.status).toBe(429)
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
    app.clock.advance(601)
    expect((await post('login', { email, password })).status).toBe(200)
  }, 120_000)

  test('a token is refused if it has expired, was changed or has another signature', async () => {
    const { reply } = await newPerson()
    const token: string = reply.body.access_token
    const [head, body, signature] = token.split('.')
    const forged = `${head}.${Buffer.from(JSON.stringify({ sub: 'x', iss: 'zerodb', aud: 'zerodb' })).toString('base64url')}.${signature}`
    const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${body}.`
    for (const bad of [forged, unsigned]) expect((await me(bad)).status).toBe(401)
    app.clock.advance(3_700)
    expect((await me(token)).status).toBe(401)
  })

  test('a logged-in user has all permissions on their objects', async () => {
    const { reply } = await newPerson()
    const headers = { authorization: `Bearer ${reply.body.access_token}` }
    const remembered = await app.request('POST', '/api/v1/public/memory/v2/remember', {
      headers,
      body: { content: 'hello' },
    })
    expect(remembered.status).toBe(200)
    const [project] = (await app.request('GET', '/api/v1/projects', { headers })).body
    expect(project.id).toBe(reply.body.default_project_id)
  })
})

test('A4: if the queue is full, logins and registrations are 429 and uploads still work', async () => {
  const { email, password } = await newPerson()
  const user = await app.newUser()
  let finish = () => {}
  const finished = new Promise<void>((resolve) => {
    finish = resolve
  })
  const occupied = Array.from({ length: 22 }, () => withDerivationSlot(() => finished))
  try {
    for (const reply of [
      await post('login', { email, password }),
      await post('login', { email: 'stranger@example.test', password }),
      await post('register', { email: 'late@example.test', password }),
    ])
      expect(reply).toMatchObject({
        status: 429,
        headers: { 'retry-after': '2' },
        body: { code: 'rate_limited', detail: 'Too many logins at once: try again in 2 s' },
      })
    const upload = { file_name: 'a.txt', file_content: 'aGVsbG8=' }
    expect((await user.post(`${user.database}/files/upload`, upload)).status).toBe(200)
  } finally {
    finish()
    await Promise.all(occupied)
  }
  expect((await post('login', { email, password })).status).toBe(200)
})

test('A4: attempts that waited in the queue count the failures before them', async () => {
  const { email } = await newPerson()
  for (let i = 0; i < 8; i++) app.system.app.logins.byEmail.count(email)
  const replies = await Promise.all(Array.from({ length: 8 }, () => post('login', { email, password: 'wrong' })))
  const refused = replies.filter(({ status }) => status === 429)
  // Two derivations run concurrently, so one attempt may start before the tenth failure is counted.
  expect(replies.length - refused.length).toBeGreaterThanOrEqual(2)
  expect(replies.length - refused.length).toBeLessThanOrEqual(3)
})

describe('A4: failed logins are counted per client', () => {
  const login = (of: TestApp, forwarded: string) =>
    of.request('POST', `${AUTH}/login`, {
      headers: { 'x-forwarded-for': forwarded },
      body: { email: `${++people}@example.test`, password: 'wrong' },
    })

  test('by the address of the connection, whatever X-Forwarded-For contains', async () => {
    const { byClient } = app.system.app.logins
    app.clock.advance(601)
    for (let i = 0; i < 99; i++) byClient.count('127.0.0.1')
    expect((await login(app, '203.0.113.7')).status).toBe(401)
    const refused = await login(app, '203.0.113.8')
    expect(refused).toMatchObject({ status: 429, body: { code: 'rate_limited' } })
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
    app.clock.advance(601)
    expect((await login(app, '203.0.113.8')).status).toBe(401)
  })

  test('by the address that a trusted proxy reports, an IPv6 client by its network', async () => {
    const behind = await openTestApp({ ZERODB_TRUSTED_PROXIES: '127.0.0.1, 10.0.0.0/8' })
    try {
      const { byClient } = behind.system.app.logins
      for (let i = 0; i < 99; i++) for (const client of ['203.0.113.7', '2001:db8::/64']) byClient.count(client)
      expect((await login(behind, '203.0.113.7, 10.1.2.3')).status).toBe(401)
      expect((await login(behind, '198.51.100.1, 203.0.113.7, 10.1.2.3')).status).toBe(429)
      expect((await login(behind, '2001:db8::1')).status).toBe(401)
      expect((await login(behind, '2001:db8::ffff')).status).toBe(429)
      expect((await login(behind, '198.51.100.1')).status).toBe(401)
    } finally {
      await behind.close()
    }
  })
})

describe('refresh', () => {
  test('a refresh token can be used once, and its successor continues the login', async () => {
    const { reply } = await newPerson()
    const second = await post('refresh', { refresh_token: reply.body.refresh_token })
    expect(second.status).toBe(200)
    expect((await me(second.body.access_token)).status).toBe(200)
    expect((await post('refresh', { refresh_token: second.body.refresh_token })).status).toBe(200)
  })

  test('a refresh token that is used twice ends the login', async () => {
    const { reply } = await newPerson()
    const second = await post('refresh', { refresh_token: reply.body.refresh_token })
    expect((await post('refresh', { refresh_token: reply.body.refresh_token })).status).toBe(401)
    expect((await post('refresh', { refresh_token: second.body.refresh_token })).status).toBe(401)
  })

  test('logout ends it', async () => {
    const { reply } = await newPerson()
    expect((await post('logout', { refresh_token: reply.body.refresh_token })).body).toEqual({ status: 'ok' })
    expect((await post('refresh', { refresh_token: reply.body.refresh_token })).status).toBe(401)
  })

  test('it expires after thirty days', async () => {
    const { reply } = await newPerson()
    app.clock.advance(31 * 86_400)
    expect((await post('refresh', { refresh_token: reply.body.refresh_token })).status).toBe(401)
  })
})

describe('keys over the API', () => {
  test('a key is shown once, works within its scopes, and stops working when revoked', async () => {
    const user = await app.newUser()
    const made = await user.post(`${AUTH}/keys`, { name: 'reader', scopes: ['zerodb:read', 'hooks:read'] })
    expect(made.status).toBe(201)
    expect(made.body).toMatchObject({
      name: 'reader',
      scopes: ['zerodb:read', 'hooks:read'],
      expires_at: null,
      revoked_at: null,
    })
    const headers = { 'x-api-key': made.body.key }
    expect((await app.request('GET', '/api/v1/hooks', { headers })).status).toBe(200)
    expect((await app.request('POST', `${user.database}/tables`, { headers, body: { table_name: 't' } })).status).toBe(
      403,
    )
    const listed = await user.get(`${AUTH}/api-keys`)
    expect(listed.body.map((key: { name: string }) => key.name)).toEqual(['test', 'reader'])
    expect(JSON.stringify(listed.body)).not.toContain(made.body.key)
    expect((await user.delete(`${AUTH}/api-keys/${made.body.id}`)).status).toBe(204)
    expect((await app.request('GET', '/api/v1/hooks', { headers })).status).toBe(401)
    expect((await user.delete(`${AUTH}/api-keys/${made.body.id}`)).status).toBe(404)
  })

  test('a key expires at the end of its lifetime', async () => {
    const user = await app.newUser()
    const made = await user.post(`${AUTH}/api-keys`, { name: 'short', ttl_seconds: 3600 })
    const headers = { 'x-api-key': made.body.key }
    expect((await app.request('GET', '/api/v1/hooks', { headers })).status).toBe(200)
    app.clock.advance(3_700)
    expect((await app.request('GET', '/api/v1/hooks', { headers })).status).toBe(401)
  })

  test('a misspelt scope or lifetime does not create a key with all permissions', async () => {
    const user = await app.newUser()
    const reply = await user.post(`${AUTH}/api-keys`, { name: 'a', permissions: ['zerodb:read'], expires_in: 60 })
    expect(reply.status).toBe(422)
    expect(reply.body.detail).toMatchObject([
      {
        type: 'extra_forbidden',
        loc: ['body', 'permissions'],
        msg: expect.stringContaining('Extra inputs are not permitted'),
      },
      { type: 'extra_forbidden', loc: ['body', 'expires_in'] },
    ])
    expect((await user.get(`${AUTH}/api-keys`)).body).toHaveLength(1)
  })

  test('a key cannot create one with more permissions or for another project', async () => {
    const user = await app.newUser()
    const maker = await user.post(`${AUTH}/api-keys`, { name: 'maker', scopes: ['keys:write', 'zerodb:read'] })
    const as = (body: unknown) =>
      app.request('POST', `${AUTH}/api-keys`, { headers: { 'x-api-key': maker.body.key }, body })
    expect((await as({ name: 'more', scopes: ['*'] })).status).toBe(403)
    expect((await as({ name: 'more', scopes: ['zerodb:write'] })).status).toBe(403)
    expect((await as({ name: 'same', scopes: ['zerodb:read'] })).status).toBe(201)
    const bound = await app.boundKey(user, await user.project())
    const made = await app.request('POST', `${AUTH}/api-keys`, { headers: { 'x-api-key': bound }, body: { name: 'b' } })
    expect(made.body.project_id).not.toBe(null)
    const elsewhere = { name: 'c', project_id: user.project_id }
    expect(
      (await app.request('POST', `${AUTH}/api-keys`, { headers: { 'x-api-key': bound }, body: elsewhere })).status,
    ).toBe(404)
  })
})
