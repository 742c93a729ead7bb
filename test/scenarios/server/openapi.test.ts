import { afterAll, beforeAll, expect, test } from 'vitest'
import { OPERATIONS } from '../../../src/operations/index.ts'
import { openTestApp, type TestApp } from '../../support/app.ts'

let app: TestApp
beforeAll(async () => {
  app = await openTestApp()
})
afterAll(() => app.close())

interface Described {
  operationId: string
  parameters: { name: string; in: string; required: boolean }[]
  requestBody?: { content: Record<string, { schema: { required?: string[] } }> }
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

test('the document has every operation, once', async () => {
  expect([...(await described()).keys()].sort()).toEqual(OPERATIONS.map((operation) => operation.name).sort())
})

test('a hook’s creation is described as it is: fields, status and errors', async () => {
  const create = (await described()).get('hooks.create')!
  expect(create.requestBody!.content['application/json']!.schema.required).toEqual(['event_type', 'hook_name'])
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
    '`function_disabled`: This function is switched off',
  ])
})

test('every operation is described with the statuses that it has, and with no other', async () => {
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

test('only what is public asks for no key', async () => {
  for (const { name, permission } of OPERATIONS) {
    const { security } = (await described()).get(name)!
    expect({ name, open: Array.isArray(security) }).toEqual({ name, open: permission === 'public' })
  }
})

test('the address itself says what is here', async () => {
  const reply = await app.request('GET', '/')
  expect(reply.body).toMatchObject({ name: 'zerodb-functions', openapi: '/openapi.json' })
})
