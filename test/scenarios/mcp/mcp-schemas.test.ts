import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { TestUser } from '../../support/app.ts'
import { BUILT_IN, deployTool, FUNCTIONS, type McpApp, openMcpApp } from '../../support/mcp-app.ts'

let app: McpApp
beforeAll(async () => {
  app = await openMcpApp()
})
afterAll(() => app.close())

describe('schemas of users', () => {
  let user: TestUser
  beforeEach(async () => {
    user = await app.newUser()
  })
  const call = async (name: string, args: object) =>
    (await app.ask(user.key, 'tools/call', { name, arguments: args })).answer.result

  test.each([
    ['a pattern that backtracks without end', { s: { type: 'string', pattern: '^(a+)+$' } }, {}],
    [
      'references that double with each step',
      { s: { $ref: '#/$defs/d0' } },
      Object.fromEntries(
        Array.from({ length: 41 }, (_, i) => [
          `d${i}`,
          i === 40 ? { type: 'null' } : { anyOf: [{ $ref: `#/$defs/d${i + 1}` }, { $ref: `#/$defs/d${i + 1}` }] },
        ]),
      ),
    ],
  ])('%s disables the tool of its owner, and does not slow down others', async (_, properties, $defs) => {
    await deployTool(user, 'trap', 'return 1', { input_schema: { type: 'object', properties, $defs } })
    const sprung = await call('trap', { s: `${'a'.repeat(60)}!` })
    expect(sprung).toMatchObject({ isError: true, content: [{ text: expect.stringContaining('more than 100 ms') }] })
    // Even a fast check is not repeated.
    expect(await call('trap', {})).toEqual(sprung)
    expect((await user.runs()).length).toBe(0)
    await deployTool(user, 'trap', 'return 1', { input_schema: { type: 'object' } })
    expect(await call('trap', {})).toMatchObject({ content: [{ text: '1' }] })
  })

  test('D: clients see the properties of a schema in their original order, also after an export and import', async () => {
    const order = ['zeta', 'a', 'middle', 'query', 'b']
    const properties = Object.fromEntries(
      order.map((name) => [name, { type: 'string', title: name, description: 'x' }]),
    )
    const input_schema = { type: 'object', required: ['zeta', 'a'], properties }
    const project = { 'x-project-id': await user.project('ordered') }
    const config = { tool: { description: 'ordered', input_schema, output_schema: input_schema } }
    const body = { name: 'ordered', runtime: 'nodejs', source: 'export default () => 1', config }
    expect((await user.post(FUNCTIONS, body, project)).status).toBe(201)
    const schemas = (tool: Record<string, unknown>) => Object.values(tool).map((schema) => JSON.stringify(schema))
    const expected = schemas({ input_schema, output_schema: input_schema })
    const check = async () => {
      const { tools } = (await app.ask(user.key, 'tools/list', {}, project)).answer.result
      const { inputSchema, outputSchema } = tools.find(({ name }: { name: string }) => name === 'ordered')
      expect(schemas({ inputSchema, outputSchema })).toEqual(expected)
      const fn = (await user.get(`${FUNCTIONS}/ordered`, project)).body
      const [version] = (await user.get(`${FUNCTIONS}/ordered/versions`, project)).body
      for (const { tool } of [fn.config, version.config])
        expect(schemas({ in: tool.input_schema, out: tool.output_schema })).toEqual(expected)
    }
    await check()
    const file = `/api/v1/projects/${project['x-project-id']}`
    const { raw } = await user.get(`${file}/export`)
    expect((await user.delete(file)).status).toBe(204)
    const importFile = (text: string) =>
      user.request('POST', '/api/v1/projects/import', {
        payload: `--x\r\ncontent-disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\n${text}\r\n--x--\r\n`,
        headers: { 'content-type': 'multipart/form-data; boundary=x' },
      })
    const imported = await importFile(raw.toString())
    expect(imported).toMatchObject({ status: 201, body: { project_id: project['x-project-id'] } })
    await check()

    // Claims of an import next to the checked config are ignored.
    const forged = raw.toString().replaceAll(/\\"memory_mb\\":\s*256/g, '\\"memory_mb\\":4096')
    expect(forged).not.toBe(raw.toString())
    expect((await user.delete(file)).status).toBe(204)
    expect((await importFile(forged)).status).toBe(201)
    expect((await user.get(`${FUNCTIONS}/ordered`, project)).body.config.memory_mb).toBe(256)
  })

  test('D: a default is filled in before the arguments are validated and the function sees them', async () => {
    const input_schema = {
      type: 'object',
      properties: { limit: { type: 'integer', default: 10 }, tags: { type: 'array', default: ['all'] } },
      required: ['limit', 'tags'],
    }
    await deployTool(user, 'lists', 'return data', { input_schema })
    const text = async (args: object) => JSON.parse((await call('lists', args)).content[0].text)
    expect(await text({})).toEqual({ limit: 10, tags: ['all'] })
    expect(await text({ limit: 1, tags: [] })).toEqual({ limit: 1, tags: [] })
    expect(await call('lists', { limit: 'x' })).toMatchObject({ isError: true })
  })

  test('an invalid schema is reported', async () => {
    await deployTool(user, 'broken', 'return 1', { input_schema: { type: 'object', $ref: '#/nowhere' } })
    expect(await call('broken', {})).toMatchObject({
      isError: true,
      content: [{ text: expect.stringContaining('The schema of this tool is not valid') }],
    })
  })

  test.each([
    ['arguments that are not an object', { input_schema: { type: 'array' } }, 'input_schema'],
    ['unknown annotations', { annotations: { readOnly: true } }, 'annotations'],
    ['a schema that is too long', { output_schema: { description: 'x'.repeat(70_000) } }, 'output_schema'],
    ['no description', { description: '' }, 'description'],
  ])('%s are refused when the function is deployed', async (_, tool, field) => {
    const config = { tool: { description: 'a tool', ...tool } }
    const reply = await user.post(FUNCTIONS, {
      name: 'bad',
      runtime: 'nodejs',
      source: 'export default () => 1',
      config,
    })
    expect(reply.status).toBe(422)
    expect(JSON.stringify(reply.body.detail)).toContain(field)
    expect(await app.names(user.key)).toEqual(BUILT_IN)
  })
})
