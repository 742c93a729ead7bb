import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { packageRoot } from '../../src/platform/package.ts'
import type { TestUser } from '../support/app.ts'
import { zerodb } from '../support/cli.ts'
import { eventually } from '../support/eventually.ts'
import { openKeyedProxy } from '../support/keyed-proxy.ts'
import { BUILT_IN, deployTool, type McpApp, openMcpApp } from '../support/mcp-app.ts'
import { CLIENTS, type ClientKind, spawnAndConnect, type TestClient } from '../support/mcp-clients.ts'

let app: McpApp
beforeAll(async () => {
  app = await openMcpApp()
})
afterAll(() => app.close())

function bridged(kind: ClientKind, key: string, address = app.mcpUrl.replace('/mcp', '')): Promise<TestClient> {
  const program = join(packageRoot(), 'dist', 'zerodb.js')
  return spawnAndConnect(kind, [program, 'mcp', '--server', address, '--api-key', key])
}

describe.each(CLIENTS)('zerodb mcp and the official client, %s', (kind) => {
  let user: TestUser
  let client: TestClient
  beforeAll(async () => {
    user = await app.newUser()
    client = await bridged(kind, user.key)
  })
  afterAll(() => client.close())

  test('forwards tools, their results, and notifications of changes', async () => {
    expect(await client.names()).toEqual(BUILT_IN)
    await deployTool(user, 'greet', 'return "hello, " + data.name')
    await eventually(() => expect(client.changes()).toBe(1))
    expect(await client.names()).toEqual([...BUILT_IN, 'greet'])
    expect((await client.call('greet', { name: 'Ada' })).content).toEqual([{ type: 'text', text: 'hello, Ada' }])
    await expect(client.call('nothing')).rejects.toMatchObject({ code: -32602 })
  })

  test('forwards arguments that the newest revision repeats in headers', async () => {
    await deployTool(user, 'region', 'return data.place.region', {
      input_schema: {
        type: 'object',
        properties: { place: { type: 'object', properties: { region: { type: 'string', 'x-mcp-header': 'Region' } } } },
      },
    })
    await client.names()
    for (const region of ['eu-west-1', 'Übersee', '=?base64?eA==?='])
      expect((await client.call('region', { place: { region } })).content[0].text).toBe(region)
  })

  test('forwards progress', async () => {
    await deployTool(
      user,
      'steps',
      'for (const step of [1, 2]) { await ctx.progress(step, 2); await new Promise((resolve) => setTimeout(resolve, 100)) }',
    )
    const made: unknown[] = []
    await client.call('steps', {}, { onprogress: (progress) => made.push(progress) })
    expect(made).toEqual([1, 2].map((progress) => ({ progress, total: 2 })))
  })

  test('ends the run of a cancelled call', async () => {
    await deployTool(user, 'sleep', 'await new Promise((resolve) => setTimeout(resolve, 60_000))')
    const stop = new AbortController()
    const call = expect(client.call('sleep', {}, { signal: stop.signal })).rejects.toThrow()
    await eventually(() => expect(app.system.app.sandbox.load().running).toBe(1))
    stop.abort()
    await call
    await eventually(() => expect(app.system.app.sandbox.load().running).toBe(0))
    expect((await user.runs()).at(-1)).toMatchObject({ trigger: 'tool', status: 'cancelled' })
    expect(await client.names()).toContain('sleep')
  })
})

test.each(['current', 'current, 2026-07-28', 'previous'] as const)(
  'reconnects after a lost connection, and tells the client that it may have missed changes: %s',
  async (kind) => {
    const user = await app.newUser()
    const proxy = await openKeyedProxy(app.mcpUrl, user.key)
    const client = await bridged(kind, 'the proxy has it', proxy.url)
    await deployTool(user, 'first', 'return 1')
    await eventually(() => expect(client.changes()).toBe(1))
    proxy.drop()
    await eventually(() => expect(client.changes()).toBe(2))
    await deployTool(user, 'second', 'return 2')
    await eventually(() => expect(client.changes()).toBe(3))
    expect(await client.names()).toEqual([...BUILT_IN, 'first', 'second'])
    await client.close()
    proxy.close()
  },
)

test('answers all requests that arrived before its input ended', async () => {
  const user = await app.newUser()
  await deployTool(user, 'slow', 'await new Promise((resolve) => setTimeout(resolve, 500)); return "done"')
  const ask = (id: number, method: string, params: object) => JSON.stringify({ jsonrpc: '2.0', id, method, params })
  const opening = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } }
  const { code, out, err } = await zerodb(['mcp', '--server', app.mcpUrl.replace('/mcp', ''), '--api-key', user.key], {
    cwd: packageRoot(),
    input: `${ask(1, 'initialize', opening)}\n${ask(2, 'tools/call', { name: 'slow', arguments: {} })}\n`,
  })
  expect({ code, err }).toEqual({ code: 0, err: '' })
  const answers = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(answers.find(({ id }) => id === 1).result).toMatchObject({ protocolVersion: '2025-11-25' })
  expect(answers.find(({ id }) => id === 2).result.content).toEqual([{ type: 'text', text: 'done' }])
})

test.each(['current', 'previous'] as const)('reports an invalid key or address to the client, %s', async (kind) => {
  await expect(bridged(kind, 'zdb_live_wrong')).rejects.toThrow('Invalid API key or token (HTTP 401)')
  const gone = createServer().listen(0, '127.0.0.1')
  await once(gone, 'listening')
  const { port } = gone.address() as AddressInfo
  await promisify(gone.close.bind(gone))()
  await expect(bridged(kind, 'any', `http://127.0.0.1:${port}`)).rejects.toThrow(
    'is the server running? (zerodb start)',
  )
})
