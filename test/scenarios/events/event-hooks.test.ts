import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { sql } from '../../../src/db/sql.ts'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'
import { instant } from '../../support/gate.ts'
import { undispatched } from '../../support/undispatched.ts'

const STORED = 'zerodb.vector.stored'
const LOG = '/api/v1/event-log'

let app: TestApp
let user: TestUser
beforeAll(async () => {
  app = await openTestApp()
})
afterAll(() => app.close())
beforeEach(async () => {
  user = await app.newUser()
})

const store = async (vector_id: string, project = user.project_id) =>
  expect(
    (await user.post(`/api/v1/projects/${project}/database/vectors/upsert`, { vector_id, document: vector_id })).status,
  ).toBe(200)
describe('the hooks of an event', () => {
  const verdicts = async (event: string, key = user.key) => {
    const { status, body } = await app.request('GET', `${LOG}/${event}/hooks`, { headers: { 'x-api-key': key } })
    expect(status).toBe(200)
    expect(body.event_id).toBe(event)
    return body.hooks
  }
  const lastEvent = async () => (await user.get(`${LOG}?limit=1`)).body.items[0].id

  test('show that they fired, or why not', () =>
    app.withEmbedder(instant, async () => {
      const other = await user.project()
      const fired = await user.hook(STORED, 'auto_embed')
      const elsewhere = await user.hook(STORED, 'auto_embed', { project_id: other })
      const filtered = await user.hook(STORED, 'auto_summarize', { filter: { 'row.namespace': 'x' } })
      const off = await user.hook(STORED, 'auto_graph')
      await user.patch(`/api/v1/hooks/${off.id}`, { is_active: false })
      const gone = await user.hook(STORED, 'auto_graph', { project_id: user.project_id })
      await user.hook('zerodb.memory.stored', 'auto_embed')
      await store('v')
      await app.drained()
      await user.delete(`/api/v1/hooks/${gone.id}`)
      const later = await user.hook(STORED, 'auto_graph', { project_id: user.project_id })
      const of = ({ id, hook_name, project_id }: Record<string, unknown>) => ({ hook_id: id, hook_name, project_id })
      const runs = await user.runs()
      const runsOf = (hook: { id: string }) =>
        runs
          .filter(({ hook_id }) => hook_id === hook.id)
          .map(({ id, status, replay_id }) => ({ id, status, replay_id }))
      expect(runsOf(fired)).toMatchObject([{ status: 'succeeded', replay_id: null }])
      const event = await lastEvent()
      expect(await verdicts(event)).toEqual([
        { ...of(fired), fired: true, reason: null, runs: runsOf(fired) },
        { ...of(elsewhere), fired: false, reason: 'other_project', runs: [] },
        { ...of(filtered), fired: false, reason: 'filter', runs: [] },
        { ...of(off), fired: false, reason: 'inactive', runs: [] },
        { ...of(later), fired: false, reason: 'created_later', runs: [] },
        { ...of(gone), project_id: null, fired: true, reason: null, runs: runsOf(gone) },
      ])

      // A hook that was changed later cannot show how it was at the event.
      await user.patch(`/api/v1/hooks/${off.id}`, { is_active: true })
      await user.patch(`/api/v1/hooks/${filtered.id}`, { filter: null })
      const reasons = async () =>
        Object.fromEntries(
          (await verdicts(event)).map(({ hook_id, reason }: Record<string, string>) => [hook_id, reason]),
        )
      expect(await reasons()).toMatchObject({ [off.id]: 'changed', [filtered.id]: 'changed' })
      await app.system.database.query(sql`delete from zerodb_runs where hook_id = ${fired.id}::uuid`)
      expect(await reasons()).toMatchObject({ [fired.id]: 'expired' })
    }))

  test('include a paused hook as fired and an undispatched event as pending; a replay does not count as fired', async () => {
    const paused = await user.hook(STORED, 'auto_embed', { paused: true })
    await undispatched(app.system.app.store, async () => {
      await store('v')
      expect(await verdicts(await lastEvent())).toMatchObject([{ hook_id: paused.id, fired: false, reason: 'pending' }])
    })
    await app.drained()
    const later = await user.hook(STORED, 'auto_graph')
    const replay = await user.post('/api/v1/replays', { hook_id: later.id })
    await app.drained()
    app.clock.advance(1)
    await app.drained()
    expect(await verdicts(await lastEvent())).toMatchObject([
      { hook_id: paused.id, fired: true, reason: null, runs: [{ status: 'queued', replay_id: null }] },
      { hook_id: later.id, fired: false, reason: 'created_later', runs: [{ replay_id: replay.body.id }] },
    ])
  })

  test('are limited to the project and global hooks for a bound key, which sees no events of other projects', async () => {
    const other = await user.project()
    const everywhere = await user.hook(STORED, 'auto_embed')
    await user.hook(STORED, 'auto_graph', { project_id: user.project_id })
    const own = await user.hook(STORED, 'auto_graph', { project_id: other })
    await store('there', other)
    await app.drained()
    const bound = await app.boundKey(user, other)
    const ids = (await verdicts(await lastEvent(), bound)).map(({ hook_id }: { hook_id: string }) => hook_id)
    expect(ids).toEqual([everywhere.id, own.id])
    await store('here')
    const reply = await app.request('GET', `${LOG}/${await lastEvent()}/hooks`, { headers: { 'x-api-key': bound } })
    expect(reply.status).toBe(404)
  })
})
