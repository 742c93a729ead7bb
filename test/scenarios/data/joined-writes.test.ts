import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sql } from '../../../src/db/sql.ts'
import { openTestApp, type TestApp } from '../../support/app.ts'

let app: TestApp
beforeAll(async () => {
  app = await openTestApp()
})
afterAll(() => app.close())

const CALLERS = 60

describe('events that many callers publish at the same time', () => {
  test('are written by few statements, each with its own event, and each caller gets its own', async () => {
    const user = await app.newUser()
    const payload = (n: number) => ({ n, exact: `${n}.10`, text: 'ä"\\' })
    const replies = await Promise.all(
      Array.from({ length: CALLERS }, (_, n) =>
        user.post(`${user.database}/events/publish`, {
          topic: `t${n % 3}`,
          event_payload: payload(n),
          ...(n % 2 === 0 ? { source: `s${n}`, correlation_id: `c${n}` } : {}),
        }),
      ),
    )
    for (const [n, { status, body }] of replies.entries()) {
      expect(status).toBe(200)
      expect(body).toMatchObject({
        topic: `t${n % 3}`,
        event_payload: payload(n),
        source: n % 2 === 0 ? `s${n}` : null,
      })
      const stored = await user.get(`${user.database}/events/${body.id}`)
      expect(stored.body).toMatchObject({ event_payload: payload(n), correlation_id: n % 2 === 0 ? `c${n}` : null })
    }
    const events = await user.events()
    expect(events.map(({ data }) => data['event_id']).sort()).toEqual(replies.map(({ body }) => body.id).sort())
    const [row] = await app.system.database.query<{ statements: number; valid: boolean }>(sql`
      select count(distinct xid)::int as statements, bool_and(zerodb_event_seq(id) = seq) as valid
      from zerodb_events where user_id = ${user.user_id}::uuid`)
    expect(row!.statements).toBeLessThan(CALLERS / 2)
    expect(row!.valid).toBe(true)
  })

  test('fail only for the caller whose event cannot be stored', async () => {
    const user = await app.newUser()
    const results = await Promise.allSettled(
      Array.from({ length: CALLERS }, (_, n) =>
        app.system.app.store.published.publish(user, { topic: n === 30 ? 'a\0b' : 'a', event_payload: { n } }),
      ),
    )
    const failed = results.flatMap(({ status }, n) => (status === 'rejected' ? [n] : []))
    expect(failed).toEqual([30])
    const numbers = results.flatMap((each) => (each.status === 'fulfilled' ? [each.value.event_payload] : []))
    expect(numbers).toEqual(Array.from({ length: CALLERS }, (_, n) => ({ n })).filter(({ n }) => n !== 30))
    expect(await user.events()).toHaveLength(CALLERS - 1)
  })

  test('are refused for each caller in a project of another user', async () => {
    const [user, stranger] = [await app.newUser(), await app.newUser()]
    const replies = await Promise.all(
      Array.from({ length: CALLERS }, (_, n) =>
        (n % 2 === 0 ? user : stranger).post(`${user.database}/events/publish`, { topic: 'a', event_payload: { n } }),
      ),
    )
    expect(replies.map(({ status }) => status)).toEqual(replies.map((_, n) => (n % 2 === 0 ? 200 : 404)))
    expect(await user.events()).toHaveLength(CALLERS / 2)
  })
})
