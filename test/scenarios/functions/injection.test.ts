import https from 'node:https'
import type { AddressInfo } from 'node:net'
import tls from 'node:tls'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { createAuthority } from '../../../src/sandbox/network/authority.ts'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'

const FUNCTIONS = '/api/v1/functions'
const LANGUAGES = ['nodejs', 'python'] as const
const VALUE = 'sk-of-the-first-tenant'

let app: TestApp
let server: https.Server
let host: string
/** The header x-key of each request that the host has received. */
let keys: (string | undefined)[] = []

beforeAll(async () => {
  const authority = await createAuthority()
  server = https.createServer(await authority.issue('127.0.0.1'), (request, response) => {
    keys.push(request.headers['x-key'] as string | undefined)
    response.end(JSON.stringify({ from: 'outside' }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  // The host's certificate is of an authority that only this test trusts.
  const { connect } = tls
  vi.spyOn(tls, 'connect').mockImplementation(((options: tls.ConnectionOptions) =>
    connect({ ...options, ca: authority.certificate })) as never)
  app = await openTestApp({ ZERODB_ALLOW_NETWORKS: '127.0.0.0/8' })
})
afterAll(async () => {
  vi.restoreAllMocks()
  await app.close()
  server.close()
  server.closeAllConnections()
})
beforeEach(() => {
  keys = []
})

/** A handler that requests the host of its payload, and returns the response and what it knows about secrets. */
const ASK = {
  nodejs: `export default async ({ data }, ctx) => {
    const reply = await fetch('https://' + data.host + '/', { headers: { 'x-key': 'own' } }).catch((error) => error)
    const known = JSON.stringify([ctx.env, process.env])
    return { got: reply instanceof Error ? reply.cause.message : await reply.json(), known }
  }`,
  python: `
import json, os, urllib.request
def handler(event, ctx):
    request = urllib.request.Request('https://' + event['data']['host'] + '/', headers={'x-key': 'own'})
    try:
        got = json.load(urllib.request.urlopen(request))
    except OSError as error:
        got = str(error)
    return {'got': got, 'known': json.dumps([dict(ctx.env), dict(os.environ)])}
`,
}

const config = (secret = 'KEY', rest: object = {}) => ({
  network: { allow: [host], inject: { [host]: { headers: { 'X-Key': `v1 \${${secret}}` } } } },
  ...rest,
})
const setSecret = async (user: TestUser, name: string, value: string) =>
  expect((await user.request('PUT', `/api/v1/secrets/${name}`, { body: { value } })).status).toBe(200)

async function deploy(user: TestUser, runtime: keyof typeof ASK, given: object = config(), rest: object = {}) {
  return user.post(FUNCTIONS, { name: 'asks', runtime, source: ASK[runtime], config: given, ...rest })
}

async function ask(user: TestUser) {
  const { body } = await user.post(`${FUNCTIONS}/asks/invoke`, { payload: { host } })
  expect(body).toMatchObject({ status: 'succeeded' })
  const run = (await user.runs()).find(({ id }) => id === body.run_id)!
  return { result: body.result as { got: unknown; known: string }, run }
}

test.each(LANGUAGES)('a function in %s sends the header, and its run has no value', async (runtime) => {
  const user = await app.newUser()
  await setSecret(user, 'KEY', VALUE)
  expect((await deploy(user, runtime)).status).toBe(201)
  const { result, run } = await ask(user)
  expect(result.got).toEqual({ from: 'outside' })
  expect(keys).toEqual([`v1 ${VALUE}`])
  expect(result.known).not.toContain(VALUE)
  expect(run).toMatchObject({ requests: [{ host: '127.0.0.1', allowed: true, reason: null, injected: true }] })
  expect(JSON.stringify([run, (await user.get(`${FUNCTIONS}/asks`)).body])).not.toContain(VALUE)
  expect(await user.trail()).toEqual({ events: [], runs: ['asks succeeded'] })
})

test('a secret that the config lists as well is also in ctx.env', async () => {
  const user = await app.newUser()
  await setSecret(user, 'KEY', VALUE)
  await deploy(user, 'nodejs', config('KEY', { secrets: ['KEY'] }))
  const { result } = await ask(user)
  expect(JSON.parse(result.known)[0]).toEqual({ KEY: VALUE })
  expect(keys).toEqual([`v1 ${VALUE}`])
})

test('a new value is sent from the next call on; a deleted secret is named in the refusal', async () => {
  const user = await app.newUser()
  await setSecret(user, 'KEY', VALUE)
  await deploy(user, 'nodejs')
  await ask(user)
  await setSecret(user, 'KEY', 'another-value')
  await ask(user)
  expect(keys).toEqual([`v1 ${VALUE}`, 'v1 another-value'])
  await user.request('DELETE', '/api/v1/secrets/KEY')
  const { result, run } = await ask(user)
  const reason = `the secret KEY, which inject of this function needs for ${host}, is not set: set it, or change the config`
  expect(result.got).toBe(reason)
  expect(run).toMatchObject({ requests: [{ allowed: false, reason, injected: false }] })
  await setSecret(user, 'KEY', 'two\nlines')
  expect((await ask(user)).result.got).toContain('the secret KEY has characters that a header')
  expect(keys).toHaveLength(2)
})

test('a secret that is not set is an error at deploy, also in a dry run, and stores nothing', async () => {
  const user = await app.newUser()
  for (const rest of [{}, { dry_run: true }]) {
    const { status, body } = await deploy(user, 'nodejs', config('MISSING'), rest)
    expect(status).toBe(422)
    expect(body).toMatchObject({
      detail: [
        {
          loc: ['body', 'config', 'network', 'inject', host, 'headers', 'x-key'],
          msg: 'The secret MISSING is not set: set it before, or use another name',
        },
      ],
    })
  }
  expect((await user.get(`${FUNCTIONS}/asks`)).status).toBe(404)
})

test.each([
  ['a host that is not in allow', { 'api.example.com': { headers: { a: 'b' } } }, 'api.example.com'],
  ['a wildcard', { '*.example.com': { headers: { a: 'b' } } }, 'must name one host'],
  ['no header', { HOST: { headers: {} } }, 'at least one header'],
  ['a header of the protocol', { HOST: { headers: { Host: 'b' } } }, 'belongs to the protocol'],
  ['a header that is given twice', { HOST: { headers: { 'X-Key': 'a', 'x-key': 'b' } } }, 'is given twice'],
  [
    'a host that is given twice',
    { 'api.example.com': { headers: { a: 'b' } }, 'API.example.com:443': { headers: { a: 'c' } } },
    'is given twice',
  ],
  ['a name that is not valid', { HOST: { headers: { 'a b': 'b' } } }, 'name of a header'],
  ['a line break', { HOST: { headers: { a: 'b\r\nc: d' } } }, 'printable ASCII'],
  [
    'a name of a secret that is not valid',
    { HOST: { headers: { a: `$${'{not a name}'}` } } },
    'without the name of a secret',
  ],
  ['an unknown field', { HOST: { headers: { a: 'b' }, query: {} } }, 'query'],
])('the config refuses %s', async (_, inject, message) => {
  const user = await app.newUser()
  const placed = Object.fromEntries(Object.entries(inject).map(([name, each]) => [name === 'HOST' ? host : name, each]))
  const { status, body } = await deploy(user, 'nodejs', { network: { allow: [host], inject: placed } })
  expect(status).toBe(422)
  expect(body.detail[0].loc.slice(0, 4)).toEqual(['body', 'config', 'network', 'inject'])
  expect(JSON.stringify(body.detail).toLowerCase()).toContain(message.toLowerCase())
})

test('deployments and comparisons show changes of injected headers with the names of secrets', async () => {
  const user = await app.newUser()
  await setSecret(user, 'KEY', VALUE)
  await setSecret(user, 'OTHER', 'other-value')
  const [one, two] = [`${host} x-key: v1 \${KEY}`, `${host} x-key: v1 \${OTHER}`]
  expect((await deploy(user, 'nodejs')).body.network).toEqual({
    added: [host],
    removed: [],
    injects: { added: [one], removed: [] },
  })
  const changed = { added: [], removed: [], injects: { added: [two], removed: [one] } }
  expect((await deploy(user, 'nodejs', config('OTHER'))).body.network).toEqual(changed)
  expect((await user.get(`${FUNCTIONS}/asks/diff`)).body.network).toEqual(changed)
  await ask(user)
  expect(keys).toEqual(['v1 other-value'])
})

test('two users with one host have their own secrets', async () => {
  const users = [await app.newUser(), await app.newUser()] as const
  for (const [i, user] of users.entries()) {
    await setSecret(user, 'KEY', `value-of-user-${i}`)
    await deploy(user, 'nodejs')
  }
  for (const user of users) await ask(user)
  expect(keys).toEqual(['v1 value-of-user-0', 'v1 value-of-user-1'])
})

test('a program in sandbox/execute injects secrets of its project, for keys that may deploy', async () => {
  const user = await app.newUser()
  await setSecret(user, 'KEY', VALUE)
  const program = {
    language: 'javascript',
    code: `export default await (await fetch('https://${host}/')).json()`,
    network: config().network,
  }
  const { body } = await user.post('/api/v1/sandbox/execute', program)
  expect(body).toMatchObject({ status: 'ok', result: { from: 'outside' }, requests: [{ injected: true }] })
  expect(keys).toEqual([`v1 ${VALUE}`])
  const missing = await user.post('/api/v1/sandbox/execute', { ...program, network: config('MISSING').network })
  expect(missing).toMatchObject({
    status: 422,
    body: { detail: [{ loc: ['body', 'network', 'inject', host, 'headers', 'x-key'] }] },
  })
  const key = (await user.post('/api/v1/auth/keys', { name: 'calls', scopes: ['functions:invoke'] })).body.key
  const refused = await app.request('POST', '/api/v1/sandbox/execute', {
    headers: { 'x-api-key': key },
    body: program,
  })
  expect(refused.status).toBe(403)
  expect(JSON.stringify(refused.body)).toContain('functions:write')
  expect(keys).toHaveLength(1)
})
