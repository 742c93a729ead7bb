import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { packageRoot } from '../../src/platform/package.ts'
import { start, type ZerodbOptions, zerodb } from '../support/cli.ts'
import { run as command } from '../support/commands.ts'
import { eventually } from '../support/eventually.ts'
import { type ListeningServer, startServer } from '../support/listening.ts'
import { SANDBOX } from '../support/sandbox.ts'

// A command takes seconds on a busy machine, and a test runs a dozen.
vi.setConfig({ testTimeout: 240_000 })

let server: ListeningServer
let folder: string
let env: Record<string, string>
beforeAll(async () => {
  server = await startServer()
  env = { ZERODB_URL: server.url, ZERODB_API_KEY: server.key }
})
afterAll(() => server?.stop())
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zerodb-cli-'))
  return () => rm(folder, { recursive: true, force: true })
})

const run = (args: string[], more: Partial<ZerodbOptions> = {}) => zerodb(args, { cwd: folder, env, ...more })

/** Returns the output of a command; fails the test unless the command succeeds. */
async function outputOf(...args: string[]): Promise<string> {
  const { code, out, err } = await run(args)
  expect({ code, err: code === 0 ? '' : err }, args.join(' ')).toEqual({ code: 0, err: '' })
  return out
}
const json = async (...args: string[]) => JSON.parse(await outputOf(...args, '--json'))
const write = async (path: string, text: string) => {
  await mkdir(join(folder, path, '..'), { recursive: true })
  await writeFile(join(folder, path), text)
}

/** Returns the first match in the output of a command. */
const running = (dev: { output(): string }, text: string | RegExp) =>
  eventually(() => expect(dev.output()).toMatch(text))

test('E: a folder is deployed as a whole, or not at all if one of its files is invalid', async () => {
  await write('functions/good.ts', 'export default () => 1')
  await write('functions/bad.ts', 'export default () => {')
  await write('functions/worse.ts', 'import "./nothing"')
  const refused = await run(['deploy'])
  expect({ code: refused.code, out: refused.out }).toEqual({ code: 2, out: '' })
  for (const name of ['bad.ts', 'worse.ts']) expect(refused.err).toContain(name)
  expect(await outputOf('functions', 'list')).not.toMatch(/good|bad|twice/)
  await rm(join(folder, 'functions/worse.ts'))
  // Both files build here; only the server finds their errors.
  await write('functions/bad.ts', 'export const config = { timeout_seconds: 500 }\nexport default () => 1')
  await write('functions/worse.ts', 'export const config = { schedule: "61 * * * *" }\nexport default () => 1')
  for (const args of [['deploy'], ['deploy', '--json']]) {
    const { code, out, err } = await run(args)
    expect({ code, out }).toEqual({ code: 1, out: '' })
    expect(err).toMatch(/functions\/bad\.ts: .*timeout_seconds/)
    expect(err).toMatch(/functions\/worse\.ts: .*cron/)
  }
  expect(await json('functions', 'list')).toEqual([])
  const dry = await run(['deploy', '--dry-run'])
  expect(dry).toMatchObject({ code: 1, out: 'would deploy good, version 1\n' })
  expect(dry.err).toMatch(/functions\/bad\.ts: .*timeout_seconds/)
  await write('functions/bad.ts', 'export default () => 2')
  await write('functions/worse.ts', 'export const config = { schedule: "1 * * * *" }\nexport default () => 1')
  expect(await outputOf('deploy', '--dry-run')).toBe(
    'would deploy bad, version 1\nwould deploy good, version 1\nwould deploy worse, version 1\n  + schedule 1 * * * * UTC\n',
  )
  expect(await json('deploy', '--dry-run', 'functions/good.ts')).toMatchObject({ dry_run: true, changed: true })
  expect(await json('functions', 'list')).toEqual([])
  expect(await outputOf('deploy')).toMatch(/^deployed bad, .*\ndeployed good, .*\ndeployed worse, /)
  expect(await json('functions', 'list')).toHaveLength(3)
  expect(await outputOf('deploy', '--dry-run', 'functions/good.ts')).toBe('unchanged good, version 1\n')
  for (const name of ['bad', 'good', 'worse']) await outputOf('functions', 'delete', name, '--yes')
})

test('E: deploy and diff show changes of the network policy', async () => {
  const source = (hosts: string[]) =>
    `export const config = { network: ${JSON.stringify(hosts)} }\nexport default () => 1`
  await write('functions/calls.ts', source(['a.example.com', 'b.example.com:5432']))
  const added = '  + network a.example.com\n  + network b.example.com:5432\n'
  expect(await outputOf('deploy', '--dry-run')).toBe(`would deploy calls, version 1\n${added}`)
  expect(await outputOf('deploy')).toBe(`deployed calls, version 1\n${added}`)
  await write('functions/calls.ts', source(['a.example.com', '*.example.org']))
  const changed = '  + network *.example.org\n  - network b.example.com:5432\n'
  expect(await outputOf('deploy')).toBe(`deployed calls, version 2\n  ~ calls.ts +1 -1\n${changed}`)
  expect(await outputOf('functions', 'diff', 'calls')).toMatch(new RegExp(`${changed.replace(/[+*.]/g, '\\$&')}$`))
  expect(await outputOf('functions', 'get', 'calls')).toMatch(/^network +a\.example\.com, \*\.example\.org$/m)
  await outputOf('functions', 'delete', 'calls', '--yes')
})

test('E: logs and runs show connections between the lines of the log', async () => {
  const source = `export const config = { network: ['api.example.com'] }
export default async (event, ctx) => {
  ctx.log('before')
  await fetch('http://refused.example.com/').catch(() => ctx.log('after'))
}`
  await write('functions/connects.ts', source)
  await outputOf('deploy')
  await outputOf('invoke', 'connects')
  const refused =
    "network refused.example.com:80 refused: this function may not connect to refused.example.com:80: add 'refused.example.com' to network in its config"
  const messages = await eventually(async () => {
    const lines = (await outputOf('logs', 'connects')).trimEnd().split('\n')
    expect(lines).toHaveLength(3)
    return lines.map((line) => line.replace(/^\S+ \S+ connects /, ''))
  })
  expect([...messages].sort()).toEqual(['after', 'before', refused])
  const warnings = await outputOf('logs', 'connects', '--level', 'warn', '--json')
  expect(
    warnings
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line)),
  ).toMatchObject([
    {
      handler: 'connects',
      level: 'warn',
      message: refused,
      request: { host: 'refused.example.com', port: 80, allowed: false },
    },
  ])
  const [{ id }] = await json('runs', 'list', '--function', 'connects')
  expect(await outputOf('runs', 'get', id)).toContain(`  ${refused}\n`)
  expect(await outputOf('logs', id, '-f')).toContain(refused)
  await outputOf('functions', 'delete', 'connects', '--yes')
})

test('E: two files of one function are reported, and neither is deployed', async () => {
  await write('functions/twice.ts', 'export default () => 1')
  await write('functions/twice.py', 'def handler(event, ctx):\n    return 2')
  const { code, out, err } = await run(['deploy'])
  expect({ code, out }).toEqual({ code: 2, out: '' })
  for (const path of ['functions/twice.ts', 'functions/twice.py']) expect(err).toContain(path)
  expect(await outputOf('functions', 'list')).not.toMatch(/good|bad|twice/)
})

test('E: the types of a new project resolve', async () => {
  await outputOf('init', '.')
  const tsc = join(packageRoot(), 'node_modules', '.bin', 'tsc')
  expect(await command(tsc, ['--project', '.'], { cwd: folder })).toBe('')
  await write(
    'functions/wrong.ts',
    "import type { Context } from 'zerodb-functions/functions'\nexport const n: Context = 1",
  )
  await expect(command(tsc, ['--project', '.'], { cwd: folder })).rejects.toThrow(/wrong\.ts.*TS2322/)
})

test('E: dev starts a server if none is running; with --allow-local its webhooks reach this machine', async () => {
  await outputOf('init', '.')
  const alone = { cwd: folder, env: { ZERODB_PORT: '0', ...SANDBOX } }
  const dev = start(['dev', '--allow-local'], alone)
  await running(dev, /No server is running: starting one[\s\S]*Server ready/)
  await running(dev, 'deployed hello')
  await running(dev, 'Watching functions')
  const own = (...args: string[]) => zerodb(args, alone)
  const hook = ['hooks', 'create', 'zerodb.event.published', 'webhook:here', '--endpoint', 'http://127.0.0.1:9/']
  expect(await own(...hook)).toMatchObject({ code: 0, err: '' })
  const second = await own('dev', '--allow-local')
  expect(second).toMatchObject({ code: 2, err: expect.stringContaining('ZERODB_ALLOW_NETWORKS=127.0.0.0/8,::1/128') })
  expect(await dev.stop()).toBe(0)
  expect((await own('hooks', 'list')).code).toBe(1)
  // A server that the project names elsewhere is not replaced by a local one.
  await write('zerodb.json', '{"url": "http://127.0.0.1:9"}')
  const away = await zerodb(['dev'], { cwd: folder, env: { ...alone.env, ZERODB_API_KEY: 'any' } })
  expect(away).toMatchObject({ code: 1, err: expect.stringContaining('No server answers at http://127.0.0.1:9') })
  // Without the option the address is refused, with the command that allows it.
  const refused = await run(hook)
  expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('zerodb dev --allow-local') })
}, 240_000)

describe.each(['typescript', 'python'])('a project from the template %s', (template) => {
  test('runs: deployed, called, followed, changed and rolled back', async () => {
    expect(await outputOf('init', '.', '--template', template)).toContain('zerodb dev')
    expect(await outputOf('init', '.', '--template', template)).toContain('All files exist already')
    const file = template === 'typescript' ? 'functions/hello.ts' : 'functions/hello.py'
    expect(await outputOf('deploy')).toMatch(
      /^deployed hello, version \d+\n {2}\+ hook zeromemory.remembered\n {2}at \/fn\/\S+\/hello\n {2}as an MCP tool\n$/,
    )
    expect(await outputOf('deploy')).toMatch(/^unchanged hello/)
    expect(JSON.parse(await outputOf('invoke', 'hello', '-d', '{"name": "Maria"}'))).toEqual({
      hello: 'Maria',
      because: 'invoke',
    })
    const { run_id, status } = await json('invoke', 'hello', '--async')
    expect(status).toBe('queued')
    expect(await outputOf('logs', run_id, '-f')).toContain('triggered by function.invoked')
    expect(await outputOf('logs', 'hello')).toMatch(
      new RegExp(`${run_id.slice(0, 8)} hello triggered by function.invoked`),
    )
    expect(await outputOf('logs', 'hello', '--level', 'error')).toBe('')
    expect(await outputOf('logs', 'hello', '--since', '0s')).toBe('')
    expect(await json('runs', 'list', '--function', 'hello', '--trigger', 'invoke')).toHaveLength(2)
    expect((await run(['logs', 'nothing'])).err).toContain('zerodb functions list')

    const before = await readFile(join(folder, file), 'utf8')
    await write(file, before.replace('"world"', '"everybody"').replace("'world'", "'everybody'"))
    expect(await outputOf('deploy')).toMatch(/^deployed hello, version 2\n {2}~ hello\.(ts|py) \+1 -1\n {2}at /)
    expect(await json('invoke', 'hello')).toMatchObject({ result: { hello: 'everybody' } })
    expect(await outputOf('functions', 'diff', 'hello')).toContain('everybody')
    expect(await outputOf('functions', 'rollback', 'hello')).toMatch(/^deployed hello, version/)
    expect(await json('invoke', 'hello')).toMatchObject({ result: { hello: 'world' } })
    expect(await json('functions', 'list')).toMatchObject([{ name: 'hello' }])
    expect(await outputOf('functions', 'list')).toContain('zeromemory.remembered, http, tool')
    expect(await outputOf('functions', 'disable', 'hello')).toBe('hello is off\n')
    expect((await run(['invoke', 'hello'])).err).toContain('zerodb functions enable')
    await outputOf('functions', 'delete', 'hello', '--yes')
    expect(await json('functions', 'list')).toEqual([])
  })
})

test('packages are bundled locally, and several files are sent unchanged', async () => {
  await write('node_modules/shout/package.json', '{"name": "shout", "main": "index.js"}')
  await write('node_modules/shout/index.js', 'module.exports = (text) => text.toUpperCase()')
  await write('packaged.ts', 'import shout from "shout"\nexport default (event: { data: string }) => shout(event.data)')
  await write(
    'several/index.ts',
    'import { twice } from "./lib/twice"\nexport default (event: { data: number }) => twice(event.data)',
  )
  await write('several/lib/twice.ts', 'export const twice = (n: number) => 2 * n')
  await outputOf('deploy', 'packaged.ts', 'several')
  expect(await json('invoke', 'packaged', '-d', '"a"')).toMatchObject({ result: 'A' })
  expect(await json('invoke', 'several', '-d', '4')).toMatchObject({ result: 8 })
  const { files } = (await (
    await fetch(`${server.url}/api/v1/functions/several/versions/1`, { headers: { 'x-api-key': server.key } })
  ).json()) as { files: object }
  expect(Object.keys(files)).toEqual(['index.ts', 'lib/twice.ts'])
})

test('a streamed result is printed as it comes', async () => {
  await write(
    'tells.js',
    `export default async function* (event, ctx) {
      yield 'Once '
      yield 'upon'
      yield { a: 'time' }
      if (event.data === 'on') await new Promise((resolve) => setTimeout(resolve, 25_000))
      if (event.data === 'fail') throw new Error('no further')
    }`,
  )
  await write('whole.py', 'def handler(event):\n    return {"whole": True}\n')
  await outputOf('deploy', 'tells.js', 'whole.py')
  expect(await outputOf('invoke', 'tells', '--stream')).toBe('Once upon\n{"a":"time"}\n')
  const lines = (await outputOf('invoke', 'tells', '--stream', '--json'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(lines).toEqual([
    { chunk: 'Once ' },
    { chunk: 'upon' },
    { chunk: { a: 'time' } },
    { run: expect.objectContaining({ status: 'succeeded', result: { streamed: { items: 3, bytes: 21 } } }) },
  ])
  expect(await outputOf('invoke', 'whole', '--stream')).toBe('{\n  "whole": true\n}\n')
  // The function waits longer than this test.
  const { out } = await run(['invoke', 'tells', '--stream', '-d', '"on"'], { until: '{"a":"time"}' })
  expect(out).toBe('Once upon\n{"a":"time"}\n')
  const failed = await run(['invoke', 'tells', '--stream', '-d', '"fail"'])
  expect(failed).toMatchObject({ code: 1, out: 'Once upon\n{"a":"time"}\n' })
  expect(failed.err).toMatch(/^error Error: no further\ntry {3}zerodb logs \S{36}\n$/)
  expect((await run(['invoke', 'tells', '--stream', '--async'])).code).toBe(2)
})

test('errors are reported with their position and their exit code', async () => {
  await write('broken.ts', 'export default () => {\n  return 1 +\n}')
  const broken = await run(['deploy', 'broken.ts'])
  expect({ code: broken.code, out: broken.out }).toEqual({ code: 2, out: '' })
  expect(broken.err).toMatch(/broken.ts:3:0/)
  await write('throws.ts', 'export const config = { timeout_seconds: 500 }\nexport default () => 1')
  const refused = await run(['deploy', 'throws.ts'])
  expect({ code: refused.code, err: refused.err }).toEqual({ code: 1, err: expect.stringContaining('timeout_seconds') })
  await write('throws.ts', 'export default (event, ctx) => {\n  throw new Error("no further")\n}')
  await outputOf('deploy', 'throws.ts')
  const failed = await run(['invoke', 'throws'])
  expect({ code: failed.code, out: failed.out }).toEqual({ code: 1, out: '' })
  const [, next] = /^error Error: no further\ntry {3}zerodb (logs \S{36})\n$/.exec(failed.err)!
  expect(await outputOf(...next!.split(' '))).toMatch(
    /throws dead: function_threw: Error: no further\n.*throws\.ts:2:9/,
  )
  // B6: a Python exception is one line in tables; the traceback is shown for a single run.
  await write('raises.py', 'def handler(event):\n    raise ValueError("B6: no further")\n')
  await outputOf('deploy', 'raises.py')
  const raised = await run(['invoke', 'raises'])
  expect(raised.err).toMatch(/^error ValueError: B6: no further\n/)
  expect(await outputOf('runs', 'list', '--function', 'raises')).toMatch(
    /function_threw: ValueError: B6: no further\n$/,
  )
  const [{ id }] = await json('runs', 'list', '--function', 'raises')
  expect(await outputOf('runs', 'get', id)).toMatch(/Traceback .*\n {2}File "raises\.py", line 2, in handler\n/)
  expect((await run(['deploy'])).err).toContain('zerodb init')
  expect((await run(['invoke', 'nothing'])).err).toContain('zerodb functions list')
})

test('variables are shared between functions', async () => {
  expect(await outputOf('env', 'list')).toContain('No env sets')
  await run(['secrets', 'set', 'SHARED_KEY'], { input: 'a long secret value\n' })
  await write(
    'uses.ts',
    'export const config = { env_from: ["shared"] }\nexport default (e, ctx) => Object.keys(ctx.env).sort()',
  )
  const early = await run(['deploy', 'uses.ts'])
  expect(early.out + early.err).toContain('The env set shared does not exist')
  expect(
    await outputOf('env', 'set', 'shared', 'URL=https://example.com/?a=b', 'EMPTY=', '--secret', 'SHARED_KEY'),
  ).toBe("shared is set; functions with env_from: ['shared'] receive it from their next call: uses\n")
  expect(await json('invoke', 'uses')).toMatchObject({ result: ['EMPTY', 'SHARED_KEY', 'URL'] })
  expect(await json('env', 'get', 'shared')).toMatchObject({
    env: { URL: 'https://example.com/?a=b', EMPTY: '' },
    secrets: ['SHARED_KEY'],
    used_by: ['uses'],
  })
  expect(await outputOf('env', 'get', 'shared')).toMatch(/URL +https:.*\n.*EMPTY/)
  expect(await outputOf('env', 'list')).toMatch(/shared +URL, EMPTY, SHARED_KEY +uses/)
  expect(await outputOf('env', 'delete', 'shared')).toBe('Deleted shared\n')
  expect(await outputOf('env', 'history', 'shared')).toMatch(
    /deleted +EMPTY, SHARED_KEY, URL.*\n.*created +EMPTY, SHARED_KEY, URL/,
  )
  const wrong = await run(['env', 'set', 'shared', 'NOVALUE'])
  expect([wrong.code, wrong.err]).toEqual([2, expect.stringContaining('"NOVALUE" must have the form NAME=VALUE')])
})

test('secrets come from standard input and are never shown', async () => {
  await run(['secrets', 'set', 'TOKEN'], { input: 'a long secret value\n' })
  await write(
    'secret.ts',
    'export const config = { secrets: ["TOKEN"] }\nexport default (e, ctx) => ctx.env.TOKEN.length',
  )
  await outputOf('deploy', 'secret.ts')
  expect(await json('invoke', 'secret')).toMatchObject({ result: 'a long secret value'.length })
  expect(await outputOf('secrets', 'list')).toMatch(/TOKEN/)
  expect(await json('secrets', 'delete', 'TOKEN')).toEqual({ name: 'TOKEN', deleted: true })
})

test('schedules are listed, paused and run', async () => {
  await write(
    'nightly.ts',
    'export const config = { schedule: { cron: "0 6 * * *", timezone: "Europe/Berlin" } }\nexport default () => "done"',
  )
  await outputOf('deploy', 'nightly.ts')
  expect(await outputOf('cron', 'list')).toContain('Europe/Berlin')
  expect(await outputOf('cron', 'pause', 'nightly')).toBe('nightly is paused\n')
  expect(await outputOf('cron', 'resume', 'nightly')).toContain('next runs at')
  expect(await outputOf('cron', 'create', 'report', '--cron', '0 6 * * *', '--name', 'daily')).toContain(
    'Publishes to report',
  )
  expect(await json('cron', 'create', 'once', '-d', '{"n":1}', '--delay', '2h')).toMatchObject({
    event_payload: { n: 1 },
  })
  expect(await outputOf('cron', 'list')).toMatch(/daily .*0 6 \* \* \*[\s\S]*once .*once/)
  expect(await outputOf('cron', 'delete', 'daily')).toMatch(/^Deleted /)
  expect(await outputOf('cron', 'delete', 'once')).toMatch(/^Deleted /)
  const { id } = await json('cron', 'run', 'nightly')
  expect((await run(['logs', id, '-f'])).code).toBe(0)
})

test('dev deploys changes, shows errors and logs of functions, and stops on a signal', async () => {
  await write('functions/live.ts', 'export default (e, ctx) => { ctx.log("version one"); return 1 }')
  await outputOf('deploy')
  await outputOf('invoke', 'live')
  await outputOf('invoke', 'live')
  const dev = start(['dev'], { cwd: folder, env })
  const shows = (text: string | RegExp) => eventually(() => expect(dev.output()).toMatch(text))
  await shows(/unchanged live, version 1[\s\S]*Watching functions/)
  await write('functions/live.ts', 'export default (e, ctx) => {')
  await shows(/error live/)
  await write('functions/live.ts', 'export default (e, ctx) => { ctx.log("version two"); return 2 }')
  await shows(/deployed live, version 2/)
  await outputOf('invoke', 'live')
  await shows(/live version two/)
  // Runs from before its start are not shown.
  expect(dev.output()).not.toContain('live version one')
  await rm(join(folder, 'functions/live.ts'))
  await shows('zerodb functions delete live')
  expect(await dev.stop()).toBe(0)
}, 240_000)

test('B2: numbers keep their digits on the command line', async () => {
  await write('same.mjs', 'export default ({ data }) => data')
  await outputOf('deploy', 'same.mjs')
  expect(await outputOf('invoke', 'same', '-d', '[9007199254740993]')).toBe('[\n  9007199254740993\n]\n')
  expect(await outputOf('invoke', 'same', '-d', '[0.12345678901234567891]', '--json')).toContain(
    '[0.12345678901234567891]',
  )
  const refused = await run(['invoke', 'same', '-d', '1e400'])
  expect(refused.code).not.toBe(0)
  expect(refused.err).toContain('send it as text')
})

test('E: a program runs once in a sandbox, and its failure is that of the command', async () => {
  await write('sum.mjs', 'console.log("adding")\nexport default { sum: 1 + 2, lang: process.env.LANG }')
  const execute = ['sandbox', 'execute', 'javascript']
  expect(await outputOf(...execute, 'sum.mjs', '--env', '{"LANG": "en"}')).toBe(
    'adding\n{\n  "sum": 3,\n  "lang": "en"\n}\n',
  )
  const failed = await run([...execute, '-'], { input: 'throw new Error("no stock")' })
  expect(failed).toMatchObject({ code: 1, out: '', err: expect.stringContaining('no stock') })
  const shown = await run([...execute, '-', '--json'], { input: 'throw new Error("no stock")' })
  expect({ ...shown, out: JSON.parse(shown.out) }).toMatchObject({
    code: 1,
    err: '',
    out: { status: 'threw', error: { message: 'no stock' } },
  })
  expect(await run([...execute, 'nothing.mjs'])).toMatchObject({
    code: 2,
    err: expect.stringContaining('nothing.mjs cannot be read'),
  })
})
