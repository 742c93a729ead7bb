import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TestUser } from '../../support/app.ts'
import { eventually } from '../../support/eventually.ts'
import { BUILT_IN, deployTool, type McpApp, openMcpApp, scopedKey } from '../../support/mcp-app.ts'

const MEMORY_READ = ['recall', 'graph_neighbors']

let app: McpApp
beforeAll(async () => {
  app = await openMcpApp()
})
afterAll(() => app.close())

describe('access', () => {
  let user: TestUser
  let other: TestUser
  beforeAll(async () => {
    user = await app.newUser()
    other = await app.newUser()
    await deployTool(user, 'mine', 'return "mine"')
  })

  test('needs a key', async () => {
    for (const method of ['GET', 'POST', 'DELETE']) {
      const response = await fetch(app.mcpUrl, { method, headers: { accept: 'text/event-stream' } })
      expect(response.status).toBe(401)
      expect(response.headers.get('www-authenticate')).toBe('Bearer')
    }
    await expect(app.connect('zdb_live_wrong')).rejects.toThrow()
  })

  test('is limited to the user’s tools, calls and notifications', async () => {
    const stranger = await app.connect(other.key)
    expect(await stranger.names()).toEqual(BUILT_IN)
    await expect(stranger.call('mine')).rejects.toMatchObject({
      code: -32602,
      message: expect.stringContaining('mine'),
    })
    await deployTool(other, 'theirs', 'return 1')
    await eventually(() => expect(stranger.changes()).toBe(1))
    await deployTool(user, 'mine', 'return "mine again"')
    await deployTool(other, 'theirs', 'return 2')
    await eventually(() => expect(stranger.changes()).toBe(2))
    await stranger.close()
    expect((await user.runs()).length).toBe(0)
  })

  test('to a project of another user is refused', async () => {
    const headers = { 'x-project-id': user.project_id }
    const { answer } = await app.ask(other.key, 'tools/list', {}, headers)
    expect(answer.error).toMatchObject({ code: -32602, message: 'Project not found' })
    const listening = await app.ask(
      other.key,
      'subscriptions/listen',
      { notifications: { toolsListChanged: true } },
      headers,
    )
    expect(listening.status).toBe(404)
    const stream = await fetch(app.mcpUrl, {
      headers: { authorization: `Bearer ${other.key}`, accept: 'text/event-stream', ...headers },
    })
    expect(stream.status).toBe(404)
  })

  test('a key sees the tools that it may call', async () => {
    expect(await app.names(await scopedKey(user, 'functions:invoke'))).toEqual(['mine'])
    expect(await app.names(await scopedKey(user, 'memory:read'))).toEqual(MEMORY_READ)
    expect(await app.names(await scopedKey(user, 'zerodb:read', 'memory:*'))).toEqual(BUILT_IN.slice(0, 6))
    const { answer } = await app.ask(await scopedKey(user, 'memory:read'), 'tools/call', {
      name: 'mine',
      arguments: {},
    })
    expect(answer.error).toMatchObject({ code: -32602, message: 'Unknown tool: mine' })
  })

  test('each project has separate tools', async () => {
    const project = await user.project()
    expect(await app.names(await app.boundKey(user, project))).toEqual(BUILT_IN)
    expect(await app.names(user.key, { 'x-project-id': project })).toEqual(BUILT_IN)
    expect(await app.names(await app.boundKey(user, user.project_id))).toEqual([...BUILT_IN, 'mine'])
  })

  test('a function replaces a built-in tool with its name', async () => {
    await deployTool(other, 'remember', 'return "my own way"')
    await deployTool(other, 'constructor', 'return "a name like any other"')
    const client = await app.connect(other.key)
    expect(await client.names()).toEqual([...BUILT_IN.slice(1), 'constructor', 'remember', 'theirs'])
    expect((await client.call('remember')).content[0].text).toBe('my own way')
    expect((await client.call('constructor')).content[0].text).toBe('a name like any other')
    await client.close()
  })
})

describe('hosts and origins', () => {
  let user: TestUser
  beforeAll(async () => {
    user = await app.newUser()
  })

  test.each([
    ['a host name of another machine', { host: 'evil.example' }, 403, /Host evil\.example is not allowed/],
    [
      'a page of another origin',
      { origin: 'https://evil.example' },
      403,
      /Origin https:\/\/evil\.example is not allowed/,
    ],
    ['a page without an origin', { origin: 'null' }, 403, /Origin null is not allowed/],
    ['a page of this machine', { origin: 'http://localhost:6274' }, 200, undefined],
  ])('%s', async (_, headers, status, detail) => {
    const { port } = new URL(app.mcpUrl)
    const reply = await user.request('POST', '/mcp', {
      body: { jsonrpc: '2.0', id: 1, method: 'ping' },
      headers: { host: `127.0.0.1:${port}`, accept: 'application/json, text/event-stream', ...headers },
    })
    expect(reply.status).toBe(status)
    if (detail) expect(reply.body.detail).toMatch(detail)
  })

  test('can be configured', async () => {
    const named = await openMcpApp({
      ZERODB_ALLOWED_HOSTS: 'zerodb.example.com',
      ZERODB_CORS_ORIGINS: 'https://app.example.com',
    })
    const other = await named.newUser()
    const ping = (headers: Record<string, string>) =>
      other.request('POST', '/mcp', {
        body: { jsonrpc: '2.0', id: 1, method: 'ping' },
        headers: { accept: 'application/json, text/event-stream', ...headers },
      })
    expect((await ping({ host: 'zerodb.example.com' })).status).toBe(200)
    expect((await ping({ origin: 'https://app.example.com' })).status).toBe(200)
    expect((await ping({ origin: 'http://app.example.com' })).status).toBe(403)
    for (const path of ['/mcp', '/api/v1/hooks']) {
      const preflight = await named.request('OPTIONS', path, {
        headers: {
          origin: 'https://app.example.com',
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'authorization,content-type',
        },
      })
      expect(preflight).toMatchObject({
        status: 204,
        headers: {
          'access-control-allow-origin': 'https://app.example.com',
          'access-control-allow-headers': 'authorization,content-type',
        },
      })
    }
    expect((await ping({ origin: 'https://app.example.com' })).headers).toMatchObject({
      'access-control-allow-origin': 'https://app.example.com',
      'access-control-expose-headers': expect.stringContaining('mcp-session-id'),
    })
    expect((await ping({ origin: 'http://localhost:1' })).headers['access-control-allow-origin']).toBeUndefined()
    await named.close()
  })

  test('an invalid request gets an error in the format of the protocol', async () => {
    const post = (body: string, headers = {}) =>
      fetch(app.mcpUrl, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${user.key}`,
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          ...headers,
        },
        body,
      })
    const broken = await post('{"jsonrpc": ')
    expect([broken.status, ((await broken.json()) as { error: { code: number } }).error.code]).toEqual([400, -32700])
    expect((await post('{}', { 'content-type': 'text/plain' })).status).toBe(415)
    const { status, answer } = await app.ask(
      user.key,
      'tools/call',
      { name: 'recall', arguments: {} },
      { 'mcp-name': 'forget' },
    )
    expect([status, answer.error.code]).toEqual([400, -32020])
    const version = await app.ask(
      user.key,
      'tools/list',
      {},
      { 'mcp-protocol-version': '2030-01-01' },
      {
        'io.modelcontextprotocol/protocolVersion': '2030-01-01',
      },
    )
    expect([version.status, version.answer.error.code]).toEqual([400, -32022])
    for (const method of ['GET', 'DELETE'])
      expect((await fetch(app.mcpUrl, { method, headers: { authorization: `Bearer ${user.key}` } })).status).toBe(405)
  })
})
