import { Writable } from 'node:stream'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sql } from '../../../src/db/sql.ts'
import { openTestApp, type TestApp } from '../../support/app.ts'
import { SANDBOX } from '../../support/sandbox.ts'

let app: TestApp
let logged = ''
const answers: string[] = []
beforeAll(async () => {
  const stream = new Writable({
    write(chunk, _, done) {
      logged += chunk
      done()
    },
  })
  app = await openTestApp(SANDBOX, { log: pino({ level: 'trace' }, stream) })
})
afterAll(() => app.close())

const SECRET = 'c0rrect-h0rse-battery-staple'

test('a secret is in no response, log, run, event or table, whatever its function does with it', async () => {
  const user = await app.newUser()
  const post = async (path: string, body: unknown) => {
    const reply = await user.post(path, body)
    answers.push(JSON.stringify([reply.body, reply.headers]))
    return reply
  }
  const put = await user.request('PUT', '/api/v1/secrets/TOKEN', { body: { value: SECRET } })
  answers.push(JSON.stringify(put.body))
  answers.push(JSON.stringify((await user.request('PUT', '/api/v1/secrets/TOKEN', { body: { value: [SECRET] } })).body))
  answers.push(
    JSON.stringify((await user.request('PUT', '/api/v1/secrets/TOKEN', { body: { value: SECRET.repeat(2000) } })).body),
  )
  const config = {
    secrets: ['TOKEN'],
    triggers: 'zerodb.event.published',
    http: { auth: 'none' },
    retry: { max_attempts: 1 },
  }
  const javascript = `
    export default async (event, ctx) => {
      console.log(process.env.TOKEN, ctx.env); console.error(new Error(ctx.env.TOKEN)); ctx.log.warn({ token: ctx.env.TOKEN })
      await ctx.zerodb.memory.get({ memory_id: ctx.env.TOKEN }).catch((error) => ctx.log(error))
      throw Object.assign(new Error('no: ' + ctx.env.TOKEN), { name: 'Bad' + ctx.env.TOKEN })
    }`
  const python = `
import os, sys
def handler(event, ctx):
    print(os.environ["TOKEN"], file=sys.stderr)
    ctx.log(dict(os.environ))
    raise ValueError(ctx.env["TOKEN"])
`
  await post('/api/v1/functions', { name: 'js', runtime: 'nodejs', source: javascript, config })
  await post('/api/v1/functions', { name: 'py', runtime: 'python', source: python, config })
  // Secrets are not available while the configuration is read.
  await post('/api/v1/functions', {
    name: 'load',
    runtime: 'nodejs',
    source: 'throw new Error(process.env.TOKEN + "!")',
    config,
  })
  expect(answers.at(-1)).toContain('undefined!')
  for (const name of ['js', 'py']) {
    await post(`/api/v1/functions/${name}/invoke`, {})
    await post(`/fn/${user.project_id}/${name}`, {})
  }
  await post(`${user.database}/events/publish`, { topic: 'x' })
  const runs = await user.runs()
  expect(runs.filter(({ error }) => error?.message.includes('[secret TOKEN]'))).toHaveLength(6)
  answers.push(JSON.stringify(runs))
  for (const { id } of runs) answers.push(JSON.stringify((await user.get(`/api/v1/runs/${id}`)).body))
  for (const path of ['functions', 'functions/js', 'functions/js/versions/1', 'secrets', 'event-log', 'hooks'])
    answers.push(JSON.stringify((await user.get(`/api/v1/${path}`)).body))

  expect(answers.filter((text) => text.includes(SECRET))).toEqual([])
  expect(logged).not.toContain(SECRET)
  const tables = await app.system.database.query<{ name: string }>(
    sql`select table_name as name from information_schema.tables where table_name like 'zerodb_%' and table_type = 'BASE TABLE'`,
  )
  expect(tables.length).toBeGreaterThan(15)
  for (const { name } of tables) {
    const rows = await app.system.database.query<{ text: string }>(
      sql`select query_to_xml(format('select * from %I', ${name}::text), true, false, '')::text as text`,
    )
    expect({ name, found: rows[0]!.text.includes(SECRET) }).toEqual({ name, found: false })
  }
})
