import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { zerodb } from '../support/cli.ts'
import { available } from '../support/commands.ts'
import { type ListeningServer, startServer } from '../support/listening.ts'
import { type TestWheel, wheelOf } from '../support/wheels.ts'

// A command takes seconds on a busy machine, and a test runs a dozen.
vi.setConfig({ testTimeout: 240_000 })

let server: ListeningServer
let index: Server
let indexUrl: string
let folder: string
let wheels: TestWheel[]
beforeAll(async () => {
  server = await startServer()
  index = createServer((request, response) => {
    const [, name = ''] = /^\/simple\/([^/]+)\/$/.exec(request.url!) ?? []
    const wheel = wheels.find(({ file_name }) => request.url === `/files/${file_name}`)
    if (wheel) return response.end(wheel.bytes)
    const own = wheels.filter(({ file_name }) => file_name.startsWith(`${name.replaceAll('-', '_')}-`))
    if (own.length === 0) return response.writeHead(404).end()
    const links = own.map(({ file_name, sha256 }) => `<a href="/files/${file_name}#sha256=${sha256}">${file_name}</a>`)
    response.setHeader('content-type', 'text/html').end(`<!doctype html><body>${links.join('\n')}</body>`)
  })
  await new Promise<void>((resolve) => index.listen(0, '127.0.0.1', resolve))
  indexUrl = `http://127.0.0.1:${(index.address() as AddressInfo).port}/simple`
})
afterAll(async () => {
  index?.close()
  await server?.stop()
})
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zerodb-cli-'))
  return () => rm(folder, { recursive: true, force: true })
})

const run = (...args: string[]) =>
  zerodb(args, { cwd: folder, env: { ZERODB_URL: server.url, ZERODB_API_KEY: server.key, PIP_NO_CACHE_DIR: '1' } })

async function outputOf(...args: string[]): Promise<string> {
  const { code, out, err } = await run(...args)
  expect({ code, err: code === 0 ? '' : err }, args.join(' ')).toEqual({ code: 0, err: '' })
  return out
}

async function write(path: string, text: string): Promise<void> {
  await mkdir(join(folder, path, '..'), { recursive: true })
  await writeFile(join(folder, path), text)
}
const writeRequirements = (...lines: string[]) =>
  write('functions/greet/requirements.txt', `--index-url ${indexUrl}\n${lines.join('\n')}\n`)
const result = async (name: string) => JSON.parse(await outputOf('invoke', name, '--json')).result

const words = (version: string) => wheelOf('nice_words', version, { 'nice_words.py': `word = "hello ${version}"\n` })

// On a machine without pip these tests cannot run. In CI it must be there.
describe.skipIf(!process.env['CI'] && !available('python3', ['-m', 'pip', '--version']))('requirements.txt', () => {
  beforeEach(async () => {
    wheels = [
      words('1.0'),
      words('1.1'),
      wheelOf(
        'greeter',
        '1.0',
        { 'greeter.py': 'import nice_words\ntext = nice_words.word\n' },
        { requires: ['nice-words'] },
      ),
      wheelOf('windows_only', '1.0', { 'windows_only.py': '' }, { tags: 'cp311-cp311-win_amd64' }),
      wheelOf('two', '1.0', { 'two.py': '' }, { tags: 'cp399-cp399-any' }),
    ]
    await write('functions/greet/main.py', 'import greeter\ndef handler(event, ctx): return greeter.text\n')
  })

  test('deploy downloads, uploads and shows the packages of a Python function; a rollback brings old ones back', async () => {
    await writeRequirements('greeter', 'nice-words==1.0')
    const first = await outputOf('deploy')
    for (const line of ['+ package greeter 1.0', '+ package nice-words 1.0']) expect(first).toContain(line)
    expect(await result('greet')).toBe('hello 1.0')
    expect(await outputOf('deploy')).toContain('unchanged greet')

    await writeRequirements('greeter', 'nice-words==1.1')
    const checked = await outputOf('deploy', '--dry-run')
    expect(checked).toContain('~ package nice-words 1.0 → 1.1')
    expect(await result('greet')).toBe('hello 1.0')
    expect(await outputOf('deploy')).toContain('~ package nice-words 1.0 → 1.1')
    expect(await outputOf('functions', 'diff', 'greet')).toContain('~ package nice-words 1.0 → 1.1')
    expect(await result('greet')).toBe('hello 1.1')
    expect(await outputOf('functions', 'rollback', 'greet')).toContain('~ package nice-words 1.1 → 1.0')
    expect(await result('greet')).toBe('hello 1.0')
  })

  test.each([
    [
      'a package without a wheel for the server',
      'windows-only==1.0',
      'No matching distribution found for windows-only==1.0',
    ],
    ['a package for another interpreter', 'two', 'No matching distribution found for two'],
    ['a package that does not exist', 'absent>=2', 'No matching distribution found for absent>=2'],
    [
      'a package with another hash',
      `nice-words==1.0 --hash=sha256:${'0'.repeat(64)}`,
      'THESE PACKAGES DO NOT MATCH THE HASHES',
    ],
  ])('%s fails, naming the requirement', async (_, requirement, text) => {
    await writeRequirements(requirement)
    const { code, out, err } = await run('deploy')
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain(join('functions', 'greet', 'requirements.txt'))
    expect(err).toContain(text)
  })
})

test('deploy bundles the npm packages of a function, ES modules and CommonJS', async () => {
  const manifest = (name: string, more: object) => JSON.stringify({ name, version: '1.0.0', ...more })
  await write(
    'functions/shout/package.json',
    manifest('shout', { dependencies: { modern: '1.0.0', classic: '1.0.0' } }),
  )
  await write(
    'functions/shout/node_modules/modern/package.json',
    manifest('modern', { type: 'module', exports: './m.js' }),
  )
  await write('functions/shout/node_modules/modern/m.js', 'export const loud = (text) => text.toUpperCase()')
  await write('functions/shout/node_modules/classic/package.json', manifest('classic', { main: 'c.js' }))
  await write(
    'functions/shout/node_modules/classic/c.js',
    'const { EOL } = require("os"); exports.mark = (text) => text + "!" + (EOL === "\\n")',
  )
  await write(
    'functions/shout/index.ts',
    "import { loud } from 'modern'\nimport { mark } from 'classic'\nexport default () => mark(loud('hello'))",
  )
  await outputOf('deploy')
  expect(await result('shout')).toBe('HELLO!true')
})
