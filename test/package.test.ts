import { spawn } from 'node:child_process'
import { lstatSync, readdirSync, readFileSync } from 'node:fs'
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ZeroDB } from '../src/client/index.ts'
import { packageRoot } from '../src/platform/package.ts'
import { run } from './support/commands.ts'
import { docx, paragraph } from './support/documents.ts'

const [MAX_TARBALL_MB, MAX_INSTALLED_MB] = [15, 110]
const MEGABYTE = 1_000_000

interface Packed {
  filename: string
  size: number
  files: { path: string; size: number }[]
}

let folder: string
let packed: Packed
let installed: string
/** The output of npm during the installation. */
let said: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zerodb-package-'))
  const answer = await run('npm', ['pack', '--json', '--pack-destination', folder], { cwd: packageRoot() })
  packed = JSON.parse(answer.slice(answer.indexOf('[')))[0]
  installed = join(folder, 'project')
  await mkdir(installed)
  await writeFile(join(installed, 'package.json'), '{"private": true, "type": "module"}')
  const install = `npm install --engine-strict --no-audit --no-fund '../${packed.filename}' 2>&1`
  said = await run('sh', ['-c', install], { cwd: installed })
}, 600_000)
afterAll(() => rm(folder, { recursive: true, force: true }))

function sizeOf(path: string): number {
  const stat = lstatSync(path)
  if (!stat.isDirectory()) return stat.size
  return readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0)
}

test('the package has everything it needs, and nothing that only the build needs', () => {
  const paths = packed.files.map(({ path }) => path)
  const types = ['dist/client/index.d.ts', 'dist/client/functions.d.ts', 'dist/client/cjs/index.d.ts']
  const code = ['dist/zerodb.js', 'dist/client/index.js', 'dist/client/cjs/index.js']
  for (const path of ['README.md', 'LICENSE', 'dist/THIRD-PARTY-NOTICES.txt', ...code]) expect(paths).toContain(path)
  for (const path of types) expect(paths).toContain(path)
  expect(paths.filter((path) => /^dist\/template-.*\.tar\.gz$/.test(path))).toHaveLength(1)
  const others = paths.filter((path) => !/^(README\.md|LICENSE|package\.json|dist\/)/.test(path))
  expect([...others, ...paths.filter((path) => /\.map$|\.test\./.test(path))]).toEqual([])
  console.log(`package: ${(packed.size / MEGABYTE).toFixed(1)} MB packed`)
  expect(packed.size).toBeLessThanOrEqual(MAX_TARBALL_MB * MEGABYTE)
})

test('it installs with strict engines, is small, and has few dependencies', async () => {
  expect(said).not.toMatch(/EBADENGINE|ERR!|deprecated/)
  const lock = JSON.parse(readFileSync(join(installed, 'node_modules', '.package-lock.json'), 'utf8'))
  const names = Object.keys(lock.packages).map((path) => path.replace('node_modules/', ''))
  const size = sizeOf(join(installed, 'node_modules'))
  console.log(`package: ${(size / MEGABYTE).toFixed(1)} MB installed, ${names.length} packages: ${names.join(', ')}`)
  expect(size).toBeLessThanOrEqual(MAX_INSTALLED_MB * MEGABYTE)
})

test('each bundled package is listed with its licence', () => {
  const notices = readFileSync(join(installed, 'node_modules/zerodb-functions/dist/THIRD-PARTY-NOTICES.txt'), 'utf8')
  for (const name of [
    'fastify',
    'zod',
    'pg',
    'undici',
    'wink-nlp',
    'compromise',
    'unpdf',
    'marked',
    'eventsource-parser',
  ])
    expect(notices).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\(.+\\)$`, 'm'))
})

test('publint reports nothing', async () => {
  const publint = join(packageRoot(), 'node_modules/publint/src/cli.js')
  const verdict = await run(process.execPath, [publint, 'run', join(folder, packed.filename), '--strict'])
  expect(verdict).toContain('All good!')
})

test('npx starts it: it stores, embeds, reads a file, extracts a graph and bundles a function', async () => {
  const server = spawn('npx', ['zerodb-functions', 'start', '--port', '0'], {
    cwd: installed,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    env: { ...process.env, ZERODB_SANDBOX: 'unsafe-process' },
  })
  const closed = new Promise((resolve) => server.once('close', resolve))
  try {
    let output = ''
    const url = await new Promise<string>((resolve, reject) => {
      const look = (chunk: Buffer) => {
        output += chunk
        const ready = /Ready on (http:\S+)/.exec(output)
        if (ready) resolve(ready[1]!)
      }
      server.stdout.on('data', look)
      server.stderr.on('data', look)
      server.once('exit', (code) => reject(new Error(`it ended with ${code}:\n${output}`)))
    })
    const { api_key } = JSON.parse(readFileSync(join(installed, '.zerodb', 'credentials.json'), 'utf8'))
    const zerodb = new ZeroDB({ url, apiKey: api_key })
    await zerodb.hooks.create({ event_type: 'zerodb.vector.stored', hook_name: 'auto_embed' })
    await zerodb.hooks.create({ event_type: 'zeromemory.remembered', hook_name: 'auto_graph' })
    await zerodb.hooks.create({ event_type: 'zerodb.file.uploaded', hook_name: 'auto_summarize' })
    await zerodb.vectors.upsert({ vector_id: 'note', document: 'The invoice has to be paid before Friday' })
    await zerodb.memory.remember({ content: 'Maria leads the Apollo project at Initech in Oslo', entity_id: 'maria' })
    const content = docx(paragraph('The bridge was closed in May. No one knows when it opens.'))
    const { file_id } = await zerodb.files.upload({ file_name: 'bridge.docx', content })
    const done = async () => (await zerodb.runs.list()).items.map(({ status, error }) => error?.message ?? status)
    await expect.poll(done, { timeout: 60_000 }).toEqual(['succeeded', 'succeeded', 'succeeded'])
    expect((await zerodb.vectors.search({ query: 'when is the bill due?' })).vectors[0]!.vector_id).toBe('note')
    expect((await zerodb.graph.neighbors({ entity: 'maria' })).count).toBeGreaterThan(0)
    expect((await zerodb.files.get({ file_id })).summary).toContain('bridge')
    const source = 'export default (event: { data: { n: number } }): number => event.data.n * 2'
    await zerodb.functions.deploy({ name: 'double', source, runtime: 'typescript' })
    expect((await zerodb.functions.invoke({ name: 'double', payload: { n: 21 } })).result).toBe(42)
    expect(await run('npx', ['zerodb', 'hooks', 'list', '--json'], { cwd: installed })).toContain('auto_graph')
  } finally {
    if (server.exitCode === null) process.kill(-server.pid!, 'SIGINT')
    await closed
  }
}, 300_000)

test('a program loads the client from a folder with no other package', async () => {
  const alone = join(folder, 'alone')
  await cp(join(installed, 'node_modules/zerodb-functions/dist/client'), alone, { recursive: true })
  await writeFile(join(alone, 'package.json'), '{"type": "module"}')
  const program =
    "import { ZeroDB } from './index.js'; console.log(typeof new ZeroDB({ url: 'http://localhost' }).runs.logs)"
  const node = ['--input-type=module', '--eval', program]
  expect(await run(process.execPath, node, { cwd: alone })).toBe('function\n')
})

test('a program imports or requires the client by the name of the package', async () => {
  const log = 'console.log(typeof new ZeroDB({ url: "http://localhost" }).runs.logs)'
  const imported = ['--input-type=module', '--eval', `import { ZeroDB } from 'zerodb-functions'; ${log}`]
  const required = ['--input-type=commonjs', '--eval', `const { ZeroDB } = require('zerodb-functions'); ${log}`]
  for (const node of [imported, required])
    expect(await run(process.execPath, node, { cwd: installed })).toBe('function\n')
})

test('programs use its types in strict mode, with no other package', async () => {
  const program = `import { type Hook, verifyWebhook, ZeroDB, ZeroDBError } from 'zerodb-functions/client'
import type { Config, Context, FunctionEvent } from 'zerodb-functions/functions'

export const config: Config = { triggers: ['zerodb.vector.stored'] }
export default async (event: FunctionEvent, ctx: Context) => {
  if (event.event === 'zerodb.vector.stored') await ctx.zerodb.vectors.get({ vector_id: event.data.vector_id })
}
export async function use(): Promise<Hook[]> {
  const zerodb = new ZeroDB({ url: 'http://127.0.0.1:8000' })
  for await (const run of zerodb.runs.list()) console.log(run.status)
  // @ts-expect-error: a mistake
  await zerodb.memory.remember({ text: 'x' })
  await verifyWebhook({ headers: {}, body: '', secrets: 'whsec_' })
  return zerodb.hooks.list().catch((error: ZeroDBError) => { throw error })
}
`
  await writeFile(join(installed, 'use.ts'), program)
  await writeFile(join(installed, 'use.cts'), program.replace('zerodb-functions/client', 'zerodb-functions'))
  const tsc = join(packageRoot(), 'node_modules/typescript/bin/tsc')
  const strict = ['--noEmit', '--strict', '--skipLibCheck', 'false', '--types', '']
  const libs = ['--target', 'es2022', '--lib', 'es2022,dom,dom.asynciterable']
  for (const [module, resolution, file] of [
    ['nodenext', 'nodenext', 'use.ts'],
    ['esnext', 'bundler', 'use.ts'],
    // As in Node 20, which cannot require an ES module.
    ['node16', 'node16', 'use.cts'],
  ] as const) {
    const modules = ['--module', module, '--moduleResolution', resolution]
    await run(process.execPath, [tsc, ...strict, ...libs, ...modules, file], { cwd: installed })
  }
}, 120_000)
