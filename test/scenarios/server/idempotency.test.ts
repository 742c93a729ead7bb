import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sql } from '../../../src/db/sql.ts'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'

let app: TestApp
beforeAll(async () => {
  app = await openTestApp()
})
afterAll(() => app.close())

const MEMORY = '/api/v1/public/memory/v2'
const REMEMBER = `${MEMORY}/remember`

const send = (user: TestUser, key: string, body: unknown, url = REMEMBER) =>
  user.post(url, body, { 'idempotency-key': key })

describe('D: Idempotency-Key', () => {
  test('a repeated request gets the first response and writes nothing', async () => {
    const user = await app.newUser()
    const first = await send(user, 'order 1', { content: 'a note', metadata: { n: 1 } })
    expect(first.status).toBe(200)
    expect(first.headers).not.toHaveProperty('idempotency-replayed')
    const second = await send(user, 'order 1', { content: 'a note', metadata: { n: 1 } })
    expect(second).toMatchObject({ status: 200, headers: { 'idempotency-replayed': 'true' } })
    expect(second.body).toEqual(first.body)
    expect((await send(user, 'order 2', { content: 'a note' })).body.memory_id).not.toBe(first.body.memory_id)
    expect((await user.trail()).events).toEqual(['zeromemory.remembered', 'zeromemory.remembered'])
  })

  test('keeps the status, numbers with all their digits, and responses without a body', async () => {
    const user = await app.newUser()
    const tables = `${user.database}/tables`
    expect((await send(user, 'table', { table_name: 't' }, tables)).status).toBe(201)
    expect((await send(user, 'table', { table_name: 't' }, tables)).status).toBe(201)
    const payload = '{"row_data":{"n":9007199254740993}}'
    const headers = { 'idempotency-key': 'row', 'content-type': 'application/json' }
    const rows = [1, 2].map(() => user.request('POST', `${tables}/t/rows`, { payload, headers }))
    await rows[0]
    await rows[1]
    const repeated = await user.request('POST', `${tables}/t/rows`, { payload, headers })
    expect(repeated.status).toBe(201)
    expect(repeated.raw.toString()).toContain('"n":9007199254740993')
    const remove = () => user.request('DELETE', `${tables}/t`, { headers: { 'idempotency-key': 'gone' } })
    expect((await remove()).status).toBe(204)
    expect(await remove()).toMatchObject({ status: 204, body: '' })
  })

  test('a repeated update gets the first response, and keeps what others have written since', async () => {
    const user = await app.newUser()
    const { body: stored } = await user.post(`${user.database}/memory/store`, { content: 'a' })
    const url = `${user.database}/memory/${stored.memory_id ?? stored.id}`
    const update = () => user.request('PATCH', url, { body: { content: 'b' }, headers: { 'idempotency-key': 'b' } })
    const first = await update()
    expect(first.status).toBe(200)
    expect((await user.patch(url, { content: 'c' })).status).toBe(200)
    expect(await update()).toMatchObject({ body: first.body, headers: { 'idempotency-replayed': 'true' } })
    expect((await user.get(url)).body.content).toBe('c')
    expect((await user.trail()).events).toEqual(['zerodb.memory.stored', ...Array(2).fill('zerodb.memory.updated')])
  })

  test('a key that was used for another request is 409, also for another project', async () => {
    const user = await app.newUser()
    await send(user, 'k', { content: 'a note' })
    const other = await send(user, 'k', { content: 'another note' })
    expect(other).toMatchObject({ status: 409, body: { code: 'idempotency_mismatch' } })
    const elsewhere = await user.post(
      REMEMBER,
      { content: 'a note' },
      {
        'idempotency-key': 'k',
        'x-project-id': await user.project(),
      },
    )
    expect(elsewhere).toMatchObject({ status: 409, body: { code: 'idempotency_mismatch' } })
    expect((await user.trail()).events).toEqual(['zeromemory.remembered'])
  })

  test('while the first request is running, the second one is 409 and can be repeated', async () => {
    const user = await app.newUser()
    const answers = await Promise.all(Array.from({ length: 8 }, () => send(user, 'k', { content: 'a note' })))
    const statuses = answers.map(({ status }) => status)
    expect(statuses.filter((status) => status !== 200 && status !== 409)).toEqual([])
    for (const { status, body, headers } of answers)
      if (status === 409) expect([body.code, headers['retry-after']]).toEqual(['idempotency_running', '1'])
    expect((await send(user, 'k', { content: 'a note' })).status).toBe(200)
    expect((await user.trail()).events).toEqual(['zeromemory.remembered'])
  })

  test('a failed request is not kept, and a request whose process died is repeated after 15 minutes', async () => {
    const user = await app.newUser()
    const table = `${user.database}/tables/t/rows`
    expect((await send(user, 'k', { row_data: {} }, table)).status).toBe(404)
    await user.post(`${user.database}/tables`, { table_name: 't' })
    expect((await send(user, 'k', { row_data: {} }, table)).status).toBe(201)

    await send(user, 'lost', { content: 'a note' })
    await app.system.database.query(
      sql`update zerodb_idempotency_keys set status = null, answer = null where key = 'lost'`,
    )
    expect((await send(user, 'lost', { content: 'a note' })).status).toBe(409)
    app.clock.advance(901)
    expect((await send(user, 'lost', { content: 'a note' })).status).toBe(200)
  })

  test('keys of two users are separate, responses are stored encrypted for 24 hours', async () => {
    const [user, other] = [await app.newUser(), await app.newUser()]
    const first = await send(user, 'k', { name: 'a key' }, '/api/v1/auth/api-keys')
    expect(first.status).toBe(201)
    expect((await send(other, 'k', { content: 'a note' })).status).toBe(200)
    const [row] = await app.system.database.query<{ answer: Buffer }>(
      sql`select answer from zerodb_idempotency_keys where user_id = ${user.user_id}::uuid`,
    )
    expect(row!.answer.includes(first.body.key)).toBe(false)
    expect((await send(user, 'k', { name: 'a key' }, '/api/v1/auth/api-keys')).body).toEqual(first.body)

    app.clock.advance(86_401)
    expect((await send(other, 'k', { content: 'another note' })).status).toBe(200)
    await app.system.app.store.idempotency.expire()
    const left = await app.system.database.query(
      sql`select from zerodb_idempotency_keys where user_id = ${user.user_id}::uuid`,
    )
    expect(left).toEqual([])
  })

  test('a key that is too long is 422, and reads ignore the header', async () => {
    const user = await app.newUser()
    expect(await send(user, 'x'.repeat(256), { content: 'a note' })).toMatchObject({
      status: 422,
      body: { detail: [{ loc: ['header', 'Idempotency-Key'] }] },
    })
    const recall = () => send(user, 'k', { query: 'note' }, `${MEMORY}/recall`)
    expect((await recall()).body.count).toBe(0)
    await user.post(REMEMBER, { content: 'a note' })
    expect((await recall()).body.count).toBe(1)
  })
})
