import { randomUUID } from 'node:crypto'
import { hashApiKey } from '../../src/crypto.ts'
import type { TestApp, TestUser } from './app.ts'

const MEMORY = '/api/v1/public/memory/v2'

/** Creates one object of each kind in one project. */
export type Fixtures = Record<
  | 'project'
  | 'hook'
  | 'webhook'
  | 'pausedHook'
  | 'event'
  | 'run'
  | 'waitingRun'
  | 'replay'
  | 'vector'
  | 'record'
  | 'memory'
  | 'entity'
  | 'relation'
  | 'plan'
  | 'file'
  | 'table'
  | 'row'
  | 'published'
  | 'function'
  | 'schedule'
  | 'eventSchedule'
  | 'secret'
  | 'envSet'
  | 'key'
  | 'claimToken',
  string
>

export async function createFixtures(app: TestApp, user: TestUser, project: string): Promise<Fixtures> {
  const database = `/api/v1/projects/${project}/database`
  const here = { 'x-project-id': project }
  const vector = `v-${randomUUID()}`
  const table = `t-${randomUUID()}`
  const hook = await user.hook('zeromemory.remembered', 'auto_graph', { project_id: project })
  const webhook = await user.hook('zerodb.vector.batch_stored', 'webhook:a', {
    project_id: project,
    hook_config: { url: 'https://hooks.example.com/' },
  })
  // The webhook must not be sent.
  await user.patch(`/api/v1/hooks/${webhook.id}`, { is_active: false })
  await user.post(`${database}/vectors/upsert`, { vector_id: vector, vector_embedding: [1, 0] })
  const record = await user.post(`${database}/memory/store`, { content: 'a record' })
  const memory = await user.post(`${MEMORY}/remember`, { content: 'Alice met Bob' }, here)
  const file = await user.post(`${database}/files/upload`, { file_name: 'a.txt', file_content: 'aGk=' })
  await user.post(`${database}/tables`, { table_name: table })
  const row = await user.post(`${database}/tables/${table}/rows`, { row_data: { n: 1 } })
  const paused = await user.hook('zerodb.table.row_inserted', 'auto_embed', { project_id: project, paused: true })
  await user.post(`${database}/tables/${table}/rows`, { rows: Array(60).fill({}) })
  const key = await user.post('/api/v1/auth/api-keys', { name: 'a key' })
  const published = await user.post(`${database}/events/publish`, { topic: 'a topic' })
  const name = `f-${randomUUID().slice(0, 8)}`
  const deployed = await user.post(
    '/api/v1/functions',
    { name, runtime: 'nodejs', source: 'export default () => 1', config: { schedule: '0 0 1 1 *' } },
    here,
  )
  if (deployed.status !== 201) throw new Error(`the function was not deployed: ${JSON.stringify(deployed.body)}`)
  // A rollback needs a second version.
  await user.post(
    '/api/v1/functions',
    { name, runtime: 'nodejs', source: 'export default () => 2', config: { schedule: '0 0 1 1 *' } },
    here,
  )
  const [schedule] = (await user.get(`/api/v1/schedules?project_id=${project}`)).body
  const eventSchedule = await user.post('/api/v1/schedules', { topic: 'a', cron: '0 0 1 1 *' }, here)
  const secret = `S_${randomUUID().slice(0, 8)}`
  await user.request('PUT', `/api/v1/secrets/${secret}`, { body: { value: 'a value' }, headers: here })
  const envSet = `set-${randomUUID().slice(0, 8)}`
  await user.request('PUT', `/api/v1/env-sets/${envSet}`, { body: { env: { A: '1' } }, headers: here })
  await app.drained()
  const plan = await user.post(`${MEMORY}/plan`, { title: 'a plan', content: 'first steps' }, here)
  await app.drained()
  const entity = await user.get(`${MEMORY}/graph/neighbors/alice`, here)
  const [run] = (await user.get(`/api/v1/hooks/${hook.id}/runs`)).body.items
  const [waiting] = (await user.get(`/api/v1/hooks/${paused.id}/runs`)).body.items
  // One event per second: the replay must not end during the tests.
  const replay = await user.post('/api/v1/replays', { hook_id: paused.id, rate_per_second: 1 })
  const [event] = (await user.get(`/api/v1/event-log?project_id=${project}`)).body.items
  return {
    project,
    hook: hook.id,
    webhook: webhook.id,
    pausedHook: paused.id,
    event: event.id,
    run: run.id,
    waitingRun: waiting.id,
    replay: replay.body.id,
    vector,
    record: record.body.memory_id,
    memory: memory.body.memory_id,
    entity: entity.body.entity.id,
    relation: entity.body.relationships[0].id,
    plan: plan.body.plan_id,
    file: file.body.file_id,
    table,
    row: row.body.row_id,
    published: published.body.event_id,
    function: name,
    schedule: schedule.id,
    eventSchedule: eventSchedule.body.id,
    secret,
    envSet,
    key: key.body.id,
    claimToken: await claimToken(app),
  }
}

/** Creates an instant database and returns the token that claims it. */
async function claimToken(app: TestApp): Promise<string> {
  const token = randomUUID()
  await app.system.app.store.instantDatabases.create({
    claim_hash: hashApiKey(token),
    key: { hash: hashApiKey(randomUUID()), last4: 'last', scopes: [] },
    seconds: 3600,
  })
  return token
}

/** The object that a path parameter identifies. */
const FIXTURES_BY_PARAMETER: Record<string, keyof Fixtures> = {
  project_id: 'project',
  hook_id: 'hook',
  run_id: 'run',
  vector_id: 'vector',
  memory_id: 'record',
  entity: 'entity',
  relation_id: 'relation',
  plan_id: 'plan',
  file_id: 'file',
  table: 'table',
  row_id: 'row',
  name: 'function',
  schedule_id: 'schedule',
  replay_id: 'replay',
  key_id: 'key',
}
/** Operations in which a path parameter identifies a different kind of object. */
const FIXTURES_BY_OPERATION: Record<string, keyof Fixtures> = {
  'events.get': 'published',
  'secrets.set': 'secret',
  'env_sets.get': 'envSet',
  'env_sets.set': 'envSet',
  'env_sets.delete': 'envSet',
  'env_sets.history': 'envSet',
  'secrets.delete': 'secret',
  'schedules.delete': 'eventSchedule',
}

/** Returns the value of path parameter `key` of `operation` for an object of the user. */
export function fixtureOf(fixtures: Fixtures, operation: { name: string }, key: string): string {
  if (key === 'version') return '1'
  return fixtures[
    (key === 'project_id' ? undefined : FIXTURES_BY_OPERATION[operation.name]) ?? FIXTURES_BY_PARAMETER[key] ?? 'event'
  ]
}
