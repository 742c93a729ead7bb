import { afterAll, beforeAll, expect, test } from 'vitest'
import { sql } from '../../../src/db/sql.ts'
import type { Run } from '../../../src/schema/run.ts'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'
import { eventually } from '../../support/eventually.ts'
import { gated } from '../../support/gate.ts'

const STORED = 'zerodb.vector.stored'

let app: TestApp
beforeAll(async () => {
  app = await openTestApp({ ZERODB_WORKER_SLOTS: '2' })
})
afterAll(() => app.close())

async function store(user: TestUser, text: string, project = user.project_id): Promise<void> {
  const reply = await user.post(`/api/v1/projects/${project}/database/vectors/upsert`, { document: text })
  expect(reply.status).toBe(200)
}

test('a lane with a long queue delays another by a few runs, in any order of arrival', async () => {
  const [busy, ...others] = [await app.newUser(), await app.newUser(), await app.newUser()]
  for (const user of [busy!, ...others]) await user.hook(STORED, 'auto_embed')
  const gate = gated()
  await app.withEmbedder(gate.embed, async () => {
    for (let n = 0; n < 60; n++) await store(busy!, `busy ${n}`)
    await eventually(() => expect(gate.started).toHaveLength(2))
    for (const [i, user] of others.entries()) for (let n = 0; n < 3; n++) await store(user, `other${i} ${n}`)
    const opened = new Set<string>()
    while (opened.size < 66) {
      const next = gate.started.find((text) => !opened.has(text))
      if (next === undefined) {
        await eventually(() => expect(gate.started.length).toBeGreaterThan(opened.size))
        continue
      }
      opened.add(next)
      gate.open(next)
    }
    await busy!.runs()
  })
  const last = Math.max(...gate.started.flatMap((text, place) => (text.startsWith('other') ? [place] : [])))
  // Three of each of the others, one of the busy lane with each, and the runs that were already claimed.
  expect(last).toBeLessThan(20)
})

test('a project has at most ZERODB_PROJECT_CONCURRENCY concurrent runs, over all its hooks', async () => {
  const small = await openTestApp({ ZERODB_WORKER_SLOTS: '10', ZERODB_PROJECT_CONCURRENCY: '3' })
  try {
    const user = await small.newUser()
    await user.hook(STORED, 'auto_embed')
    const second = await user.project()
    const gate = gated()
    await small.withEmbedder(gate.embed, async () => {
      for (let n = 0; n < 6; n++) await store(user, `first ${n}`)
      for (let n = 0; n < 6; n++) await store(user, `second ${n}`, second)
      await eventually(async () => {
        expect(gate.started).toHaveLength(6)
        expect((await user.get('/api/v1/runs?status=queued')).body.items).toHaveLength(6)
      })
      const running = await small.system.database.query<{ count: number }>(sql`
        select count(*) from zerodb_runs where status = 'running' group by project_id`)
      expect(running.map(({ count }) => count)).toEqual([3, 3])
      const queued = (await user.get('/api/v1/runs?status=queued')).body.items
      expect(queued.map(({ waiting_for }: Run) => waiting_for)).toEqual(Array(6).fill({ reason: 'limit' }))
      const opened = new Set<string>()
      while (opened.size < 12) {
        const next = gate.started.find((text) => !opened.has(text))
        if (next === undefined) {
          await eventually(() => expect(gate.started.length).toBeGreaterThan(opened.size))
          continue
        }
        opened.add(next)
        gate.open(next)
        expect(gate.started.length - opened.size).toBeLessThanOrEqual(6)
      }
    })
    expect((await user.trail()).runs).toEqual(Array(12).fill('auto_embed succeeded'))
  } finally {
    await small.close()
  }
})
