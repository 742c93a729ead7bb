import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readConfig } from '../../../src/config.ts'
import { createServer } from '../../../src/http/server.ts'
import { openSystem, type System } from '../../../src/main.ts'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'
import { SERVER } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import { SANDBOX } from '../../support/sandbox.ts'

// The embedded database supports one process only.
describe.skipIf(!SERVER)('functions on several instances', () => {
  let app: TestApp
  let other: System
  let folder: string
  let user: TestUser
  beforeAll(async () => {
    app = await openTestApp(SANDBOX)
    folder = await mkdtemp(join(tmpdir(), 'zerodb-test-'))
    const { databaseUrl, encryptionKey } = { ...app.system.app.config, ...app.system.app }
    const config = readConfig({
      ZERODB_DATA_DIR: folder,
      DATABASE_URL: databaseUrl,
      ZERODB_ENCRYPTION_KEY: Buffer.from(encryptionKey).toString('hex'),
      ...SANDBOX,
    })
    other = await openSystem(config, { log: pino({ level: 'silent' }) })
    user = await app.newUser()
  })
  afterAll(async () => {
    await other.close(0)
    await app.close()
    await rm(folder, { recursive: true, force: true })
  })

  async function deploy(name: string, source: string, config: object = {}) {
    const reply = await user.post('/api/v1/functions', { name, runtime: 'nodejs', source, config })
    expect(reply.status).toBe(201)
  }
  const atOther = async (name: string) => {
    const server = await createServer(other.app)
    const reply = await server.inject({
      method: 'POST',
      url: `/api/v1/functions/${name}/invoke`,
      headers: { authorization: `Bearer ${user.key}` },
    })
    await server.close()
    return { status: reply.statusCode, result: reply.json().result }
  }

  test('a deployment, a rollback and a new secret reach the other instance within a second', async () => {
    const source = (n: number) => `export default (e, ctx) => [${n}, ctx.env.S ?? null]`
    await deploy('shared', source(1), { secrets: ['S'] })
    expect(await atOther('shared')).toEqual({ status: 200, result: [1, null] })
    await deploy('shared', source(2), { secrets: ['S'] })
    await eventually(async () => expect((await atOther('shared')).result).toEqual([2, null]))
    await user.request('PUT', '/api/v1/secrets/S', { body: { value: 'from the first' } })
    await eventually(async () => expect((await atOther('shared')).result).toEqual([2, 'from the first']))
    await user.post('/api/v1/functions/shared/rollback')
    await eventually(async () => expect((await atOther('shared')).result).toEqual([1, 'from the first']))
  })

  test('each tick of a schedule runs once', async () => {
    await deploy('ticking', 'export default (event) => event.data.scheduled_at', {
      schedule: { cron: '* * * * * *', overlap: 'queue' },
    })
    const ticks = async () =>
      (await user.get('/api/v1/runs?trigger=cron&status=succeeded&limit=1000')).body.items.map(
        ({ result }: { result: string }) => result,
      )
    await eventually(async () => expect((await ticks()).length).toBeGreaterThanOrEqual(8))
    await user.patch('/api/v1/functions/ticking', { is_active: false })
    const seen: string[] = (await ticks()).sort()
    expect(new Set(seen).size).toBe(seen.length)
    // One after the other, without gaps.
    const seconds = seen.map((at) => Date.parse(at) / 1000)
    expect(seconds).toEqual(seconds.map((_, i) => seconds[0]! + i))
  })

  test('a run is left to the instance that can execute it', async () => {
    const { app: blind } = other
    await deploy('somewhere', 'export default () => 1', { triggers: 'zerodb.event.published' })
    expect((await blind.store.instances.list()).every(({ handlers }) => handlers.includes('auto_embed'))).toBe(true)
    await eventually(async () => {
      const able = (await blind.store.instances.list()).filter(({ handlers }) => handlers.includes('function:nodejs20'))
      expect(able.length).toBeGreaterThan(0)
    }, 10_000)
    await user.post(`${user.database}/events/publish`, { topic: 'x' })
    await eventually(async () =>
      expect((await user.get('/api/v1/runs?trigger=event')).body.items).toMatchObject([{ status: 'succeeded' }]),
    )
  })
})
