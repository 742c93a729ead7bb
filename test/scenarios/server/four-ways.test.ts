import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { FUNCTIONS, type McpApp, openMcpApp } from '../../support/mcp-app.ts'
import { CLIENTS } from '../../support/mcp-clients.ts'

const SOURCES = {
  nodejs: `export const config = {
  triggers: ['zerodb.event.published'],
  schedule: '0 * * * *',
  http: { methods: ['GET'], auth: 'key' },
  tool: { description: 'Says what has set it off' },
}
export default (event, ctx) => ({ because: ctx.trigger, event: event.event })`,
  python: `config = {
    "triggers": ["zerodb.event.published"],
    "schedule": "0 * * * *",
    "http": {"methods": ["GET"], "auth": "key"},
    "tool": {"description": "Says what has set it off"},
}

def handler(event, ctx):
    return {"because": ctx.trigger, "event": event["event"]}`,
} as const

let app: McpApp
beforeAll(async () => {
  app = await openMcpApp()
})
afterAll(() => app.close())

describe.each(Object.keys(SOURCES) as (keyof typeof SOURCES)[])('one deployment of one file, %s', (runtime) => {
  test('is a hook, a schedule, an endpoint and a tool, and each of the four calls it', async () => {
    const user = await app.newUser()
    // A quarter past an hour, so the next tick is far away.
    app.clock.advance(3600 - ((app.system.app.clock.now() / 1000) % 3600) + 900)
    const deployed = await user.post(FUNCTIONS, { name: 'face', runtime, source: SOURCES[runtime] })
    expect(deployed).toMatchObject({
      status: 201,
      body: {
        version: 1,
        hooks: { created: ['zerodb.event.published'] },
        schedules: { created: ['0 * * * * UTC'] },
        url_path: `/fn/${user.project_id}/face`,
        config: { tool: { description: 'Says what has set it off' } },
      },
    })

    const published = await user.post(`${user.database}/events/publish`, { topic: 'order.paid' })
    expect(published.status).toBe(200)
    await user.runs()
    app.clock.advance(2700)
    await user.runs()
    const answered = await user.get(deployed.body.url_path)
    expect(answered).toMatchObject({ status: 200, body: { because: 'http', event: 'http.request' } })
    for (const kind of CLIENTS) {
      const client = await app.connect(user.key, kind)
      expect(await client.names()).toContain('face')
      const { content } = await client.call('face')
      expect(JSON.parse(content[0].text)).toEqual({ because: 'tool', event: 'tool.called' })
      await client.close()
    }

    expect((await user.events()).map(({ event }) => event)).toEqual(['zerodb.event.published'])
    const runs = (await user.runs()).map(({ trigger, status, handler, function_id, function_version, result }) => {
      expect({ handler, function_id, function_version, status }).toEqual({
        handler: 'face',
        function_id: deployed.body.id,
        function_version: 1,
        status: 'succeeded',
      })
      return [trigger, (result as { event?: string } | null)?.event]
    })
    expect(runs).toEqual([
      ['event', 'zerodb.event.published'],
      ['cron', 'cron.tick'],
      ['http', 'http.request'],
      ...CLIENTS.map(() => ['tool', 'tool.called']),
    ])
  })
})
