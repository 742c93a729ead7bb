import { afterAll, beforeAll, expect, test } from 'vitest'
import { OPERATIONS } from '../../../src/operations/index.ts'
import { EVENT_NAMES } from '../../../src/schema/events.ts'
import { openTestApp, type TestApp } from '../../support/app.ts'

let app: TestApp
beforeAll(async () => {
  app = await openTestApp()
})
afterAll(() => app.close())

interface Described {
  operationId: string
  parameters: { name: string; in: string; required: boolean }[]
  requestBody?: { content: Record<string, { schema: { $ref: string } }> }
  responses: Record<string, { description: string }>
  security?: unknown[]
}

async function described(): Promise<Map<string, Described>> {
  const { body } = await app.request('GET', '/openapi.json')
  const verbs = Object.values(body.paths as Record<string, Record<string, Described>>).flatMap((path) =>
    Object.values(path),
  )
  return new Map(verbs.map((verb) => [verb.operationId, verb]))
}

test('the document has every operation once', async () => {
  expect([...(await described()).keys()].sort()).toEqual(OPERATIONS.map((operation) => operation.name).sort())
})

test('the creation of a hook is described with its fields, status and errors', async () => {
  const create = (await described()).get('hooks.create')!
  const { body } = await app.request('GET', '/openapi.json')
  expect(create.requestBody!.content['application/json']!.schema.$ref).toBe('#/components/schemas/HooksCreateBody')
  expect(body.components.schemas.HooksCreateBody.required).toEqual(['event_type', 'hook_name'])
  expect(Object.keys(create.responses)).toEqual([
    '201',
    '400',
    '401',
    '403',
    '404',
    '408',
    '409',
    '413',
    '414',
    '415',
    '422',
    '429',
    '431',
    '500',
    '503',
  ])
  expect(create.responses['409']!.description.split('\n')).toEqual([
    '`idempotency_mismatch`: This Idempotency-Key came with another request',
    '`idempotency_running`: The first request with this Idempotency-Key has no answer yet',
    '`hook_exists`: This hook exists already',
    '`function_disabled`: This function is disabled',
  ])
})

test('every operation is described with all its statuses and no others', async () => {
  for (const [name, { responses }] of await described()) {
    expect({ name, statuses: Object.keys(responses).filter((status) => !/^[2-5]\d\d$/.test(status)) }).toEqual({
      name,
      statuses: [],
    })
    for (const response of Object.values(responses)) expect(response.description).toBeTruthy()
  }
})

test('keys of the path and of the query are parameters', async () => {
  const list = (await described()).get('vectors.list')!
  expect(list.parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name)).toEqual(['project_id'])
  expect(list.parameters.filter((parameter) => parameter.in === 'query').map(({ name }) => name)).toContain('namespace')
})

test('only public operations need no key', async () => {
  for (const { name, permission } of OPERATIONS) {
    const { security } = (await described()).get(name)!
    expect({ name, open: Array.isArray(security) }).toEqual({ name, open: permission === 'public' })
  }
})

interface Schema {
  description?: string
  $ref?: string
  properties?: Record<string, Schema>
}

/** Every object in `value` with its path, schemas of nested properties included. An example can be a schema of a user. */
function* objectsIn(value: unknown, path: string): Generator<[path: string, object: Record<string, unknown>]> {
  if (typeof value !== 'object' || value === null) return
  if (!Array.isArray(value)) yield [path, value as Record<string, unknown>]
  for (const [key, each] of Object.entries(value)) if (key !== 'examples') yield* objectsIn(each, `${path}/${key}`)
}

test('E: every operation, tag, parameter, response, named schema and property has a description', async () => {
  const { body } = await app.request('GET', '/openapi.json')
  const schemas = body.components.schemas as Record<string, Schema>
  const isDescribed = ({ description, $ref }: Schema): boolean =>
    Boolean(description) || ($ref !== undefined && isDescribed(schemas[$ref.split('/').at(-1)!]!))
  const missing: string[] = []
  const check = (name: string, schema: Schema) => isDescribed(schema) || missing.push(name)
  let properties = 0
  for (const [path, object] of objectsIn(body, '')) {
    const isSchema = !path.endsWith('/properties') && ('type' in object || 'properties' in object)
    for (const [name, property] of Object.entries(isSchema ? ((object as Schema).properties ?? {}) : {})) {
      properties++
      check(`${path} ${name}`, property)
    }
  }
  for (const [name, schema] of Object.entries(schemas)) check(name, schema)
  for (const { name, ...tag } of body.tags as (Schema & { name: string })[]) check(name, tag)
  let parameters = 0
  for (const [name, operation] of await described()) {
    check(name, operation as Schema)
    parameters += operation.parameters.length
    for (const parameter of operation.parameters) check(`${name} ${parameter.name}`, parameter as Schema)
    for (const [status, response] of Object.entries(operation.responses)) check(`${name} ${status}`, response)
  }
  expect(missing).toEqual([])
  expect(properties).toBeGreaterThan(700)
  expect(parameters).toBeGreaterThan(140)
})

const NAMED = [
  'Hook',
  'Run',
  'Event',
  'Function',
  'Vector',
  'Memory',
  'File',
  'Table',
  'Row',
  'Project',
  'Key',
  'Error',
]

test('E: at least 40 schemas have names, among them the nouns of the API', async () => {
  const { body } = await app.request('GET', '/openapi.json')
  const names = Object.keys(body.components.schemas as object)
  expect(names).toEqual(expect.arrayContaining(NAMED))
  expect(names.length).toBeGreaterThanOrEqual(40)
  expect(body.components.schemas.EventName.enum).toEqual(EVENT_NAMES)
})

test('operations have tags that the document describes', async () => {
  const { body } = await app.request('GET', '/openapi.json')
  const tags = (body.tags as { name: string }[]).map(({ name }) => name)
  const used = new Set(OPERATIONS.map(({ name }) => name.split('.')[0]))
  expect(tags.sort()).toEqual([...used].sort())
})

test('references lead to schemas of the document', async () => {
  const { body } = await app.request('GET', '/openapi.json')
  for (const [path, { $ref }] of objectsIn(body, ''))
    if (typeof $ref === 'string')
      expect({ path, schema: body.components.schemas[$ref.replace('#/components/schemas/', '')] }).toEqual({
        path,
        schema: expect.any(Object),
      })
})

test('the root path describes the server', async () => {
  const reply = await app.request('GET', '/')
  expect(reply.body).toMatchObject({ name: 'zerodb-functions', openapi: '/openapi.json' })
})
