import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sql } from '../../../src/db/sql.ts'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'
import { eventually } from '../../support/eventually.ts'
import { SANDBOX } from '../../support/sandbox.ts'

let app: TestApp
let user: TestUser
beforeAll(async () => {
  app = await openTestApp(SANDBOX)
})
afterAll(() => app.close())

const FUNCTIONS = '/api/v1/functions'
const ECHO = 'export default async (event, ctx) => ({ got: event.data, name: ctx.function, version: ctx.version })'

async function deploy(name: string, source: string, rest: Record<string, unknown> = {}) {
  const reply = await user.post(FUNCTIONS, { name, runtime: 'nodejs', source, ...rest })
  expect(reply.body).toMatchObject({ name })
  expect(reply.status).toBe(201)
  return reply.body
}
const call = (name: string, payload?: unknown, headers = {}) =>
  user.post(`${FUNCTIONS}/${name}/invoke`, { payload }, headers)

beforeAll(async () => {
  user = await app.newUser()
})

describe('deploying', () => {
  test('returns the live function, and the state of its triggers', async () => {
    const source = `
      export const config = { timeout_seconds: 5, triggers: ['zerodb.table.row_inserted'], schedule: '0 6 * * *', http: true }
      export default async () => 1`
    expect(await deploy('first', source)).toEqual({
      id: expect.any(String),
      project_id: user.project_id,
      name: 'first',
      runtime: 'nodejs20',
      runtime_version: process.versions.node,
      version: 1,
      hash: expect.stringMatching(/^[0-9a-f]{64}$/),
      entry: 'index.ts',
      config: {
        triggers: [{ event: 'zerodb.table.row_inserted', all_projects: false }],
        schedule: [{ cron: '0 6 * * *', timezone: 'UTC', missed: 'run_once', overlap: 'skip' }],
        http: { methods: ['GET', 'POST'], auth: 'key', cors: null },
        timeout_seconds: 5,
        memory_mb: 256,
        output_limit_bytes: 51_200,
        isolation: 'warm',
        env: {},
        secrets: [],
        permissions: ['zerodb:read', 'zerodb:write', 'memory:read', 'memory:write', 'functions:invoke'],
      },
      is_active: true,
      created_at: expect.any(String),
      updated_at: expect.any(String),
      url_path: `/fn/${user.project_id}/first`,
      changed: true,
      hooks: { created: ['zerodb.table.row_inserted'], changed: [], removed: [] },
      schedules: { created: ['0 6 * * * UTC'], changed: [], removed: [] },
      network: { added: [], removed: [], injects: { added: [], removed: [] } },
      packages: [],
      package_changes: [],
    })
    const again = await user.post(FUNCTIONS, { name: 'first', runtime: 'javascript', source })
    expect(again.status).toBe(200)
    expect(again.body).toMatchObject({ version: 1, changed: false, hooks: { created: [], changed: [], removed: [] } })
    expect((await user.delete(`${FUNCTIONS}/first`)).status).toBe(204)
    expect((await user.get('/api/v1/hooks')).body).toEqual([])
    expect(await user.trail()).toEqual({ events: [], runs: [] })
  })

  test('identical concurrent deployments create one version', async () => {
    const body = { name: 'same', runtime: 'nodejs', source: ECHO, config: { schedule: '0 0 1 1 *' } }
    const replies = await Promise.all(Array.from({ length: 4 }, () => user.post(FUNCTIONS, body)))
    expect(replies.map(({ status }) => status).sort()).toEqual([200, 200, 200, 201])
    expect(replies.map((reply) => reply.body.version)).toEqual([1, 1, 1, 1])
    expect((await user.get(`${FUNCTIONS}/same/versions`)).body).toHaveLength(1)
    await user.delete(`${FUNCTIONS}/same`)
  })

  test('E: a dry run checks everything, stores nothing, and returns what would change', async () => {
    const key = { project_id: user.project_id, name: 'dry' }
    const source = `
      export const config = { triggers: ['zerodb.table.row_inserted'], schedule: '0 6 * * *', http: true, secrets: ['NOT_SET'] }
      export default () => 1`
    const dryRun = (rest: Record<string, unknown>) =>
      user.post(FUNCTIONS, { ...key, runtime: 'nodejs', source, dry_run: true, ...rest })
    const first = await dryRun({})
    expect(first).toMatchObject({
      status: 200,
      body: {
        dry_run: true,
        name: 'dry',
        runtime: 'nodejs20',
        version: 1,
        entry: 'index.ts',
        config: { triggers: [{ event: 'zerodb.table.row_inserted' }], timeout_seconds: 30 },
        url_path: `/fn/${user.project_id}/dry`,
        changed: true,
        hooks: { created: ['zerodb.table.row_inserted'], changed: [], removed: [] },
        schedules: { created: ['0 6 * * * UTC'], changed: [], removed: [] },
        warnings: [expect.stringContaining('NOT_SET')],
      },
    })
    // The rolled back row has no visible id and times.
    for (const field of ['id', 'created_at', 'updated_at', 'is_active']) expect(first.body).not.toHaveProperty(field)
    const stored = () => Promise.all([FUNCTIONS, '/api/v1/hooks', '/api/v1/schedules'].map((url) => user.get(url)))
    expect((await stored()).map(({ body }) => body)).toEqual([[], [], []])
    expect((await user.get(`${FUNCTIONS}/dry`)).status).toBe(404)

    const live = await deploy('dry', source)
    expect(live).toMatchObject({ version: 1, hash: first.body.hash })
    expect((await dryRun({})).body).toMatchObject({ dry_run: true, version: 1, changed: false })
    const before = (await stored()).map(({ body }) => body)
    expect(before.map((list) => list.length)).toEqual([1, 1, 1])
    const next = await dryRun({ source: 'export default () => 2' })
    expect(next).toMatchObject({
      status: 200,
      body: {
        version: 2,
        changed: true,
        hooks: { created: [], changed: [], removed: ['zerodb.table.row_inserted'] },
        schedules: { created: [], changed: [], removed: ['0 6 * * * UTC'] },
      },
    })
    expect((await stored()).map(({ body }) => body)).toEqual(before)
    expect((await user.get(`${FUNCTIONS}/dry/versions`)).body).toHaveLength(1)
    expect((await call('dry')).body).toMatchObject({ result: 1 })
    await user.delete(`${FUNCTIONS}/dry`)
  })

  test.each<[string, Record<string, unknown>]>([
    ['a syntax error', { source: 'export default () => {' }],
    ['a cron expression', { config: { schedule: '61 * * * *' } }],
    ['an unknown event', { config: { triggers: ['zerodb.vector.removed'] } }],
    [
      'a pattern that the database rejects',
      { config: { triggers: [{ event: 'zerodb.vector.stored', filter: { 'row.a': { $regex: '[b-a]' } } }] } },
    ],
    ['a name of a built-in handler', { name: 'auto_embed' }],
    ['a tool without a description', { config: { tool: {} } }],
  ])('E: a dry run is refused for %s, like the deployment', async (_, fields) => {
    const body = { name: 'broken', runtime: 'nodejs', source: ECHO, ...fields }
    const refused = await user.post(FUNCTIONS, body)
    expect(refused.status).toBe(422)
    const { status, body: said } = await user.post(FUNCTIONS, { ...body, dry_run: true })
    expect({ status, detail: said.detail }).toEqual({ status: 422, detail: refused.body.detail })
  })

  test.each([
    [
      'a syntax error in TypeScript',
      { runtime: 'nodejs', source: 'export default async () => {\n  const a: = 1\n}' },
      'index.ts:2:12',
    ],
    [
      'an import of a file that was not uploaded',
      { runtime: 'nodejs', source: 'import x from "left-pad"\nexport default () => x' },
      'left-pad',
    ],
    [
      'a syntax error in Python',
      { runtime: 'python', source: 'def handler(event, ctx):\n    return (\n' },
      'main.py:2',
    ],
    [
      'an error during loading',
      { runtime: 'nodejs', source: 'throw new Error("on purpose")\nexport default () => 1' },
      'While the code was loaded to read its config: Error: on purpose',
    ],
    ['no handler', { runtime: 'nodejs', source: 'export const config = {}' }, 'has no handler'],
    ['no handler in Python', { runtime: 'python', source: 'x = 1' }, 'has no handler'],
  ])('is refused for %s, with the position', async (_, code, reason) => {
    const reply = await user.post(FUNCTIONS, { name: 'broken', ...code })
    expect(reply.status).toBe(422)
    expect(JSON.stringify(reply.body.detail)).toContain(reason)
    expect((await user.get(`${FUNCTIONS}/broken`)).status).toBe(404)
  })

  test.each([
    ['an unknown field', { retries: 3 }, ['body', 'config', 'retries']],
    ['a timeout over two minutes', { timeout_seconds: 121 }, ['body', 'config', 'timeout_seconds']],
    ['a timeout under a second', { timeout_seconds: 0.5 }, ['body', 'config', 'timeout_seconds']],
    ['an unknown event', { triggers: ['zerodb.vector.removed'] }, ['body', 'config', 'triggers', 0, 'event']],
    ['an unknown method', { http: { methods: ['BREW'] } }, ['body', 'config', 'http', 'methods', 0]],
    ['a result over six megabytes', { output_limit_bytes: 6_291_457 }, ['body', 'config', 'output_limit_bytes']],
  ])('is refused for %s in its config', async (_, config, loc) => {
    const reply = await user.post(FUNCTIONS, { name: 'broken', runtime: 'nodejs', source: ECHO, config })
    expect(reply.status).toBe(422)
    expect(reply.body.detail[0].loc).toEqual(loc)
  })

  test.each([
    [{ name: 'auto_embed' }, 'built-in handler'],
    [{ name: '9lives' }, 'Must begin with a letter'],
    [{ name: 'a/b' }, 'Must begin with a letter'],
    [{ files: { '../a.js': ECHO } }, 'relative path'],
    [{ files: { '/etc/a.js': ECHO } }, 'relative path'],
    [{ files: { 'a.js': ECHO, 'a.js/b.js': ECHO } }, 'both a file and a folder'],
    [{ files: {} }, 'at least one file'],
    [{ source: ECHO, files: { 'a.js': ECHO } }, 'either source'],
    [{ files: { 'a.js': ECHO, 'b.js': ECHO } }, 'entry is missing'],
    [{ files: { 'a.js': ECHO }, entry: 'b.js' }, 'there is no text file'],
    [{ source: ECHO, runtime: undefined }, 'runtime is missing'],
    [{ source: ECHO, config: { schedule: '61 * * * *' } }, 'not a valid cron expression'],
    [{ source: ECHO, config: { schedule: { cron: '0 0 * * *', timezone: 'Mars/Base' } } }, 'not a valid time zone'],
    [
      { source: ECHO, config: { triggers: [{ event: 'zerodb.vector.stored', filter: { nowhere: 1 } }] } },
      'must lead into',
    ],
  ])('%j is refused', async (fields, reason) => {
    const reply = await user.post(FUNCTIONS, { name: 'broken', runtime: 'nodejs', ...fields })
    expect({ status: reply.status, body: JSON.stringify(reply.body) }).toEqual({
      status: 422,
      body: expect.stringContaining(reason),
    })
    expect((await user.get(FUNCTIONS)).body.map((fn: { name: string }) => fn.name)).not.toContain('broken')
  })

  test('D: an import of ./x.js resolves to an uploaded x.ts', async () => {
    const files = {
      'index.ts': `import { a } from './lib/a.js'\nimport { b } from './lib/b.mjs'\nimport { c } from './lib/c.jsx'\nimport { d } from './lib/d.js'
        export default () => [a, b, c, d] satisfies string[]`,
      'lib/a.ts': `export const a: string = 'ts'`,
      'lib/b.mts': `export const b: string = 'mts'`,
      'lib/c.tsx': `export const c: string = 'tsx'`,
      // An existing file takes precedence over its TypeScript counterpart.
      'lib/d.js': `export const d = 'js'`,
      'lib/d.ts': `export const d = 'ts'`,
    }
    expect((await user.post(FUNCTIONS, { name: 'imports', files })).status).toBe(201)
    expect((await call('imports')).body.result).toEqual(['ts', 'mts', 'tsx', 'js'])
    const missing = { 'index.ts': `import './none.js'\nexport default () => 1` }
    expect(JSON.stringify((await user.post(FUNCTIONS, { name: 'imports', files: missing })).body.detail)).toContain(
      'no uploaded file has this path',
    )
  })

  test.each(['nodejs', 'python'])('D: files that are not code are on disk (%s)', async (runtime) => {
    const code = {
      nodejs: {
        'src/index.ts': `import { readFileSync } from 'node:fs'
          import { near } from './lib/near.js'
          import data from '../data/table.json'
          export default () => [readFileSync('data/table.json', 'utf8'), data.n, readFileSync('image.bin').length,
            readFileSync(new URL('./beside.csv', import.meta.url), 'utf8'), near()]`,
        'src/lib/near.ts': `import { readFileSync } from 'node:fs'
          export const near = () => readFileSync(new URL('deep.txt', import.meta.url), 'utf8') + import.meta.dirname.slice(-8)`,
      },
      python: {
        'src/index.py': `import json, os
def handler():
    here = os.path.dirname(__file__)
    read = lambda *path: open(os.path.join(*path)).read()
    return [read('data/table.json'), json.loads(read('data/table.json'))['n'], os.path.getsize('image.bin'),
        read(here, 'beside.csv'), read(here, 'lib/deep.txt') + os.path.join(here, 'lib')[-8:]]`,
      },
    }[runtime]!
    const files = {
      ...code,
      'data/table.json': '{"n": 7}',
      'src/beside.csv': 'a,b',
      'src/lib/deep.txt': 'deep ',
      'image.bin': { base64: 'AAEC' },
    }
    const entry = runtime === 'nodejs' ? 'src/index.ts' : 'src/index.py'
    const reply = await user.post(FUNCTIONS, { name: `data-${runtime}`, runtime, files, entry })
    expect(reply.body).toMatchObject({ version: 1 })
    expect((await call(`data-${runtime}`)).body.result).toEqual(['{"n": 7}', 7, 3, 'a,b', 'deep /src/lib'])
  })

  test('several files and vendored packages work in Python', async () => {
    const reply = await user.post(FUNCTIONS, {
      name: 'vendored',
      files: {
        'main.py': 'from pkg.text import shout\ndef handler(event, ctx):\n    return shout(event["data"])',
        'pkg/__init__.py': '',
        'pkg/text.py': 'def shout(text):\n    return text.upper()',
      },
    })
    expect(reply.status).toBe(201)
    expect((await call('vendored', 'hello')).body.result).toBe('HELLO')
  })
})

describe('a call with a waiting caller', () => {
  test('returns the result, and is a run', async () => {
    await deploy('echo', ECHO)
    const reply = await call('echo', { n: 1 })
    expect(reply.status).toBe(200)
    expect(reply.body).toEqual({
      run_id: expect.any(String),
      status: 'succeeded',
      result: { got: { n: 1 }, name: 'echo', version: 1 },
      duration_ms: expect.toSatisfy((ms: number) => ms > 0 && String(ms).replace(/^\d+\.?/, '').length <= 3),
    })
    await app.drained()
    const run = (await user.get(`/api/v1/runs/${reply.body.run_id}`)).body
    expect(run).toMatchObject({
      trigger: 'invoke',
      handler: 'echo',
      hook_id: null,
      function_version: 1,
      event_id: `call_${reply.body.run_id}`,
      event_type: 'function.invoked',
      status: 'succeeded',
      attempts: 1,
      result: { got: { n: 1 } },
      error: null,
      depth: 0,
    })
  })

  test('that throws is 502 with the message, and its run keeps the stack with line numbers of the uploaded source', async () => {
    await deploy('throws', 'type A = { a: number }\n\nexport default async () => {\n  throw new Error("no luck")\n}')
    const reply = await call('throws')
    expect(reply.status).toBe(502)
    expect(reply.body).toMatchObject({ detail: 'Error: no luck', code: 'function_failed', run_id: expect.any(String) })
    await app.drained()
    const run = (await user.get(`/api/v1/runs/${reply.body.run_id}`)).body
    expect(run).toMatchObject({ status: 'dead', error: { code: 'function_threw', message: 'Error: no luck' } })
    expect(run.error.stack).toBe('Error: no luck\n    at index_default (index.ts:4:9)')
  })

  test.each(['invoke', 'async'])('B6: a Python exception is one line, next to its traceback (%s)', async (how) => {
    const source =
      'import json\n\ndef handler(event, ctx):\n    check(event["data"])\n\ndef check(n):\n    raise ValueError(f"{n} is too much")\n'
    await deploy(`raises-${how}`, source, { runtime: 'python', config: { retry: { max_attempts: 1 } } })
    const reply = await call(`raises-${how}`, 7, how === 'async' ? { prefer: 'respond-async' } : {})
    if (how === 'invoke')
      expect(reply).toMatchObject({
        status: 502,
        body: { detail: 'ValueError: 7 is too much', code: 'function_failed' },
      })
    await app.drained()
    const run = (await user.get(`/api/v1/runs/${reply.body.run_id}`)).body
    expect(run).toMatchObject({
      status: 'dead',
      error: { code: 'function_threw', message: 'ValueError: 7 is too much' },
    })
    expect(run.error.stack).toBe(
      [
        'Traceback (most recent call last):',
        '  File "main.py", line 4, in handler',
        '    check(event["data"])',
        '  File "main.py", line 7, in check',
        '    raise ValueError(f"{n} is too much")',
        'ValueError: 7 is too much',
      ].join('\n'),
    )
  })

  test.each([
    [
      'nodejs',
      'export default ({ data }) => { if (data === "arm") setTimeout(() => { throw new RangeError("late") }, 200); return data }',
    ],
    [
      'python',
      'import threading\ndef fail():\n    raise ValueError("late")\ndef handler(event):\n    if event["data"] == "arm":\n        threading.Timer(0.2, fail).start()\n    return event["data"]\n',
    ],
  ])('B5: a failure after the result is in the log of its run (%s)', async (runtime, source) => {
    const name = `late-${runtime}`
    await deploy(name, source, { runtime })
    const place = runtime === 'nodejs' ? 'index.ts:1:' : 'main.py", line 3'
    const sentence = `Failed after the result: ${runtime === 'nodejs' ? 'RangeError' : 'ValueError'}: late\n`
    const armed = (await call(name, 'arm')).body
    const innocent = (await call(name, 'innocent')).body
    const queued = (await call(name, 'arm', { prefer: 'respond-async' })).body
    expect([armed.result, innocent.result]).toEqual(['arm', 'innocent'])
    for (const { run_id } of [armed, queued])
      await eventually(async () => {
        const run = (await user.get(`/api/v1/runs/${run_id}`)).body
        expect(run).toMatchObject({ status: 'succeeded', error: null, result: 'arm' })
        expect(run.logs).toEqual([
          { at: expect.any(String), level: 'error', message: expect.stringContaining(sentence) },
        ])
        expect(run.logs[0].message).toContain(place)
      })
    expect((await call(name, 'innocent')).body.result).toBe('innocent')
    await app.drained()
    expect((await user.get(`/api/v1/runs/${innocent.run_id}`)).body).toMatchObject({ status: 'succeeded', logs: [] })
  })

  test('B7: the response has a cause, and the run the whole chain, with line numbers of the uploaded source', async () => {
    const source = `type A = { a: number }
export default async () => {
  try {
    await Promise.reject(new TypeError('the inner reason'))
  } catch (cause) {
    throw new Error('the order failed', { cause })
  }
}`
    await deploy('causes', source)
    const reply = await call('causes')
    const sentence = 'Error: the order failed: TypeError: the inner reason'
    expect(reply).toMatchObject({ status: 502, body: { detail: sentence } })
    await app.drained()
    const { error } = (await user.get(`/api/v1/runs/${reply.body.run_id}`)).body
    expect(error.message).toBe(sentence)
    expect(error.stack.split('\n')).toEqual([
      'Error: the order failed',
      expect.stringContaining('index.ts:6:'),
      '  [cause]: TypeError: the inner reason',
      expect.stringContaining('index.ts:4:'),
    ])
  })

  test('B11: a result without a JSON form is named with its path', async () => {
    await deploy('streams', 'export default () => ({ parts: [1, new ReadableStream()] })')
    expect(await call('streams')).toMatchObject({
      status: 502,
      body: { detail: 'TypeError: result.parts[1]: a ReadableStream has no JSON form' },
    })
    const source =
      'from datetime import date\ndef handler(event, ctx):\n    return {"day": date(2026, 1, 2), "tags": {"a"}}'
    await deploy('dates', source, { runtime: 'python' })
    expect((await call('dates')).body.result).toEqual({ day: '2026-01-02', tags: ['a'] })
  })

  test.each([
    [
      'takes too long',
      'nodejs',
      'export const config = { timeout_seconds: 1 }\nexport default () => { for (;;); }',
      504,
      'function_timeout',
    ],
    ['ends its process', 'nodejs', 'export default () => process.exit(0)', 502, 'function_failed'],
    ['returns too much', 'nodejs', 'export default () => "x".repeat(60000)', 502, 'function_failed'],
    [
      'takes too long in Python',
      'python',
      'config = {"timeout_seconds": 1}\ndef handler(e, c):\n    while True: pass',
      504,
      'function_timeout',
    ],
  ])('that %s has an error that says so', async (_, runtime, source, status, code) => {
    await deploy('fails', source, { runtime })
    const reply = await call('fails')
    expect({ status: reply.status, code: reply.body.code }).toEqual({ status, code })
  })

  test('is durable if its caller does not wait', async () => {
    const reply = await call('echo', 7, { prefer: 'respond-async' })
    expect(reply.status).toBe(202)
    expect(reply.body).toEqual({ run_id: expect.any(String), status: 'queued' })
    await app.drained()
    expect((await user.get(`/api/v1/runs/${reply.body.run_id}`)).body).toMatchObject({
      trigger: 'invoke',
      status: 'succeeded',
      function_version: 1,
      result: { got: 7 },
    })
  })

  test('of a disabled or unknown function is refused', async () => {
    await user.patch(`${FUNCTIONS}/echo`, { is_active: false })
    expect((await call('echo')).body.code).toBe('function_disabled')
    await user.patch(`${FUNCTIONS}/echo`, { is_active: true })
    expect((await call('echo')).status).toBe(200)
    expect((await call('nothing')).status).toBe(404)
  })
})

describe('a function gets', () => {
  test.each([
    ['nodejs', 'export default (e, ctx) => [ctx.runtime, process.versions.node]'],
    ['python', 'import sys\ndef handler(event, ctx):\n    return [ctx.runtime, sys.version.split()[0]]\n'],
  ])('D: the actual version of its runtime (%s)', async (runtime, source) => {
    const { runtime: name, runtime_version: version } = await deploy(`version-${runtime}`, source, { runtime })
    expect((await call(`version-${runtime}`)).body.result).toEqual([{ name, version }, version])
    expect((await user.get(`${FUNCTIONS}/version-${runtime}`)).body.runtime_version).toBe(version)
  })

  test('D: the defaults of its input schema, from any caller', async () => {
    const input_schema = {
      type: 'object',
      properties: {
        limit: { type: 'integer', default: 10 },
        sort: { type: 'object', properties: { by: { default: 'name' } } },
      },
      required: ['limit'],
    }
    const tool = { description: 'lists', input_schema }
    const { url_path } = await deploy('defaults', 'export default ({ data }) => data?.json ?? data', {
      config: { tool, http: { auth: 'none', methods: ['POST'] } },
    })
    expect((await call('defaults', { sort: {} })).body.result).toEqual({ limit: 10, sort: { by: 'name' } })
    expect((await call('defaults', { limit: 3 })).body.result).toEqual({ limit: 3 })
    expect((await call('defaults')).body.result).toEqual({ limit: 10 })
    expect((await call('defaults', [1])).body.result).toEqual([1])
    const queued = (await call('defaults', {}, { prefer: 'respond-async' })).body.run_id
    await app.drained()
    expect((await user.get(`/api/v1/runs/${queued}`)).body.result).toEqual({ limit: 10 })
    expect((await app.request('POST', url_path, { body: {} })).body).toEqual({ limit: 10 })
  })

  test('the data of its project, by ctx.zerodb, in the same chain', async () => {
    await deploy(
      'writer',
      `export default async (event, ctx) => {
        const stored = await ctx.zerodb.memory.remember({ content: 'Ada likes tea' })
        const { results } = await ctx.zerodb.memory.recall({ query: 'tea' })
        const missing = await ctx.zerodb.vectors.get({ vector_id: 'none' }).catch((error) => [error.code, error.status])
        return { id: stored.memory_id, found: results.length, missing }
      }`,
    )
    const reply = await call('writer')
    expect(reply.body).toMatchObject({ result: { found: 1, missing: ['not_found', 404] } })
    const [event] = (await user.get('/api/v1/event-log?event_type=zeromemory.remembered')).body.items
    expect(event).toMatchObject({
      caused_by: reply.body.run_id,
      chain_id: `call_${reply.body.run_id}`,
      depth: 1,
      data: { memory_id: reply.body.result.id },
    })
  })

  test('no more permissions than its configuration and its caller have', async () => {
    await deploy('limited', 'export default (e, ctx) => ctx.zerodb.memory.remember({ content: "x" })', {
      config: { permissions: ['memory:read'] },
    })
    expect((await call('limited')).body.detail).toContain('memory:write')
    const key = (await user.post('/api/v1/auth/api-keys', { name: 'k', scopes: ['functions:invoke', 'memory:read'] }))
      .body.key
    const reply = await app.request('POST', `${FUNCTIONS}/writer/invoke`, { headers: { 'x-api-key': key } })
    expect(reply.body.detail).toContain('memory:write')
    const weak = (await user.post('/api/v1/auth/api-keys', { name: 'w', scopes: ['functions:write'] })).body.key
    const more = await app.request('POST', FUNCTIONS, {
      headers: { 'x-api-key': weak },
      body: { name: 'more', runtime: 'nodejs', source: ECHO, config: { permissions: ['memory:write'] } },
    })
    expect(more.status).toBe(403)
  })

  test('once, which runs its work once per key, over all calls', async () => {
    await deploy(
      'once',
      `export default async (event, ctx) => ctx.once('k', async () => {
        await ctx.zerodb.events.publish({ topic: 'once' })
        return event.data
      })`,
    )
    expect((await call('once', 1)).body.result).toBe(1)
    expect((await call('once', 2)).body.result).toBe(1)
    const { events } = (await user.get(`${user.database}/events?topic=once`)).body
    expect(events).toHaveLength(1)
  })

  test('a warning if its writes trigger it again, and that its filter may not exclude them', async () => {
    const writes = `export default (e, ctx) => ctx.zerodb.events.publish({ topic: 'again' })`
    const trigger = { event: 'zerodb.event.published' }
    const warned = await deploy('echo', writes, { config: { triggers: [trigger] } })
    expect(warned.warnings).toEqual([expect.stringContaining('events.publish emits zerodb.event.published')])
    const filtered = { ...trigger, filter: { 'data.topic': 'asked' } }
    const softly = [expect.stringContaining('check that its filter excludes its own writes')]
    expect((await deploy('echo', writes, { config: { triggers: [filtered] } })).warnings).toEqual(softly)
    expect(await deploy('echo', writes, { config: { triggers: [] } })).not.toHaveProperty('warnings')
    const hook = await user.hook('zerodb.event.published', 'echo')
    expect(hook['warnings']).toEqual(warned.warnings)
    const { body } = await user.patch(`/api/v1/hooks/${hook.id}`, { filter: filtered.filter })
    expect(body.warnings).toEqual(softly)
    expect((await user.hook('zerodb.vector.stored', 'echo'))['warnings']).toBeUndefined()
  })

  test('the secrets that it declares, with new values from the next call, and never in logs or errors', async () => {
    const value = 'correct horse battery'
    const deployed = await deploy(
      'secretive',
      `export default (e, ctx) => {
        console.log('the password is', ctx.env.PASSWORD)
        if (e.data === 'throw') throw new Error('bad ' + ctx.env.PASSWORD)
        return { has: ctx.env.PASSWORD?.length ?? null, other: ctx.env.OTHER ?? null, same: process.env.PASSWORD === ctx.env.PASSWORD }
      }`,
      { config: { secrets: ['PASSWORD'] } },
    )
    expect(deployed.warnings).toEqual([
      'The secret PASSWORD is declared but not set: env.PASSWORD is missing until you set it',
    ])
    expect((await call('secretive')).body.result).toMatchObject({ has: null })
    expect((await user.request('PUT', '/api/v1/secrets/PASSWORD', { body: { value } })).body).toEqual({
      name: 'PASSWORD',
      created_at: expect.any(String),
      updated_at: expect.any(String),
    })
    await user.request('PUT', '/api/v1/secrets/OTHER', { body: { value: 'unseen by all' } })
    const reply = await call('secretive')
    expect(reply.body.result).toEqual({ has: value.length, other: null, same: true })
    const thrown = await call('secretive', 'throw')
    expect(thrown.body.detail).toBe('Error: bad [secret PASSWORD]')
    await user.request('PUT', '/api/v1/secrets/PASSWORD', { body: { value: 'another one' } })
    expect((await call('secretive')).body.result.has).toBe('another one'.length)
    await app.drained()
    const logs = (await user.get(`/api/v1/runs/${reply.body.run_id}`)).body.logs
    expect(logs).toEqual([{ at: expect.any(String), message: 'the password is [secret PASSWORD]', stream: 'stdout' }])
    expect(JSON.stringify((await user.get('/api/v1/runs?limit=1000')).body)).not.toContain(value)
    expect((await user.get('/api/v1/secrets')).body.map((secret: { name: string }) => secret.name)).toEqual([
      'OTHER',
      'PASSWORD',
    ])
    for (const wrong of ['a\0b', '\ud800'])
      expect(await user.request('PUT', '/api/v1/secrets/OTHER', { body: { value: wrong } })).toMatchObject({
        status: 422,
        body: { detail: [{ loc: ['body', 'value'], msg: 'Must not contain U+0000 or lone surrogates' }] },
      })
    expect((await user.delete('/api/v1/secrets/OTHER')).status).toBe(204)
    expect((await user.delete('/api/v1/secrets/OTHER')).status).toBe(404)
  })

  test('nothing while another key has encrypted one of its secrets, and the error names the wrong setting', async () => {
    const source = 'export default (e, ctx) => ctx.env.LOCKED ?? null'
    const config = { secrets: ['LOCKED'], triggers: 'zerodb.event.published' }
    for (const name of ['LOCKED', 'FOREIGN'])
      await user.request('PUT', `/api/v1/secrets/${name}`, { body: { value: 'a value' } })
    await app.system.database.query(sql`
      update zerodb_secrets set sealed = (
        select sealed from zerodb_secrets where name = 'FOREIGN' and project_id = ${user.project_id}::uuid
      ) where name = 'LOCKED' and project_id = ${user.project_id}::uuid`)
    await deploy('locked', source, { config })
    expect(await call('locked')).toMatchObject({
      status: 503,
      body: { code: 'unavailable', detail: expect.stringMatching(/^LOCKED: .*ZERODB_ENCRYPTION_KEY/) },
    })
    await user.post(`${user.database}/events/publish`, { topic: 'x' })
    await app.drained()
    const [run] = (await user.get('/api/v1/runs?trigger=event&limit=1')).body.items
    expect(run).toMatchObject({ status: 'queued', error: { code: 'unavailable' } })

    expect(await deploy('locked', `${source}\n`, { config })).toMatchObject({ version: 2, changed: true })
    expect((await user.post(`${FUNCTIONS}/locked/rollback`)).status).toBe(200)
    await user.request('PUT', '/api/v1/secrets/LOCKED', { body: { value: 'second value' } })
    expect((await call('locked')).body.result).toBe('second value')
    expect((await user.delete(`${FUNCTIONS}/locked?force=true`)).status).toBe(204)
  })

  test('the result of another function that it calls, deeper in the same chain, even if all slots are used', async () => {
    await deploy('inner', 'export default (e, ctx) => ctx.depth')
    await deploy(
      'outer',
      'export default (e, ctx) => ctx.zerodb.functions.invoke({ name: "inner" }).then((answer) => answer.result)',
    )
    const replies = await Promise.all(Array.from({ length: 60 }, () => call('outer')))
    expect(replies.map(({ body }) => body.result)).toEqual(Array(60).fill(1))
  })

  test('an error if it calls itself until the chain is too long', async () => {
    await deploy('loop', 'export default (e, ctx) => ctx.zerodb.functions.invoke({ name: "loop" })')
    const reply = await call('loop')
    expect(reply.status).toBe(502)
    expect(reply.body.detail).toContain('This chain has gone through 9 runs')
  })
})

describe('versions', () => {
  test('are listed, compared and rolled back, including triggers', async () => {
    await deploy('versioned', 'export const config = { triggers: "zerodb.vector.stored" }\nexport default () => 1')
    const second = await deploy(
      'versioned',
      'export const config = { triggers: "zerodb.memory.stored" }\nexport default () => 2',
    )
    expect(second.hooks).toEqual({ created: ['zerodb.memory.stored'], changed: [], removed: ['zerodb.vector.stored'] })
    const versions = (await user.get(`${FUNCTIONS}/versioned/versions`)).body
    expect(versions.map(({ version, live }: { version: number; live: boolean }) => [version, live])).toEqual([
      [2, true],
      [1, false],
    ])
    const diff = (await user.get(`${FUNCTIONS}/versioned/diff`)).body
    expect(diff).toMatchObject({ from: 1, to: 2, files: [{ path: 'index.ts', change: 'changed' }] })
    expect(diff.files[0].lines).toContain('-export default () => 1')
    expect((await user.get(`${FUNCTIONS}/versioned/versions/1`)).body.files['index.ts']).toContain('=> 1')

    const back = await user.post(`${FUNCTIONS}/versioned/rollback`)
    expect(back.body).toMatchObject({
      version: 1,
      hooks: { created: ['zerodb.vector.stored'], removed: ['zerodb.memory.stored'] },
    })
    expect((await call('versioned')).body.result).toBe(1)
    expect((await user.post(`${FUNCTIONS}/versioned/rollback`, { version: 9 })).status).toBe(404)
    expect((await user.post(`${FUNCTIONS}/versioned/rollback`)).status).toBe(422)
    await user.post(`${FUNCTIONS}/versioned/rollback`, { version: 2 })
    expect((await call('versioned')).body.result).toBe(2)
  })

  test('no call fails while versions change', async () => {
    const sources = [1, 2].map(
      (n) => `export default async () => { await new Promise((r) => setTimeout(r, 5)); return ${n} }`,
    )
    await deploy('busy', sources[0]!)
    let stop = false
    const seen = new Set<number>()
    const failures: unknown[] = []
    const callers = Array.from({ length: 6 }, async () => {
      while (!stop) {
        const { status, body } = await call('busy')
        if (status === 200) seen.add(body.result)
        else failures.push(body)
      }
    })
    await deploy('busy', sources[1]!)
    for (let i = 0; i < 10; i++) {
      const version = 1 + (i % 2)
      await user.post(`${FUNCTIONS}/busy/rollback`, { version })
      expect((await call('busy')).body.result).toBe(version)
    }
    stop = true
    await Promise.all(callers)
    expect(failures).toEqual([])
    expect([1, 2]).toEqual(expect.arrayContaining([...seen]))
  })
})

test('a function that hooks use is deleted only with force, and then with the hooks', async () => {
  await deploy('hooked', ECHO)
  const hook = await user.hook('zerodb.event.published', 'hooked')
  expect(hook).toMatchObject({ hook_type: 'function', hook_name: 'hooked', function_id: expect.any(String) })
  const refused = await user.delete(`${FUNCTIONS}/hooked`)
  expect({ status: refused.status, code: refused.body.code }).toEqual({ status: 409, code: 'function_hooked' })
  expect((await user.delete(`${FUNCTIONS}/hooked?force=true`)).status).toBe(204)
  expect((await user.get(`/api/v1/hooks/${hook.id}`)).status).toBe(404)
})

test('a deployment that is running when the server stops is not reported as an error of its code', async () => {
  const stopping = await openTestApp(SANDBOX)
  try {
    const { sandbox } = stopping.system.app
    const { call } = sandbox
    const loading = new Promise((resolve) => {
      sandbox.call = (it) => call({ ...it, onLog: resolve })
    })
    const source =
      'console.log("loading"); await new Promise(() => setInterval(() => {}, 60_000))\nexport default () => 1'
    const someone = await stopping.newUser()
    const deployed = someone.post(FUNCTIONS, { name: 'slow', runtime: 'nodejs', source })
    expect(await loading).toMatchObject({ text: 'loading' })
    await sandbox.close()
    expect(await deployed).toMatchObject({
      status: 503,
      body: {
        code: 'unavailable',
        detail: 'The server stopped while it read the config of this code: deploy again',
      },
      headers: { 'retry-after': '1' },
    })
    expect((await someone.get(`${FUNCTIONS}/slow`)).status).toBe(404)
  } finally {
    await stopping.close()
  }
})
