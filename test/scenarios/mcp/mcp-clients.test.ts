import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TestUser } from '../../support/app.ts'
import { eventually } from '../../support/eventually.ts'
import { BUILT_IN, deployTool, FUNCTIONS, type McpApp, openMcpApp } from '../../support/mcp-app.ts'
import { CLIENTS, type TestClient } from '../../support/mcp-clients.ts'

let app: McpApp
beforeAll(async () => {
  app = await openMcpApp()
})
afterAll(() => app.close())

describe.each(CLIENTS)('the official client, %s', (kind) => {
  let user: TestUser
  let client: TestClient
  beforeAll(async () => {
    user = await app.newUser()
    client = await app.connect(user.key, kind)
  })
  afterAll(() => client.close())

  test('negotiates a revision', () => {
    expect(client.revision).toBe(kind === 'current' || kind === 'previous' ? '2025-11-25' : '2026-07-28')
  })

  test('sees deployed tools, and is notified of each change', async () => {
    const notified = (times: number) => eventually(() => expect(client.changes()).toBe(times))
    const answer = async () => (await client.call('greet')).content[0].text
    expect(await client.names()).toEqual(BUILT_IN)

    await deployTool(user, 'greet', 'return "hello"')
    await notified(1)
    expect(await client.names()).toEqual([...BUILT_IN, 'greet'])
    expect(await answer()).toBe('hello')

    await deployTool(user, 'greet', 'return "good day"')
    await notified(2)
    expect(await answer()).toBe('good day')

    await user.post(`${FUNCTIONS}/greet/rollback`, {})
    await notified(3)
    expect(await answer()).toBe('hello')

    await user.patch(`${FUNCTIONS}/greet`, { is_active: false })
    await notified(4)
    expect(await client.names()).toEqual(BUILT_IN)

    await user.patch(`${FUNCTIONS}/greet`, { is_active: true })
    await notified(5)
    expect(await client.names()).toEqual([...BUILT_IN, 'greet'])

    await user.delete(`${FUNCTIONS}/greet`)
    await notified(6)
    expect(await client.names()).toEqual(BUILT_IN)
    expect(await user.trail()).toEqual({ events: [], runs: Array(3).fill('greet succeeded') })
  })

  test('sends arguments and gets the declared result', async () => {
    await deployTool(user, 'add', 'return { sum: data.a + data.b }', {
      title: 'Add',
      input_schema: {
        type: 'object',
        properties: { a: { type: 'number' }, b: { type: 'number' } },
        required: ['a', 'b'],
      },
      output_schema: { type: 'object', properties: { sum: { type: 'number' } }, required: ['sum'] },
      annotations: { readOnlyHint: true },
    })
    const [tool] = (await client.tools()).slice(-1)
    expect(tool).toMatchObject({
      name: 'add',
      title: 'Add',
      description: 'add of a test',
      inputSchema: {
        type: 'object',
        properties: { a: { type: 'number' }, b: { type: 'number' } },
        required: ['a', 'b'],
      },
      outputSchema: { type: 'object', properties: { sum: { type: 'number' } }, required: ['sum'] },
      annotations: { readOnlyHint: true },
    })
    const { structuredContent, content } = await client.call('add', { a: 2, b: 3 })
    expect(structuredContent).toEqual({ sum: 5 })
    expect(content).toEqual([{ type: 'text', text: '{"sum":5}' }])
    expect(await client.call('add', { a: 'two' })).toMatchObject({
      isError: true,
      content: [{ text: expect.stringMatching(/^The arguments do not match the input schema of "add": .*"a"/) }],
    })
  })

  test('gets the error of a function, and its run', async () => {
    await deployTool(user, 'fail', 'throw new Error("no such city")')
    const { isError, content, _meta } = await client.call('fail')
    const [run] = (await user.runs()).slice(-1)
    expect(isError).toBe(true)
    expect(content).toEqual([{ type: 'text', text: `Error: no such city (run ${run!.id})` }])
    expect(_meta).toMatchObject({ 'zerodb/run_id': run!.id })
    expect(run).toMatchObject({ trigger: 'tool', status: 'dead', error: { code: 'function_threw' } })
  })

  test('gets the progress of a call', async () => {
    await deployTool(
      user,
      'steps',
      'for (const step of [1, 2, 3]) { await ctx.progress(step, 3, "step " + step); await new Promise((r) => setTimeout(r, 40)) }',
    )
    const made: unknown[] = []
    await client.call('steps', {}, { onprogress: (progress) => made.push(progress) })
    expect(made).toEqual([1, 2, 3].map((progress) => ({ progress, total: 3, message: `step ${progress}` })))
  })

  test.each([
    [
      'nodejs',
      `export default async function* (event) {
        for (const item of event.data.items) { yield item; await new Promise((resolve) => setTimeout(resolve, 40)) }
      }`,
    ],
    [
      'python',
      'import time\ndef handler(event):\n    for item in event["data"]["items"]:\n        yield item\n        time.sleep(0.04)\n',
    ],
  ] as const)(
    'gets the parts of a streamed result as progress, and the whole at the end (%s)',
    async (runtime, source) => {
      const name = `parts-${runtime}`
      const config = { tool: { description: 'Streams' }, output_limit_bytes: 100 }
      expect((await user.post(FUNCTIONS, { name, runtime, source, config })).status).toBe(201)
      const parts: { progress: number; message?: string }[] = []
      const onprogress = (progress: (typeof parts)[number]) => parts.push(progress)
      const { content, isError } = await client.call(name, { items: ['one ', 'two ', { three: 3 }] }, { onprogress })
      // Parts that come close together are joined.
      expect(parts[0]).toEqual({ progress: 1, message: 'one ' })
      expect(parts.map(({ progress }) => progress)).toEqual(parts.map((_, i) => i + 1))
      expect(parts.map(({ message }) => message).join('')).toBe('one two {"three":3}\n')
      const whole = [{ type: 'text', text: '["one ","two ",{"three":3}]' }]
      expect([isError ?? false, content]).toEqual([false, whole])
      // Without a progress token there are only the result, and the same limit on it.
      expect((await client.call(name, { items: ['one ', 'two ', { three: 3 }] })).content).toEqual(whole)
      for (const options of [{ onprogress }, undefined]) {
        const tooLong = await client.call(name, { items: ['x'.repeat(60), 'y'.repeat(60)] }, options)
        expect([tooLong.isError, tooLong.content[0].text]).toEqual([
          true,
          expect.stringMatching(/^The result is larger than 100 bytes .*\(run \S{36}\)$/),
        ])
      }
      expect(parts.at(-1)).toEqual({ progress: 1, message: 'x'.repeat(60) })
    },
  )

  test('ends the run of a call that it cancels', async () => {
    await deployTool(user, 'sleep', 'ctx.log("asleep"); await new Promise((resolve) => setTimeout(resolve, 60_000))')
    const stop = new AbortController()
    const call = client.call('sleep', {}, { signal: stop.signal })
    const failed = expect(call).rejects.toThrow()
    await eventually(() => expect(app.system.app.sandbox.load().running).toBe(1))
    stop.abort()
    await failed
    await eventually(() => expect(app.system.app.sandbox.load().running).toBe(0))
    expect((await user.runs()).at(-1)).toMatchObject({ trigger: 'tool', status: 'cancelled' })
  })
})

test('cancels a call of its session only, whatever its number', async () => {
  const user = await app.newUser()
  await deployTool(user, 'sleep', 'await new Promise((resolve) => setTimeout(resolve, data.ms)); return "slept"')
  const [one, two] = await Promise.all([app.connect(user.key, 'previous'), app.connect(user.key, 'previous')])
  const stop = new AbortController()
  const cancelled = expect(one.call('sleep', { ms: 60_000 }, { signal: stop.signal })).rejects.toThrow()
  const kept = two.call('sleep', { ms: 1_500 })
  await eventually(() => expect(app.system.app.sandbox.load().running).toBe(2))
  stop.abort()
  await cancelled
  expect((await kept).content[0].text).toBe('slept')
  expect((await user.runs()).map(({ status }) => status).sort()).toEqual(['cancelled', 'succeeded'])
  await Promise.all([one.close(), two.close()])
})
