import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { signatureHeaders } from '../../../src/net/signature.ts'
import { packageRoot } from '../../../src/platform/package.ts'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'
import { SANDBOX } from '../../support/sandbox.ts'

const FOLDER = join(packageRoot(), 'examples')

let app: TestApp
let user: TestUser
beforeAll(async () => {
  app = await openTestApp(SANDBOX)
})
afterAll(() => app.close())
beforeEach(async () => {
  user = await app.newUser()
})

async function deploy(file: string) {
  const name = file.replace(/\.\w+$/, '')
  const reply = await user.post('/api/v1/functions', {
    name,
    files: { [file]: readFileSync(join(FOLDER, file), 'utf8') },
  })
  if (reply.status !== 201) throw new Error(JSON.stringify(reply.body))
  return reply.body
}
const invoke = (name: string, payload: unknown) => user.post(`/api/v1/functions/${name}/invoke`, { payload })

test('every file in examples/ has a test here', () => {
  const tried = [
    'tag-memory.ts',
    'tag_memory.py',
    'describe-file.ts',
    'describe_file.py',
    'nightly-digest.ts',
    'nightly_digest.py',
    'receive-webhook.ts',
    'receive_webhook.py',
    'retrieve.ts',
    'retrieve.py',
  ]
  expect(
    readdirSync(FOLDER)
      .filter((name) => name !== 'README.md')
      .sort(),
  ).toEqual(tried.sort())
})

test.each(['tag-memory.ts', 'tag_memory.py'])('%s tags a memory once', async (file) => {
  await deploy(file)
  await user.post(`${user.database}/tables`, { table_name: 'memory_tags' })
  const { body } = await user.post('/api/v1/public/memory/v2/remember', {
    content: 'Book the flight before the meeting',
    entity_id: 'ada',
  })
  const [run] = await user.runs()
  expect(run).toMatchObject({ status: 'succeeded', result: { tags: ['travel', 'work'] }, ordering_key: 'ada' })
  const rows = (await user.get(`${user.database}/tables/memory_tags/rows`)).body
  expect(JSON.stringify(rows)).toContain(body.memory_id)
})

test.each(['describe-file.ts', 'describe_file.py'])('%s describes an uploaded file', async (file) => {
  await deploy(file)
  const file_content = Buffer.from('%PDF-1.7 and so on').toString('base64')
  await user.post(`${user.database}/files/upload`, { file_name: 'a.pdf', file_content })
  const [run] = await user.runs()
  expect(run).toMatchObject({
    status: 'succeeded',
    result: { description: 'a.pdf is a PDF document of 18 bytes', sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
  })
  expect((await user.trail()).events).toEqual(['zerodb.file.uploaded', 'zerodb.event.published'])
})

test.each(['nightly-digest.ts', 'nightly_digest.py'])('%s stores a memory about the day', async (file) => {
  await deploy(file)
  for (const topic of ['a', 'b', 'a']) await user.post(`${user.database}/events/publish`, { topic })
  const [schedule] = (await user.get('/api/v1/schedules')).body
  await user.post(`/api/v1/schedules/${schedule.id}/run`)
  expect(await user.runs()).toMatchObject([
    { trigger: 'cron', status: 'succeeded', result: { content: 'Events of the day: a: 2, b: 1' } },
  ])
  const { results } = (await user.post('/api/v1/public/memory/v2/recall', { query: 'events of the day' })).body
  expect(results[0].content).toBe('Events of the day: a: 2, b: 1')
})

describe.each(['receive-webhook.ts', 'receive_webhook.py'])('%s', (file) => {
  test('accepts signed messages, once, and no others', async () => {
    const secret = `whsec_${Buffer.from('a secret of twenty-four b').toString('base64')}`
    await user.request('PUT', '/api/v1/secrets/WEBHOOK_SECRET', { body: { value: secret } })
    const { url_path } = await deploy(file)
    const body = '{"paid":true}'
    const headers = signatureHeaders({ id: 'msg_1', timestamp: Math.floor(Date.now() / 1000), body }, [secret])
    const send = (payload: string) =>
      app.request('POST', url_path, { payload, headers: { 'content-type': 'application/json', ...headers } })
    expect((await send('{"paid":false}')).status).toBe(401)
    expect((await send(body)).status).toBe(204)
    expect((await send(body)).status).toBe(204)
    const { events } = (await user.get(`${user.database}/events?topic=webhook.received`)).body
    expect(events).toMatchObject([{ event_payload: { id: 'msg_1', body: { paid: true } } }])
  })
})

test.each(['retrieve.ts', 'retrieve.py'])('%s finds stored data', async (file) => {
  const { name } = await deploy(file)
  await user.post('/api/v1/public/memory/v2/remember', { content: 'Ada drinks her tea without sugar' })
  const { result } = (await invoke(name, { question: 'How does Ada take her tea?' })).body
  expect(result.found[0]).toMatchObject({ from: 'memory', text: 'Ada drinks her tea without sugar' })
})
