import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Config } from '../../../src/config.ts'
import { MAX_HOST_PATTERNS } from '../../../src/platform/network-policy.ts'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'

const FUNCTIONS = '/api/v1/functions'
const EXECUTE = '/api/v1/sandbox/execute'
const SOURCE = 'export default () => 1'
const injects = { added: [], removed: [] }
const NOTHING = { added: [], removed: [], injects }

type Network = unknown

/** Deploys a function whose network is configured in the request. */
const deploy = (user: TestUser, name: string, network: Network, rest: Record<string, unknown> = {}) =>
  user.post(FUNCTIONS, { name, runtime: 'nodejs', source: SOURCE, config: { network }, ...rest })
const execute = (user: TestUser, network: Network) =>
  user.post(EXECUTE, { language: 'python', code: 'result = 1', network })

describe('with the default setting', () => {
  let app: TestApp
  let user: TestUser
  beforeAll(async () => {
    app = await openTestApp()
    user = await app.newUser()
  })
  afterAll(() => app.close())

  test('the policy is stored with the version in its normal form, and its changes are shown', async () => {
    const first = await deploy(user, 'calls', [' API.example.com', '*.Example.org', 'db.example.com:5432'])
    expect(first).toMatchObject({
      status: 201,
      body: {
        version: 1,
        config: { network: { allow: ['api.example.com', '*.example.org', 'db.example.com:5432'] } },
        network: { added: ['api.example.com', '*.example.org', 'db.example.com:5432'], removed: [], injects },
      },
    })
    const wanted = { allow: ['api.example.com', 'other.example.com'] }
    const changes = { added: ['other.example.com'], removed: ['*.example.org', 'db.example.com:5432'], injects }
    const dry = await deploy(user, 'calls', wanted, { dry_run: true })
    expect(dry).toMatchObject({ status: 200, body: { dry_run: true, version: 2, network: changes } })
    const second = await deploy(user, 'calls', wanted)
    expect(second).toMatchObject({ status: 201, body: { version: 2, config: { network: wanted }, network: changes } })
    const again = await deploy(user, 'calls', wanted)
    expect(again).toMatchObject({ status: 200, body: { version: 2, changed: false, network: NOTHING } })

    expect((await user.get(`${FUNCTIONS}/calls`)).body.config.network).toEqual(wanted)
    expect((await user.get(`${FUNCTIONS}/calls/versions/1`)).body.config.network.allow).toHaveLength(3)
    expect((await user.get(`${FUNCTIONS}/calls/diff`)).body).toMatchObject({ from: 1, to: 2, network: changes })
    const rolledBack = await user.post(`${FUNCTIONS}/calls/rollback`, {})
    expect(rolledBack.body).toMatchObject({
      version: 1,
      network: { added: ['*.example.org', 'db.example.com:5432'], removed: ['other.example.com'], injects },
    })
    expect(rolledBack.body.warnings).toBeUndefined()
    expect(await user.trail()).toEqual({ events: [], runs: [] })
  })

  test('a function without `network`, or with null, has none', async () => {
    for (const [name, config] of Object.entries({ absent: {}, none: { network: null } })) {
      const { status, body } = await user.post(FUNCTIONS, { name, runtime: 'nodejs', source: SOURCE, config })
      expect([status, body.network]).toEqual([201, NOTHING])
      expect(body.config).not.toHaveProperty('network')
    }
    expect((await execute(user, null)).body).toMatchObject({ result: 1, requests: [], requests_omitted: 0 })
  })

  test('the file declares the policy, and the request replaces it', async () => {
    const source = `export const config = { network: ['a.example.com'] }\n${SOURCE}`
    const fromFile = await user.post(FUNCTIONS, { name: 'file', runtime: 'nodejs', source })
    expect(fromFile.body.config.network).toEqual({ allow: ['a.example.com'] })
    const replaced = await user.post(FUNCTIONS, { name: 'file', runtime: 'nodejs', source, config: { network: null } })
    expect(replaced.body).toMatchObject({ version: 2, network: { added: [], removed: ['a.example.com'] } })
    const python = 'config = {"network": {"allow": ["b.example.com"]}}\ndef handler(event, ctx): return 1'
    const inPython = await user.post(FUNCTIONS, { name: 'python', runtime: 'python', source: python })
    expect(inPython.body.config.network).toEqual({ allow: ['b.example.com'] })
  })

  test.each<[what: string, network: Network, path: (string | number)[], message: string]>([
    ['a scheme', ['a.example.com', 'https://b.example.com'], [1], 'Must be a host without a scheme'],
    ['a scheme in an object', { allow: ['http://b.example.com'] }, ['allow', 0], 'Must be a host without a scheme'],
    ['a path', ['b.example.com/v1'], [0], 'Must be a host without a path'],
    ['all hosts', ['*'], [0], 'Must name a host'],
    ['a whole top-level domain', ['*.com'], [0], 'Is too wide'],
    ['a star inside', ['api.*.com'], [0], 'May have "*" only as the whole first part'],
    ['a wrong port', ['b.example.com:70000'], [0], 'Has a port that is not a number from 1 to 65535'],
    ['an empty pattern', [''], [0], 'Must not be empty'],
    ['an address in decimal', ['2130706433'], [0], 'Has a host that is not valid'],
    ['a number', [443], [0], 'Input should be a valid string'],
    ['a text instead of a list', 'b.example.com', [], 'Input should be a valid list'],
    ['an unknown field', { allow: [], deny: [] }, ['deny'], 'Extra inputs are not permitted'],
    ['an object without list', {}, ['allow'], 'Field required'],
    ['too many', Array(MAX_HOST_PATTERNS + 1).fill('b.example.com'), [], 'List should have at most 100 items'],
  ])('%s is 422 with the path', async (_, network, path, message) => {
    const deployed = await deploy(user, 'wrong', network)
    expect(deployed).toMatchObject({ status: 422, body: { code: 'validation_failed' } })
    expect(deployed.body.detail).toMatchObject([
      { loc: ['body', 'config', 'network', ...path], msg: expect.stringContaining(message) },
    ])
    expect((await user.get(`${FUNCTIONS}/wrong`)).status).toBe(404)
    const executed = await execute(user, network)
    expect(executed.status).toBe(422)
    expect(executed.body.detail).toMatchObject([
      { loc: ['body', 'network', ...path], msg: expect.stringContaining(message) },
    ])
  })

  test('the policy of a function is not shown to another user', async () => {
    await deploy(user, 'private', ['private.example.com'])
    const other = await app.newUser()
    expect((await other.get(`${FUNCTIONS}/private`)).status).toBe(404)
    const own = await deploy(other, 'private', ['other.example.com'])
    expect(own).toMatchObject({
      status: 201,
      body: { version: 1, network: { added: ['other.example.com'], removed: [], injects } },
    })
    expect((await user.get(`${FUNCTIONS}/private`)).body.config.network).toEqual({ allow: ['private.example.com'] })
  })
})

describe('with a maximal list', () => {
  let app: TestApp
  let user: TestUser
  beforeAll(async () => {
    app = await openTestApp({ ZERODB_FUNCTIONS_NETWORK: '*.example.com, db.example.org:5432' })
    user = await app.newUser()
  })
  afterAll(() => app.close())

  test('hosts within it are accepted', async () => {
    const inside = ['api.example.com', '*.eu.example.com', 'db.example.org:5432']
    expect(await deploy(user, 'inside', inside)).toMatchObject({ status: 201, body: { network: { added: inside } } })
    expect((await execute(user, inside)).body).toMatchObject({ status: 'ok', result: 1 })
  })

  test.each(['example.com', 'db.example.org', 'api.example.com:8443', '*.example.org', 'other.example.net'])(
    '%s exceeds it: 422 that names the setting',
    async (host) => {
      const message = `ZERODB_FUNCTIONS_NETWORK of this server does not allow "${host}"`
      const deployed = await deploy(user, 'outside', ['api.example.com', host])
      expect(deployed).toMatchObject({ status: 422, body: { code: 'validation_failed' } })
      expect(deployed.body.detail).toMatchObject([
        { loc: ['body', 'config', 'network'], input: host, msg: expect.stringContaining(message) },
      ])
      const executed = await execute(user, ['api.example.com', host])
      expect(executed.status).toBe(422)
      expect(executed.body.detail).toMatchObject([
        { loc: ['body', 'network'], input: host, msg: expect.stringContaining(message) },
      ])
    },
  )
})

describe('with the setting off', () => {
  let app: TestApp
  let user: TestUser
  beforeAll(async () => {
    app = await openTestApp({ ZERODB_FUNCTIONS_NETWORK: 'off' })
    user = await app.newUser()
  })
  afterAll(() => app.close())

  test('a policy is 422 that names the setting, and code without one runs', async () => {
    const message = 'ZERODB_FUNCTIONS_NETWORK of this server is off'
    for (const reply of [await deploy(user, 'any', ['a.example.com']), await execute(user, ['a.example.com'])]) {
      expect(reply.status).toBe(422)
      expect(reply.body.detail).toMatchObject([{ input: 'a.example.com', msg: expect.stringContaining(message) }])
    }
    expect((await deploy(user, 'any', undefined)).status).toBe(201)
    expect((await execute(user, undefined)).body).toMatchObject({ result: 1 })
  })
})

describe('after a start with a narrower setting', () => {
  let app: TestApp
  let user: TestUser
  const start = (setting: Config['functionsNetwork'], project_id: string) => {
    app.system.app.config.functionsNetwork = setting
    app.system.app.functions.changed(project_id)
  }
  const programOf = async (name: string) => (await app.system.app.functions.byName(user.project_id, name))!.program
  beforeAll(async () => {
    app = await openTestApp()
    user = await app.newUser()
  })
  afterAll(() => app.close())

  test('a function keeps only the hosts that the setting allows, and its log says so', async () => {
    await deploy(user, 'wide', ['a.example.com', 'b.example.org'])
    await deploy(user, 'wide', ['a.example.com'])
    await deploy(user, 'wide', ['a.example.com', 'b.example.org'])
    expect((await programOf('wide')).network).toEqual({ allow: ['a.example.com', 'b.example.org'] })
    const messages = async () => {
      const { run_id } = (await user.post(`${FUNCTIONS}/wide/invoke`, {})).body
      const lines = (await user.runs()).find(({ id }) => id === run_id)!.logs
      return lines.map(({ level, message }) => `${level} ${message}`)
    }
    expect(await messages()).toEqual([])

    start({ allow: ['*.example.com'] }, user.project_id)
    expect((await programOf('wide')).network).toEqual({ allow: ['a.example.com'] })
    expect(await messages()).toEqual([
      'warn ZERODB_FUNCTIONS_NETWORK of this server does not allow "b.example.org": name hosts that it allows, or ask its operator',
    ])

    start('off', user.project_id)
    expect((await programOf('wide')).network).toBeNull()
    expect(await messages()).toEqual([expect.stringMatching(/^warn ZERODB_FUNCTIONS_NETWORK of this server is off/)])

    // A rollback is possible, because an older version may be needed at once.
    const rolledBack = await user.post(`${FUNCTIONS}/wide/rollback`, {})
    expect(rolledBack).toMatchObject({
      status: 200,
      body: { version: 2, warnings: [expect.stringContaining('ZERODB_FUNCTIONS_NETWORK of this server is off')] },
    })
  })
})
