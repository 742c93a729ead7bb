import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { sql } from '../../../src/db/sql.ts'
import { openTestApp, type Reply, type TestApp, type TestUser } from '../../support/app.ts'
import { type Receiver, startReceiver } from '../../support/receiver.ts'

let app: TestApp
let receiver: Receiver

beforeAll(async () => {
  app = await openTestApp({ ZERODB_ALLOW_NETWORKS: '127.0.0.0/8' })
  receiver = await startReceiver()
})
afterAll(async () => {
  await app.close()
  await receiver.close()
})
beforeEach(() => {
  receiver.messages.length = 0
})
// Remaining runs of a test must not send messages in the next one.
afterEach(async () => {
  await app.system.database.query(sql`update zerodb_hooks set is_active = false`)
})

const HOOKS = '/api/v1/hooks'
const INSERTED = 'zerodb.table.row_inserted'
const UPDATED = 'zerodb.table.row_updated'
const DELETED = 'zerodb.table.row_deleted'
const WRITTEN = 'zerodb.table.row_written'

const trigger = (user: TestUser, event_type: string, rest: object = {}) =>
  user.post(HOOKS, {
    project_id: user.project_id,
    hook_id: 'orders-sync',
    event_type,
    table_name: 'orders',
    path_pattern: null,
    callback_url: receiver.url,
    metadata: { team: 'blue' },
    ...rest,
  })

/** Creates a table, and inserts, updates and deletes a row. Returns the id of the row. */
async function changeRow(user: TestUser, table: string): Promise<string> {
  expect((await user.post(`${user.database}/tables`, { table_name: table })).status).toBe(201)
  const rows = `${user.database}/tables/${table}/rows`
  const { row_id } = (await user.post(rows, { row_data: { total: 1 } })).body
  expect((await user.patch(`${rows}/${row_id}`, { update: { $set: { total: 2 } } })).status).toBe(200)
  expect((await user.delete(`${rows}/${row_id}`)).status).toBe(200)
  return row_id
}

const bodies = () => receiver.messages.map(({ body }) => body)

/** Returns the delivered messages once all runs have ended. */
async function delivered(user: TestUser) {
  for (const run of await user.runs()) expect(run).toMatchObject({ status: 'succeeded' })
  return bodies()
}

const byType = <Item extends { event_type: string }>(items: Item[]): Item[] =>
  [...items].sort((a, b) => a.event_type.localeCompare(b.event_type))

describe('a hook with callback_url', () => {
  test('is a webhook for one table, whose messages have the rows before and after the event', async () => {
    const user = await app.newUser()
    const created = await trigger(user, UPDATED)
    expect(created.status).toBe(201)
    const { webhook_secret, ...hook } = created.body
    expect(hook).toEqual({
      id: expect.any(String),
      user_id: user.user_id,
      project_id: user.project_id,
      event_type: UPDATED,
      hook_type: 'webhook',
      hook_name: 'webhook:orders-sync',
      hook_config: { url: receiver.url, format: 'trigger', metadata: { team: 'blue' } },
      is_active: true,
      created_at: expect.any(String),
      updated_at: expect.any(String),
      filter: { 'data.table_name': 'orders' },
    })
    expect((await user.get(`${HOOKS}?project_id=${user.project_id}`)).body).toEqual([hook])
    expect((await user.get(`${HOOKS}/${hook.id}?project_id=${user.project_id}`)).body).toEqual(hook)
    await changeRow(user, 'customers')
    const row_id = await changeRow(user, 'orders')
    expect(await delivered(user)).toEqual([
      { event_type: UPDATED, table_name: 'orders', row_id, data: { total: 2 }, old_data: { total: 1 } },
    ])
    expect(receiver.signedBy(receiver.messages[0]!, webhook_secret)).toEqual([true])
  })

  test('gets the row of the event, not of a later one, and null where there is none', async () => {
    const user = await app.newUser()
    for (const event_type of [INSERTED, DELETED])
      expect((await trigger(user, event_type, { metadata: null })).body.hook_config).toEqual({
        url: receiver.url,
        format: 'trigger',
      })
    const row_id = await changeRow(user, 'orders')
    expect(byType(await delivered(user))).toEqual([
      { event_type: DELETED, table_name: 'orders', row_id, data: null, old_data: { total: 2 } },
      { event_type: INSERTED, table_name: 'orders', row_id, data: { total: 1 }, old_data: null },
    ])
  })

  test('exists once per event type and name, and is deleted with the id of the response', async () => {
    const user = await app.newUser()
    const { id } = (await trigger(user, UPDATED)).body
    expect(await trigger(user, UPDATED)).toMatchObject({ status: 409, body: { code: 'hook_exists' } })
    expect((await user.delete(`${HOOKS}/${id}?project_id=${user.project_id}`)).status).toBe(204)
    expect((await user.get(HOOKS)).body).toEqual([])
    await changeRow(user, 'orders')
    expect(await delivered(user)).toEqual([])
  })

  test('can have names in camelCase, and a filter besides its table', async () => {
    const user = await app.newUser()
    const filter = { 'row.total': { $gte: 5 } }
    const body = { hookId: 'a', eventType: UPDATED, tableName: 'orders', callbackUrl: receiver.url, filter }
    const created = await user.post(HOOKS, body)
    expect(created).toMatchObject({
      status: 201,
      body: { hook_name: 'webhook:a', filter: { $and: [filter, { 'data.table_name': 'orders' }] } },
    })
    await changeRow(user, 'orders')
    expect(await delivered(user)).toEqual([])
    const url = `${HOOKS}/${created.body.id}`
    expect((await user.patch(url, { callbackUrl: `${receiver.url}/b` })).body.hook_config).toEqual({
      url: `${receiver.url}/b`,
      format: 'trigger',
    })
    expect(await user.patch(url, { callback_url: null })).toMatchObject({
      status: 422,
      body: { detail: [{ loc: ['body', 'callback_url'] }] },
    })
  })

  test('selects files by a pattern of their key or folder', async () => {
    const user = await app.newUser()
    const file = (path_pattern: string, hook_id: string) =>
      trigger(user, 'zerodb.file.uploaded', { hook_id, table_name: null, path_pattern })
    const created = await file('invoices/*.p?f', 'one-level')
    const $regex = '^invoices/[^/]*\\.p[^/]f$'
    expect(created.body.filter).toEqual({ $or: [{ 'row.file_key': { $regex } }, { 'row.folder': { $regex } }] })
    expect((await file('invoices/**', 'any-level')).status).toBe(201)
    for (const file_key of ['invoices/a.pdf', 'invoices/2026/b.pdf', 'invoices/a.txt', 'other/invoices/a.pdf'])
      await user.post(`${user.database}/files/upload`, { file_key, file_name: 'a', content_type: 'text/plain' })
    const keys = (await delivered(user)).map(({ event_type, table_name, row_id, old_data, data }) => {
      expect({ event_type, table_name, row_id, old_data }).toEqual({
        event_type: 'zerodb.file.uploaded',
        table_name: null,
        row_id: null,
        old_data: null,
      })
      return data.file_key
    })
    expect(keys.sort()).toEqual(['invoices/2026/b.pdf', 'invoices/a.pdf', 'invoices/a.pdf', 'invoices/a.txt'])
  })

  test('gets the data of an event that has no row', async () => {
    const user = await app.newUser()
    expect((await trigger(user, 'zerodb.vector.batch_stored', { table_name: null })).status).toBe(201)
    const vectors = [{ vector_embedding: [1, 0] }]
    expect((await user.post(`${user.database}/vectors/upsert-batch`, { vectors })).status).toBe(200)
    const [event] = await user.events()
    expect(await delivered(user)).toEqual([
      { event_type: event!.event, table_name: null, row_id: null, data: event!.data, old_data: null },
    ])
  })

  test.each([
    ['callback_url', { callback_url: null }, 'A hook needs a URL to which events are delivered.'],
    ['callback_url', { callback_url: undefined }, 'A hook needs a URL to which events are delivered.'],
    ['hook_id', { hook_id: 'a b' }, 'Must have 1 to 80 letters, digits or _ . -'],
    ['table_name', { table_name: 5 }, 'Input should be a valid string'],
    ['table_name', { event_type: 'zerodb.memory.stored' }, 'Events of type zerodb.memory.stored have no table'],
    ['path_pattern', { path_pattern: 'a/*' }, `Events of type ${UPDATED} have no path`],
    ['event_type', { event_type: undefined }, 'Field required'],
    ['webhook_url', { webhook_url: 'https://other.example.com/' }, '"webhook_url" contradicts "callback_url"'],
    ['hook_config', { hook_config: 'x' }, 'Input should be a valid dictionary'],
    ['where', { where: {} }, 'Extra inputs are not permitted'],
  ])('is refused for %s of %j, with the field', async (field, wrong, msg) => {
    const user = await app.newUser()
    const reply = await trigger(user, UPDATED, wrong)
    expect(reply.status).toBe(422)
    expect(reply.body.detail).toEqual([expect.objectContaining({ loc: ['body', field] })])
    expect(reply.body.detail[0].msg).toContain(msg)
    expect((await user.get(HOOKS)).body).toEqual([])
  })

  test('is refused for an unknown event type, a private address and a project of another user', async () => {
    const user = await app.newUser()
    const stranger = await app.newUser()
    expect(await trigger(user, 'zerodb.table.row_moved')).toMatchObject({ status: 422 })
    expect(await trigger(user, UPDATED, { callback_url: 'http://169.254.169.254/' })).toMatchObject({ status: 422 })
    expect(await trigger(user, UPDATED, { project_id: stranger.project_id })).toMatchObject({ status: 404 })
    expect((await user.get(HOOKS)).body).toEqual([])
  })
})

describe('zerodb.table.row_written', () => {
  // Hooks of one transaction have the same time, and are in any order.
  const both = async (user: TestUser): Promise<Reply['body']> =>
    byType((await user.get(`${HOOKS}?active_only=false`)).body)

  test('is a hook on inserts and one on updates, with one secret', async () => {
    const user = await app.newUser()
    const created = await trigger(user, WRITTEN)
    expect(created.status).toBe(201)
    const [first, second, ...others] = await both(user)
    expect(others).toEqual([])
    const { webhook_secret, warnings, ...hook } = created.body
    expect(hook).toEqual(first)
    expect(hook).toMatchObject({
      event_type: INSERTED,
      hook_name: 'webhook:orders-sync',
      hook_config: { url: receiver.url, format: 'trigger', metadata: { team: 'blue' }, event_type: WRITTEN },
      filter: { 'data.table_name': 'orders' },
    })
    expect(second).toEqual({
      ...first,
      id: second.id,
      event_type: UPDATED,
      created_at: expect.any(String),
      updated_at: expect.any(String),
    })
    expect(warnings).toEqual([`Hook ${second.id} on ${UPDATED} was created too`])
    const row_id = await changeRow(user, 'orders')
    expect(byType(await delivered(user))).toEqual([
      { event_type: INSERTED, table_name: 'orders', row_id, data: { total: 1 }, old_data: null },
      { event_type: UPDATED, table_name: 'orders', row_id, data: { total: 2 }, old_data: { total: 1 } },
    ])
    for (const message of receiver.messages) expect(receiver.signedBy(message, webhook_secret)).toEqual([true])
  })

  test('changes and deletes both hooks with either id', async () => {
    const user = await app.newUser()
    await trigger(user, WRITTEN)
    const [first, second] = await both(user)
    expect((await user.patch(`${HOOKS}/${first.id}`, { is_active: false })).body).toMatchObject({ id: first.id })
    expect(await user.get(HOOKS)).toMatchObject({ body: [] })
    const changed = await user.patch(`${HOOKS}/${second.id}`, { callback_url: `${receiver.url}/b`, is_active: true })
    expect(changed.body).toMatchObject({ id: second.id })
    const hook_config = { url: `${receiver.url}/b`, format: 'trigger', event_type: WRITTEN }
    expect(await both(user)).toMatchObject([
      { id: first.id, is_active: true, hook_config },
      { id: second.id, is_active: true, hook_config },
    ])
    expect((await user.delete(`${HOOKS}/${second.id}`)).status).toBe(204)
    expect(await both(user)).toEqual([])
    expect((await user.delete(`${HOOKS}/${first.id}`)).status).toBe(404)
  })

  test('creates none of its hooks if one of them exists', async () => {
    const user = await app.newUser()
    const { id } = (await trigger(user, UPDATED)).body
    expect(await trigger(user, WRITTEN)).toMatchObject({ status: 409, body: { code: 'hook_exists' } })
    expect(await both(user)).toMatchObject([{ id }])
    expect((await user.delete(`${HOOKS}/${id}`)).status).toBe(204)
    expect((await trigger(user, WRITTEN)).status).toBe(201)
    expect(await trigger(user, WRITTEN)).toMatchObject({ status: 409 })
    expect(await both(user)).toHaveLength(2)
  })
})

describe('a hook with webhook_url', () => {
  const hooksOf = (user: TestUser) => `/v1/zerodb/${user.project_id}/database/hooks`

  test('is created, listed, changed and deleted under the path of its project', async () => {
    const user = await app.newUser()
    const hooks = hooksOf(user)
    const body = { event_type: INSERTED, webhook_url: receiver.url, active: true }
    const created = await user.post(hooks, body)
    expect(created).toMatchObject({
      status: 201,
      body: {
        project_id: user.project_id,
        hook_name: expect.stringMatching(/^webhook:[0-9a-f]{16}$/),
        hook_config: { url: receiver.url, format: 'trigger' },
      },
    })
    expect((await user.post(hooks, body)).status).toBe(409)
    const { webhook_secret: _, ...hook } = created.body
    expect((await user.get(hooks)).body).toEqual([hook])
    expect((await user.get(`${hooks}/${hook.id}`)).body).toEqual(hook)
    const row_id = await changeRow(user, 'orders')
    expect(await delivered(user)).toEqual([
      { event_type: INSERTED, table_name: 'orders', row_id, data: { total: 1 }, old_data: null },
    ])
    const changed = await user.patch(`${hooks}/${hook.id}`, { webhook_url: `${receiver.url}/b`, active: false })
    expect(changed.body).toMatchObject({
      is_active: false,
      hook_config: { url: `${receiver.url}/b`, format: 'trigger' },
    })
    expect((await user.delete(`${hooks}/${hook.id}`)).status).toBe(204)
    expect((await user.get(`${hooks}/${hook.id}`)).status).toBe(404)
  })

  test('is 404 for other users, and with a key that is bound to another project', async () => {
    const user = await app.newUser()
    const stranger = await app.newUser()
    const { id } = (await user.post(hooksOf(user), { event_type: INSERTED, webhook_url: receiver.url })).body
    for (const method of ['GET', 'PATCH', 'DELETE'])
      expect((await stranger.request(method, `${hooksOf(user)}/${id}`, { body: {} })).status).toBe(404)
    const body = { event_type: INSERTED, webhook_url: receiver.url }
    expect((await stranger.post(hooksOf(user), body)).status).toBe(404)
    const bound = await app.boundKey(user, await user.project())
    expect((await user.post(hooksOf(user), body, { authorization: `Bearer ${bound}` })).status).toBe(404)
  })
})

describe('a schedule that is sent as a hook', () => {
  test.each([
    [
      () => '/api/v1/zerodb/hooks',
      (user: TestUser) => ({
        event_type: 'zerodb.cron.tick',
        hook_name: 'nightly report',
        project_id: user.project_id,
        hook_config: { cron_expression: '0 6 * * *', timezone: 'Europe/Berlin', limit: 5 },
      }),
      { hook_name: 'nightly report', event_payload: { limit: 5 }, timezone: 'Europe/Berlin' },
    ],
    [
      (user: TestUser) => `/v1/zerodb/${user.project_id}/database/hooks`,
      () => ({ event_type: 'zerodb.cron.tick', active: true, cron_expression: '0 6 * * *', payload: { n: 1 } }),
      { hook_name: null, event_payload: { n: 1 }, timezone: 'UTC' },
    ],
  ])('publishes its type as a topic, and is read, paused and deleted as a hook', async (pathOf, bodyOf, expected) => {
    const user = await app.newUser()
    const path = pathOf(user)
    const created = await user.post(path, bodyOf(user), { 'x-api-key': user.key })
    const { hook_id } = created.body
    expect(created).toMatchObject({
      status: 201,
      body: { ...expected, id: hook_id, event_type: 'zerodb.cron.tick', is_active: true, project_id: user.project_id },
    })
    expect((await user.get(`${path}/${hook_id}`)).body).toMatchObject({ hook_id, is_active: true })
    app.clock.advance(86_400)
    await app.drained()
    const event = { topic: 'zerodb.cron.tick', event_payload: expected.event_payload }
    expect((await user.get(`${user.database}/events`)).body.events).toMatchObject([event])
    expect((await user.patch(`${path}/${hook_id}`, { active: false })).body).toMatchObject({ is_active: false })
    app.clock.advance(86_400)
    await app.drained()
    expect((await user.get(`${user.database}/events`)).body.events).toHaveLength(1)
    const stranger = await app.newUser()
    expect((await stranger.delete(`/api/v1/hooks/${hook_id}`)).status).toBe(404)
    expect((await user.patch(`${path}/${hook_id}`, { hook_config: {} })).status).toBe(422)
    expect((await user.delete(`${path}/${hook_id}`)).status).toBe(204)
    expect((await user.get(`${path}/${hook_id}`)).status).toBe(404)
    expect((await user.get('/api/v1/schedules')).body).toEqual([])
  })

  test('is 409 with the name of another one, and 422 with a cron expression that is not one', async () => {
    const user = await app.newUser()
    const send = (cron_expression: string) =>
      user.post('/api/v1/zerodb/hooks', { event_type: 'custom', hook_name: 'a', hook_config: { cron_expression } })
    expect((await send('0 6 * * *')).status).toBe(201)
    expect((await send('0 6 * * *')).status).toBe(409)
    expect((await send('often')).status).toBe(422)
  })

  test('needs the permission to publish', async () => {
    const user = await app.newUser()
    const { key } = (await user.post('/api/v1/auth/api-keys', { name: 'hooks', scopes: ['hooks:*'] })).body
    const body = { event_type: 'custom', hook_name: 'a', hook_config: { cron_expression: '0 6 * * *' } }
    const reply = await app.request('POST', '/api/v1/zerodb/hooks', { body, headers: { 'x-api-key': key } })
    expect(reply).toMatchObject({ status: 403, body: { detail: expect.stringContaining('zerodb:write') } })
  })

  test.each([
    [
      '/api/v1/zerodb/hooks',
      { event_type: 'custom.report', hook_name: 'weekly report', hook_config: { poll_interval: 60 } },
      ['body', 'hook_config', 'poll_interval'],
    ],
    [HOOKS, { event_type: 'zerodb.cron.tick', webhook_url: 'https://hooks.example.com/' }, ['body', 'event_type']],
    [
      HOOKS,
      { event_type: 'custom', webhook_url: 'https://hooks.example.com/', cron_expression: '0 6 * * *', payload: {} },
      ['body', 'cron_expression'],
    ],
  ])('is refused at %s with what to use instead', async (path, body, loc) => {
    const user = await app.newUser()
    const reply = await user.post(path, body, { 'x-api-key': user.key })
    expect(reply.status).toBe(422)
    expect(reply.body.detail).toMatchObject([
      { loc, msg: expect.stringContaining('Deploy a function with a schedule') },
    ])
    expect((await user.get(`${HOOKS}?active_only=false`)).body).toEqual([])
  })
})

test('a standard webhook has the rows that it includes', async () => {
  const user = await app.newUser()
  const create = (label: string, hook_config: object) =>
    user.post(HOOKS, {
      event_type: UPDATED,
      hook_name: `webhook:${label}`,
      hook_config: { url: receiver.url, ...hook_config },
    })
  const { id: one } = (await create('one', { include: ['previous'] })).body
  const { id: two } = (await create('two', { include: ['row', 'previous'] })).body
  await changeRow(user, 'orders')
  await user.runs()
  const [first, second] = [one, two].map((id) => bodies().find(({ hook_id }) => hook_id === id))
  expect(first).toMatchObject({ event: UPDATED, previous: { total: 1 } })
  expect(first).not.toHaveProperty('row')
  expect(second).toMatchObject({ event: UPDATED, row: { total: 2 }, previous: { total: 1 } })
  for (const [hook_config, name] of [
    [{ format: 'other' }, 'format'],
    [{ include: ['rows'] }, 'include'],
    [{ format: 'trigger', include: ['row'] }, 'include'],
  ] as const) {
    const refused = await create('three', hook_config)
    expect(refused).toMatchObject({ status: 422, body: { detail: [{ loc: expect.arrayContaining([name]) }] } })
  }
})
