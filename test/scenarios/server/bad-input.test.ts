import fc, { type Arbitrary } from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { sql } from '../../../src/db/sql.ts'
import { HANDLER_NAMES } from '../../../src/handlers/index.ts'
import { OPERATIONS } from '../../../src/operations/index.ts'
import type { Operation } from '../../../src/operations/operation.ts'
import { EVENT_NAMES } from '../../../src/schema/events.ts'
import { openTestApp, type RequestOptions, type TestApp, type TestUser } from '../../support/app.ts'
import { createFixtures, type Fixtures, fixtureOf } from '../../support/fixtures.ts'
import { SANDBOX } from '../../support/sandbox.ts'

/** The cases are the same in each run, unless TEST_SEED is set. */
const SEED = Number(process.env['TEST_SEED'] ?? 20_260_610)
const CASES = Number(process.env['TEST_CASES'] ?? 1000)

let app: TestApp
let user: TestUser
let fixtures: Fixtures
beforeAll(async () => {
  app = await openTestApp({ ZERODB_MAX_UPLOAD_MB: '1', ...SANDBOX })
  user = await app.newUser()
  fixtures = await createFixtures(app, user, user.project_id)
})
afterAll(() => app.close())

type JsonSchema = Record<string, unknown>

const NUL = String.fromCharCode(0)
const LONE = String.fromCharCode(0xd800)

const oddText = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom(
    '',
    ' ',
    NUL,
    `a${NUL}b`,
    LONE,
    '\\',
    "'",
    '"',
    `{"a":1}`,
    '{a,"b"}',
    '$1',
    '%',
    '%00',
    '../..',
    '-',
    '.',
  ),
  fc.constantFrom('null', 'NaN', '1e999', '-1', '0x10', 'true', 'a:b & !c | <->', "E'\\\\'", '\u202e', '🔑'.repeat(50)),
  fc.constantFrom(
    'x'.repeat(256),
    'x'.repeat(1025),
    `evt_${'f'.repeat(60)}`,
    '0000-01-01T00:00:00Z',
    '2026-06-10T08:00:00+23:59',
  ),
  fc.constantFrom(
    'http://a.example/\\path?x=\\',
    'C:\\temp\\file',
    '/usr/local/bin',
    'a@b.example',
    '<b a="\\">&amp;</b>',
  ),
  fc.constantFrom('zerodb.vector.stored', 'zeromemory.remembered', 'auto_embed', 'auto_graph', 'bge-m3', 'first_party'),
  fc.uuid(),
)
const oddNumber = fc.oneof(
  fc.integer({ min: -3, max: 1100 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(0, -0, 1e-320, 3.5e38, 1e308, 2 ** 31, 2 ** 53, 1e21, -1e21, 0.1),
)
const junk: Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', maxDepth: 3 },
    oddText,
    oddNumber,
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(oddText, tie('value'), { maxKeys: 3 }),
    fc.dictionary(fc.constantFrom('toString', 'constructor', '__proto__', 'hasOwnProperty', 'then'), tie('value'), {
      maxKeys: 2,
    }),
  ),
})).value

/** Conditions of filters, valid and invalid. */
const filter: Arbitrary<unknown> = fc.letrec((tie) => ({
  filter: fc.dictionary(
    fc.oneof(fc.constantFrom('n', 'a.b', 'a.0', '', '$and', '$or', '$not', '$none', 'constructor'), oddText),
    fc.oneof({ maxDepth: 3 }, tie('condition'), junk, tie('filter'), fc.array(tie('filter'), { maxLength: 3 })),
    { maxKeys: 3 },
  ),
  condition: fc.dictionary(
    fc.constantFrom(
      '$eq',
      '$ne',
      '$gt',
      '$gte',
      '$lt',
      '$lte',
      '$in',
      '$nin',
      '$exists',
      '$contains',
      '$regex',
      '$none',
      'toString',
    ),
    fc.oneof(
      junk,
      fc.constantFrom('(', '[', '(a+)+$', '\\1', '*', 'a{1000}', '(?<x>a)'),
      fc.array(junk, { maxLength: 3 }),
    ),
    { maxKeys: 3 },
  ),
})).filter as Arbitrary<unknown>

/** Mostly valid values for a schema, sometimes any JSON. */
function near(schema: JsonSchema): Arbitrary<unknown> {
  return fc.oneof({ weight: 12, arbitrary: exactly(schema) }, { weight: 1, arbitrary: junk })
}

function exactly(schema: JsonSchema): Arbitrary<unknown> {
  const options = (schema['anyOf'] ?? schema['oneOf']) as JsonSchema[] | undefined
  if (options) return fc.oneof(...options.map(exactly))
  if ('const' in schema) return fc.constant(schema['const'])
  if (schema['enum']) return fc.constantFrom(...(schema['enum'] as unknown[]))
  switch (schema['type']) {
    case 'string':
      if (schema['format'] === 'guid' || schema['format'] === 'uuid') return fc.uuid()
      if (schema['format'] === 'date-time')
        return fc.oneof(
          fc.date({ noInvalidDate: true }).map((at) => at.toISOString()),
          oddText,
        )
      return fc.oneof(fc.string({ minLength: 1, maxLength: 20 }), oddText)
    case 'number':
    case 'integer':
      return fc.oneof({ weight: 4, arbitrary: within(schema) }, { weight: 1, arbitrary: oddNumber })
    case 'boolean':
      return fc.boolean()
    case 'null':
      return fc.constant(null)
    case 'array':
      return fc.array(near((schema['items'] as JsonSchema | undefined) ?? {}), { maxLength: 4 })
    case 'object':
      if (schema['properties']) return objectOf(schema)
      return fc.oneof(fc.dictionary(oddText, junk, { maxKeys: 3 }), filter)
    default:
      return junk
  }
}

function within({ type, minimum = -1000, maximum = 1000 }: JsonSchema): Arbitrary<number> {
  // A generator over all floats would rarely produce common numbers.
  const min = Math.max(minimum as number, -1e6)
  const max = Math.min(maximum as number, min + 2e6)
  return type === 'integer' ? fc.integer({ min, max }) : fc.double({ min, max, noNaN: true })
}

/** Fields with a fixed set of values. */
const WORDS: Record<string, Arbitrary<unknown>> = {
  event_type: fc.constantFrom(...EVENT_NAMES),
  hook_name: fc.constantFrom(...HANDLER_NAMES, 'webhook:a'),
}

function objectOf(schema: JsonSchema): Arbitrary<Record<string, unknown>> {
  const properties = Object.entries(schema['properties'] as Record<string, JsonSchema>)
  const required = (schema['required'] as string[] | undefined) ?? []
  const fields = properties.map(([name, property]) =>
    fc
      .tuple(fc.constant(name), WORDS[name] ? fc.oneof(WORDS[name], near(property)) : near(property), fc.nat(19))
      .map(([key, value, luck]) => ({ key, value, luck })),
  )
  const extra = fc.oneof(
    { weight: 8, arbitrary: fc.constant({}) },
    { weight: 1, arbitrary: fc.dictionary(oddText, junk, { maxKeys: 2 }) },
  )
  return fc.tuple(fc.tuple(...fields), extra).map(([given, more]) => ({
    // A required field is rarely missing; an optional one is present in every third case.
    ...Object.fromEntries(
      given.filter(({ key, luck }) => luck < (required.includes(key) ? 19 : 7)).map(({ key, value }) => [key, value]),
    ),
    ...more,
  }))
}

interface Case {
  operation: Operation
  /** Values of the keys of the path; `real` is the id of an existing object. */
  path: Record<string, string>
  input: unknown
  /** The request body, if it is not the input as JSON. */
  payload: string | null
}

function caseOf(operation: Operation): Arbitrary<Case> {
  const schema = z.toJSONSchema(operation.input, { io: 'input', unrepresentable: 'any' }) as JsonSchema
  const keys = [...operation.route.matchAll(/:(\w+)/g)].map((match) => match[1]!)
  const properties = Object.entries(schema['properties'] as Record<string, JsonSchema>)
  const rest = { ...schema, properties: Object.fromEntries(properties.filter(([name]) => !keys.includes(name))) }
  const real = fc.constant('real')
  const value = (key: string) =>
    fc.oneof({ weight: key === 'project_id' ? 20 : 4, arbitrary: real }, { weight: 1, arbitrary: oddText })
  return fc.record({
    operation: fc.constant(operation),
    path: fc.record(Object.fromEntries(keys.map((key) => [key, value(key)]))) as Arbitrary<Record<string, string>>,
    input: fc.oneof({ weight: 12, arbitrary: objectOf(rest) }, { weight: 1, arbitrary: junk }),
    payload: fc.oneof({ weight: 20, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: oddText }),
  })
}

function requestOf({ operation, path, input, payload }: Case): {
  method: string
  url: string
  options: RequestOptions
} {
  const [method, route] = operation.route.split(' ') as [string, string]
  const isQuery = method === 'GET' || method === 'DELETE'
  let url = route.replace(/:(\w+)/g, (_, key: string) => {
    // Existing objects must stay for the following cases.
    const given =
      path[key] === 'real' && (method !== 'DELETE' || key === 'project_id')
        ? fixtureOf(fixtures, operation, key)
        : path[key]!
    return encodeURIComponent(wellFormed(given)) || 'x'
  })
  if (!isQuery) return { method, url, options: payload === null ? { body: input } : { payload } }
  const query = new URLSearchParams()
  for (const [key, value] of Object.entries(typeof input === 'object' && input !== null ? input : {}))
    for (const one of Array.isArray(value) ? value : [value])
      query.append(key, typeof one === 'string' ? wellFormed(one) : String(JSON.stringify(one)))
  if (query.size > 0) url += `?${query}`
  return { method, url, options: {} }
}

/** URLs are UTF-8: a lone surrogate cannot be sent in one. */
const wellFormed = (text: string) => text.replace(/\p{Surrogate}/gu, '')

/**
 * Counts the rows of each table that requests write to. Runs add no events here, because no hook of this test writes data. An event that is
 * published later counts once, before and after that.
 */
async function rowCounts(): Promise<Record<string, number>> {
  const [row] = await app.system.database.query<Record<string, number>>(sql`
    select
      (select count(*) from zerodb_events where event <> 'zerodb.event.published') as events,
      (select count(*) from zerodb_projects) as projects,
      (select count(*) from zerodb_api_keys) as keys,
      (select count(*) from zerodb_hooks) as hooks,
      (select count(*) from zerodb_hook_secrets) as hook_secrets,
      (select count(*) from zerodb_vectors) as vectors,
      (select count(*) from zerodb_memories) as memories,
      (select count(*) from zerodb_files) as files,
      (select count(*) from zerodb_tables) as tables,
      (select count(*) from zerodb_rows) as rows,
      (select count(*) from zerodb_published_events)
        + (select count(*) from zerodb_schedules where run_at is not null) as published,
      (select count(*) from zerodb_functions) as functions,
      (select count(*) from zerodb_function_versions) as versions,
      (select count(*) from zerodb_schedules where run_at is null) as schedules,
      (select count(*) from zerodb_secrets) as secrets,
      (select count(*) from zerodb_env_sets) as env_sets,
      (select count(*) from zerodb_secret_changes) as secret_changes,
      (select count(*) from zerodb_replays) as replays`)
  return row!
}

test('no input causes an internal error, and a refused request changes nothing', {
  timeout: 180_000,
}, async () => {
  console.log(`bad input: TEST_SEED=${SEED}, ${CASES} cases`)
  const cases = OPERATIONS.map(caseOf)
  const statuses: Record<string, number> = {}
  let before = await rowCounts()
  await fc.assert(
    fc.asyncProperty(fc.oneof(...cases), async (one) => {
      const { method, url, options } = requestOf(one)
      const reply = await user.request(method, url, options)
      statuses[reply.status] = (statuses[reply.status] ?? 0) + 1
      const after = await rowCounts()
      const left = reply.status >= 400 ? after : before
      const failed = reply.status >= 500
      expect({ request: `${method} ${url}`, status: reply.status, failed, left }).toEqual({
        request: `${method} ${url}`,
        status: reply.status,
        failed: false,
        left: before,
      })
      before = after
      // A suspended project would refuse all later writes.
      if (url.endsWith('/suspend') && reply.status === 200) await user.post(url.replace(/suspend$/, 'activate'))
      if (reply.status >= 400) expect(reply.body.detail).toBeTruthy()
    }),
    { seed: SEED, numRuns: CASES, endOnFailure: true },
  )
  // Both kinds must occur, otherwise the cases test nothing.
  expect(Object.keys(statuses)).toEqual(expect.arrayContaining(['200', '404', '422']))

  // Runs of a paused hook may wait.
  const runs = await user.runs()
  const open = runs.filter(
    ({ status, waiting_for }) => status === 'running' || (status === 'queued' && waiting_for?.reason !== 'paused'),
  )
  expect(open).toEqual([])
  expect(await app.request('GET', '/readyz')).toMatchObject({ status: 200, body: { status: 'ok' } })
  const after = await user.post(`${user.database}/vectors/upsert`, { vector_id: 'after', vector_embedding: [1, 2] })
  expect(after.status).toBe(200)
})
