import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TestUser } from '../../support/app.ts'
import { deployTool, type McpApp, openMcpApp, scopedKey } from '../../support/mcp-app.ts'
import type { TestClient } from '../../support/mcp-clients.ts'

const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=='

let app: McpApp
beforeAll(async () => {
  app = await openMcpApp()
})
afterAll(() => app.close())

describe('results', () => {
  let user: TestUser
  let client: TestClient
  beforeAll(async () => {
    user = await app.newUser()
    client = await app.connect(user.key)
  })
  afterAll(() => client.close())

  test('B6: a Python exception is one line, and a cause in JavaScript is included', async () => {
    const config = { tool: { description: 'fails' } }
    const source = 'def handler(event):\n    raise ValueError("no such order")\n'
    await user.post('/api/v1/functions', { name: 'fails', runtime: 'python', source, config })
    await deployTool(user, 'caused', `throw new Error('outer', { cause: new RangeError('inner') })`)
    const text = async (name: string) => {
      const { result } = (await app.ask(user.key, 'tools/call', { name, arguments: {} })).answer
      expect(result.isError).toBe(true)
      return result.content[0].text
    }
    expect(await text('fails')).toMatch(/^ValueError: no such order \(run [0-9a-f-]{36}\)$/)
    expect(await text('caused')).toMatch(/^Error: outer: RangeError: inner \(run [0-9a-f-]{36}\)$/)
  })

  test.each([
    ['text', 'return "plain"', [{ type: 'text', text: 'plain' }]],
    ['a value', 'return { a: [1] }', [{ type: 'text', text: '{"a":[1]}' }]],
    ['nothing', '', []],
    [
      'an image as a block',
      `return { type: 'image', data: '${PIXEL}', mimeType: 'image/png' }`,
      [{ type: 'image', data: PIXEL, mimeType: 'image/png' }],
    ],
    [
      'an image as bytes',
      `return ctx.response(Buffer.from('${PIXEL}', 'base64'), { headers: { 'content-type': 'image/png' } })`,
      [{ type: 'image', data: PIXEL, mimeType: 'image/png' }],
    ],
    [
      'a page',
      'return ctx.response("<p>", { headers: { "content-type": "text/html" } })',
      [{ type: 'text', text: '<p>' }],
    ],
    [
      'several blocks',
      'return { content: [{ type: "text", text: "a" }, { type: "resource_link", uri: "https://a.test", name: "a" }] }',
      [
        { type: 'text', text: 'a' },
        { type: 'resource_link', uri: 'https://a.test', name: 'a' },
      ],
    ],
    [
      'a value that only resembles content blocks',
      'return { content: "no list" }',
      [{ type: 'text', text: '{"content":"no list"}' }],
    ],
  ])('%s', async (_, body, content) => {
    await deployTool(user, 'answer', body)
    const result = await client.call('answer')
    expect(result.content).toEqual(content)
    expect(result.isError ?? false).toBe(false)
  })

  test('other bytes are a resource with the run’s id', async () => {
    await deployTool(user, 'bytes', 'return Buffer.from([1, 2, 255])')
    const { content, _meta } = await client.call('bytes')
    const uri = `zerodb://runs/${_meta['zerodb/run_id']}/result`
    expect(content).toEqual([
      { type: 'resource', resource: { uri, mimeType: 'application/octet-stream', blob: 'AQL/' } },
    ])
  })

  test('a result that violates the output schema is an error with the run’s id', async () => {
    await deployTool(user, 'promise', 'return { sum: "five" }', {
      output_schema: { type: 'object', properties: { sum: { type: 'number' } } },
    })
    const { isError, content } = await client.call('promise')
    const [run] = (await user.runs()).slice(-1)
    expect(isError).toBe(true)
    expect(content[0].text).toMatch(/^The result does not match the output schema of "promise": .*sum/)
    expect(content[0].text).toContain(`(run ${run!.id})`)
  })

  test('a call is a run, and its writes belong to its chain', async () => {
    await deployTool(user, 'note', 'await zerodb.memory.remember({ content: data.text }); ctx.log("noted"); return 1')
    const { _meta } = await client.call('note', { text: 'likes tea' })
    await app.drained()
    const run = (await user.get(`/api/v1/runs/${_meta['zerodb/run_id']}`)).body
    expect(run).toMatchObject({ trigger: 'tool', handler: 'note', status: 'succeeded', result: 1 })
    expect(run.logs).toMatchObject([{ level: 'info', message: expect.stringContaining('noted') }])
    // Calls of other tests have died, with an event each.
    const event = (await user.events()).find((each) => each.event === 'zeromemory.remembered')
    const { body } = await user.get(`/api/v1/event-log/${event!.id}`)
    expect(body).toMatchObject({ depth: 1 })
  })

  test('a client that requests the log of a call gets it, if the key may read logs', async () => {
    await deployTool(user, 'loud', 'ctx.log.debug("quiet"); ctx.log.warn("loud"); return 1')
    const logOf = async (key: string) => {
      const { messages } = await app.ask(
        key,
        'tools/call',
        { name: 'loud', arguments: {} },
        {},
        {
          'io.modelcontextprotocol/logLevel': 'info',
        },
      )
      return messages.filter(({ method }) => method === 'notifications/message').map(({ params }) => params)
    }
    expect(await logOf(user.key)).toMatchObject([{ level: 'warning', data: 'loud' }])
    expect(await logOf(await scopedKey(user, 'functions:invoke'))).toEqual([])
  })
})

test('the state of a function that requests input can be neither read nor changed by others', async () => {
  const user = await app.newUser()
  const asks = `if (ctx.tool.request_state) return ctx.tool.request_state.secret
    return { resultType: 'input_required', requestState: { secret: 42 },
      inputRequests: { roots: { method: 'roots/list', params: {} } } }`
  await deployTool(user, 'asks', asks)
  await deployTool(user, 'reads', asks)
  const able = { 'io.modelcontextprotocol/clientCapabilities': { roots: {} } }
  const call = async (name: string, rest = {}) =>
    (await app.ask(user.key, 'tools/call', { name, arguments: {}, ...rest }, {}, able)).answer
  const { requestState } = (await call('asks')).result
  const inputResponses = { roots: { roots: [] } }
  expect((await call('asks', { requestState, inputResponses })).result.content).toEqual([{ type: 'text', text: '42' }])
  for (const [name, state] of [
    ['reads', requestState],
    ['asks', `${requestState.slice(0, -2)}xx`],
  ])
    expect((await call(name, { requestState: state, inputResponses })).error).toMatchObject({ code: -32602 })
  await deployTool(
    user,
    'asks',
    'return { resultType: "input_required", inputRequests: { a: { method: "tools/call" } } }',
  )
  expect((await call('asks')).result).toMatchObject({
    isError: true,
    content: [{ text: expect.stringContaining('inputRequests.a') }],
  })
})
