import { execFile } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { OPENAPI_TOOLS, openapiTool } from '../../scripts/openapi-tools.mjs'
import { openTestApp, type TestApp, type TestUser } from '../support/app.ts'

const run = promisify(execFile)
const HERE = import.meta.dirname

/** Whether the tools are installed. In CI they must be. */
function hasTools(...names: Parameters<typeof openapiTool>[0][]): boolean {
  const missing = names.filter((name) => openapiTool(name) === undefined)
  if (missing.length === 0) return true
  if (process.env['CI'])
    throw new Error(`${missing.join(', ')} must be installed in CI: node scripts/openapi-tools.mjs`)
  console.log(`skipped: ${missing.join(', ')} (node scripts/openapi-tools.mjs installs them)`)
  return false
}

let app: TestApp
let user: TestUser
let server: string
let folder: string
let document: string
beforeAll(async () => {
  app = await openTestApp()
  user = await app.newUser()
  await app.server.listen({ host: '127.0.0.1', port: 0 })
  server = `http://127.0.0.1:${(app.server.server.address() as AddressInfo).port}`
  await mkdir(OPENAPI_TOOLS, { recursive: true })
  // Inside the folder of the tools, so that the generated TypeScript finds the packages there.
  folder = await mkdtemp(join(OPENAPI_TOOLS, 'test-'))
  document = join(folder, 'openapi.json')
  await writeFile(document, await (await fetch(`${server}/openapi.json`)).text())
})
afterAll(async () => {
  await app.close()
  await rm(folder, { recursive: true, force: true })
})

describe('linters find no error in the document', () => {
  test.runIf(hasTools('redocly'))('E: redocly', async () => {
    const args = ['lint', '--config', join(HERE, 'redocly.yaml'), '--format=json', document]
    const env = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' }
    const { stdout } = await run(openapiTool('redocly')!, args, { env }).catch((error: { stdout: string }) => error)
    expect(JSON.parse(stdout)).toMatchObject({ problems: [], totals: { errors: 0, warnings: 0 } })
  })

  test.runIf(hasTools('spectral'))('E: spectral', async () => {
    const args = ['lint', '--ruleset', join(HERE, 'spectral.yaml'), '--format=json', '--quiet', document]
    const { stdout } = await run(openapiTool('spectral')!, args).catch((error: { stdout: string }) => error)
    expect(JSON.parse(stdout)).toEqual([])
  })
})

const RESULT = {
  project: 'Generated',
  dimension: 3,
  found: [['note', 1]],
  events: [['zerodb.vector.stored', 'note']],
  error: 'not_found',
}

const PROGRAM = `
import createClient from 'openapi-fetch'
import type { components, paths } from './schema.js'

const client = createClient<paths>({
  baseUrl: process.env['SERVER']!,
  headers: { authorization: \`Bearer \${process.env['KEY']}\` },
})
const { data: project } = await client.POST('/api/v1/projects', { body: { name: 'Generated' } })
const path = { project_id: project!.id }
const { data: vector } = await client.POST('/api/v1/projects/{project_id}/database/vectors/upsert', {
  params: { path },
  body: { vector_id: 'note', vector_embedding: [1, 0, 0], document: 'Tea' },
})
const { data: found } = await client.POST('/api/v1/projects/{project_id}/database/vectors/search', {
  params: { path },
  body: { query_vector: [1, 0, 0], limit: 3 },
})
const { data: events } = await client.GET('/api/v1/event-log', { params: { query: { ...path, limit: 10 } } })
const type: components['schemas']['EventName'] = events!.items[0]!.event
const hook_id = '00000000-0000-4000-8000-000000000000'
const { error } = await client.GET('/api/v1/hooks/{hook_id}', { params: { path: { hook_id } } })
// @ts-expect-error a project has no such field
project!.owner
console.log(
  JSON.stringify({
    project: project!.name,
    dimension: vector!.dimension,
    found: found!.results.map(({ vector_id, similarity }) => [vector_id, similarity]),
    events: events!.items.map(({ data }) => [type, data['vector_id']]),
    error: error && 'code' in error ? error.code : null,
  }),
)
`

describe('a generated client compiles and calls the server', () => {
  test.runIf(hasTools('openapi-typescript', 'tsc'))('E: in TypeScript', async () => {
    await run(openapiTool('openapi-typescript')!, [
      document,
      '--default-non-nullable=false',
      '--output',
      join(folder, 'schema.ts'),
    ])
    await writeFile(join(folder, 'program.mts'), PROGRAM)
    const options = [
      '--strict',
      '--noUncheckedIndexedAccess',
      '--module',
      'nodenext',
      '--target',
      'es2022',
      '--lib',
      'es2023,dom',
    ]
    const { stdout: problems } = await run(openapiTool('tsc')!, [...options, join(folder, 'program.mts')]).catch(
      (error: { stdout: string }) => error,
    )
    expect(problems).toBe('')
    const env = { ...process.env, SERVER: server, KEY: user.key }
    const { stdout } = await run(process.execPath, [join(folder, 'program.mjs')], { env })
    expect(JSON.parse(stdout)).toEqual(RESULT)
  })

  test.runIf(hasTools('openapi-python-client', 'python'))('E: in Python', async () => {
    const config = join(HERE, 'python-client.yaml')
    const target = ['--meta', 'none', '--output-path', join(folder, 'zerodb_client')]
    const generate = ['generate', '--path', document, '--config', config, '--fail-on-warning', ...target]
    await run(openapiTool('openapi-python-client')!, generate)
    await copyFile(join(HERE, 'client.py'), join(folder, 'client.py'))
    const python = (...args: string[]) =>
      run(openapiTool('python')!, args, { cwd: folder, env: { ...process.env, SERVER: server, KEY: user.key } })
    await python('-m', 'compileall', '-q', 'zerodb_client')
    const { stdout } = await python('client.py')
    expect(JSON.parse(stdout)).toEqual(RESULT)
  })
})
