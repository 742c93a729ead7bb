import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openTestApp, type TestApp, type TestUser } from '../support/app.ts'
import { available, curl, run } from '../support/commands.ts'
import { startServer } from '../support/listening.ts'
import { curlCommands, pythonProgram } from './examples.ts'

const FILE = process.env['ZERODB_SPEC_FILE']
if (!FILE)
  console.log(
    'skipped: the literal test of the specification needs ZERODB_SPEC_FILE (walk.test.ts has the same steps in other words)',
  )
if (!FILE && process.env['CI']) throw new Error('CI needs ZERODB_SPEC_FILE')

const ADDRESS = 'https://api.ainative.studio'
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/

describe.runIf(FILE && available('curl', ['--version']))(
  'every curl command of the specification, as a new user',
  () => {
    let app: TestApp
    let address: string
    beforeAll(async () => {
      app = await openTestApp()
      address = await app.server.listen({ port: 0, host: '127.0.0.1' })
    })
    afterAll(() => app.close())

    const commands = FILE ? curlCommands(FILE) : []
    test('the text has the expected number of commands', () => expect(commands.length).toBe(15))

    test.each(commands.map((args, i) => [i + 1, args] as const))('command %i', async (_, args) => {
      const user = await app.newUser()
      const needsHook = args.some((arg) => arg.includes('{hook_id}'))
      const hook = needsHook
        ? await user.hook('zerodb.vector.stored', 'auto_embed', { hook_config: { model: 'bge-m3' } })
        : null
      const typed = args.map((arg) =>
        arg
          .replace(ADDRESS, address)
          .replace('$TOKEN', user.key)
          .replace('{hook_id}', hook?.id ?? '')
          .replace(/YOUR_PROJECT_UUID|your-project-uuid/, user.project_id),
      )
      const { status, body } = await curl(typed)
      const method = args[args.indexOf('-X') + 1]
      const sent = args.includes('-d') ? JSON.parse(typed[typed.indexOf('-d') + 1]!) : null
      if (args.includes('-X') && method === 'DELETE') {
        expect({ status, body }).toEqual({ status: 204, body: '' })
        expect((await user.get(`/api/v1/hooks/${hook!.id}`)).status).toBe(404)
      } else if (args.includes('-X') && method === 'POST') {
        expect(status).toBe(201)
        expect(JSON.parse(body)).toEqual(created(user, sent))
      } else if (args.includes('-X') && method === 'PATCH') {
        expect(status).toBe(200)
        expect(JSON.parse(body)).toEqual({ ...hook, ...sent, updated_at: expect.stringMatching(ISO) })
      } else if (hook) {
        expect(status).toBe(200)
        expect(JSON.parse(body)).toEqual(hook)
      } else {
        expect(status).toBe(200)
        expect(JSON.parse(body)).toEqual([])
      }
    })

    function created(user: TestUser, sent: Record<string, unknown>): Record<string, unknown> {
      return {
        id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        user_id: user.user_id,
        project_id: null,
        hook_type: 'first_party',
        hook_config: {},
        is_active: true,
        created_at: expect.stringMatching(ISO),
        updated_at: expect.stringMatching(ISO),
        ...sent,
      }
    }
  },
)

describe.runIf(FILE && available('python3', ['-c', 'import requests']))(
  'the Python examples of the specification',
  () => {
    test('run as one program, as the first request after a start, and see the graph immediately', async () => {
      const server = await startServer()
      try {
        const program = pythonProgram(FILE!)
          .replace(`${ADDRESS}/api/v1`, `${server.url}/api/v1`)
          .replace('YOUR_API_KEY', server.key)
        const lines = (await run('python3', ['-c', program])).trim().split('\n')
        expect(lines).toHaveLength(4)
        expect(lines[0]).toMatch(/^Hook created: [0-9a-f-]{36}$/)
        expect(lines[1]).toMatch(/^Memory stored: \{.*'memory_id': '[0-9a-f-]{36}'.*\}$/)
        for (const name of ['Bob', 'AI conference', 'Berlin']) expect(lines[2]).toContain(`'${name}'`)
        expect(lines[2]).toMatch(/^Graph neighbors: \{.*'predicate': 'met'/)
        expect(lines[3]!.trim()).toBe('auto_graph on zeromemory.remembered (active=True)')
        const left = await fetch(`${server.url}/api/v1/hooks?active_only=false`, {
          headers: { authorization: `Bearer ${server.key}` },
        })
        expect(await left.json()).toEqual([])
      } finally {
        expect(await server.stop()).toBe(0)
      }
    })
  },
)
