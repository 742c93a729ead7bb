import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ZeroDB } from '../../src/client/index.ts'
import { onTerminal, type Result, start, type ZerodbOptions, zerodb } from '../support/cli.ts'
import { available } from '../support/commands.ts'
import { type ListeningServer, startServer } from '../support/listening.ts'

let server: ListeningServer
let folder: string
let env: Record<string, string>
let api: ZeroDB
beforeAll(async () => {
  server = await startServer({ ZERODB_ALLOW_NETWORKS: '127.0.0.0/8' })
  folder = await mkdtemp(join(tmpdir(), 'zerodb-cli-'))
  env = { ZERODB_URL: server.url, ZERODB_API_KEY: server.key }
  api = new ZeroDB({ url: server.url, apiKey: server.key })
})
afterAll(async () => {
  await server?.stop()
  await rm(folder, { recursive: true, force: true })
})

const run = (args: string[], more: Partial<ZerodbOptions> = {}): Promise<Result> =>
  zerodb(args, { cwd: folder, env, ...more })

/** Returns the JSON that a command prints; fails the test unless the command succeeds and prints nothing else. */
async function json(...args: string[]): Promise<never> {
  const { code, out, err } = await run([...args, '--json'])
  expect({ code, err }, `${args.join(' ')}: ${err}`).toEqual({ code: 0, err: '' })
  return JSON.parse(out) as never
}

const HOOK = ['zerodb.vector.stored', 'auto_embed'] as const

/** Deletes all hooks, so a test does not see hooks of another one. */
async function withoutHooks(): Promise<void> {
  for (const { id } of await api.hooks.list({ active_only: false })) await api.hooks.delete({ hook_id: id })
}

describe('hooks', () => {
  test('--json prints the responses of the API, verb by verb', async () => {
    await withoutHooks()
    const made: { id: string } = await json(
      'hooks',
      'create',
      ...HOOK,
      '--filter',
      '{"data.namespace": "notes"}',
      '--order',
      'row.source',
    )
    expect(made).toEqual(await api.hooks.get({ hook_id: made.id }))
    expect(await json('hooks', 'get', 'auto_embed')).toEqual(made)
    expect(await json('hooks', 'list')).toEqual([made])
    expect(await json('hooks', 'list', '--event', 'zeromemory.remembered')).toEqual([])
    expect(await json('hooks', 'update', made.id, '--retry', '{"max_attempts": 2}')).toMatchObject({
      retry: { max_attempts: 2 },
    })
    expect(await json('hooks', 'pause', 'auto_embed')).toMatchObject({ paused: true })
    expect(await json('hooks', 'resume', 'auto_embed')).not.toHaveProperty('paused')
    expect(await json('hooks', 'disable', made.id.slice(0, 8))).toMatchObject({ is_active: false })
    expect(await json('hooks', 'list')).toEqual([])
    expect(await json('hooks', 'list', '--all')).toHaveLength(1)
    expect(await json('hooks', 'enable', 'auto_embed')).toMatchObject({ is_active: true })
    expect(await json('hooks', 'delete', 'auto_embed', '--yes')).toEqual({ hook_id: made.id, deleted: true })
  })

  test('a webhook’s secret is shown when it is created and when it is rotated', async () => {
    const { out } = await run([
      'hooks',
      'create',
      ...HOOK.slice(0, 1),
      'webhook:orders',
      '--config',
      '{"url": "https://hooks.example.com"}',
    ])
    expect(out).toMatch(/Secret, shown once: whsec_\S{44}/)
    expect(await json('hooks', 'rotate-secret', 'webhook:orders', '--keep-seconds', '0')).toHaveProperty(
      'webhook_secret',
    )
  })

  test('configuration comes from the command line, a file or standard input', async () => {
    await withoutHooks()
    const config = { url: 'https://hooks.example.com/a' }
    await writeFile(join(folder, 'config.json'), JSON.stringify(config))
    expect(await json('hooks', 'create', HOOK[0], 'webhook:file', '--config', '@config.json')).toMatchObject({
      hook_config: config,
    })
    const piped = await run(['hooks', 'create', HOOK[0], 'webhook:pipe', '--config', '-', '--json'], {
      input: JSON.stringify(config),
    })
    expect(JSON.parse(piped.out)).toMatchObject({ hook_config: config })
    for (const bad of ['{url', '[1]', '@nothing.json']) {
      const { code, err } = await run(['hooks', 'create', HOOK[0], 'webhook:bad', '--config', bad])
      expect({ bad, code }).toEqual({ bad, code: 2 })
      expect(err).toContain('--config')
    }
  })
})

describe('events, runs and logs', () => {
  test('are listed and shown as in the API', async () => {
    await withoutHooks()
    await api.hooks.create({ event_type: HOOK[0], hook_name: HOOK[1] })
    const since = new Date().toISOString()
    await api.vectors.upsert({ vector_id: 'note-1', document: 'The invoice has to be paid before Friday' })
    const { items } = await api.event_log.list({ limit: 1 })
    expect(await json('events', 'list', '--limit', '1')).toEqual(items)
    expect(await json('events', 'list', '--type', 'zerodb.file.uploaded')).toEqual([])
    await expect
      .poll(async () => (await api.runs.list({ status: 'succeeded' })).items.length, { timeout: 30_000 })
      .toBe(1)
    const { items: runs } = await api.runs.list({ limit: 1 })
    expect(await json('events', 'get', items[0]!.id)).toEqual({ ...items[0], runs })
    expect(await json('runs', 'list', '--limit', '1', '--hook', 'auto_embed', '--status', 'succeeded')).toEqual(runs)
    expect(await json('runs', 'get', runs[0]!.id)).toEqual(runs[0])
    const words = await run(['runs', 'list', '--limit', '1'])
    expect(words.out).toMatch(/^ID +CREATED .*\n\S{36} +\S+ +succeeded +1 +auto_embed/)
    const again = await run(['runs', 'retry', runs[0]!.id])
    expect(again.code).toBe(1)
    expect(again.err).toContain('try   zerodb replay --event')
    const receiver = createServer((_, response) => response.writeHead(503).end()).listen(0, '127.0.0.1')
    await once(receiver, 'listening')
    const hook = await api.hooks.create({
      event_type: 'zerodb.event.published',
      hook_name: 'webhook:paused',
      hook_config: { url: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/` },
      paused: true,
    })
    await api.events.publish({ topic: 'waits' })
    const waiting = async () => (await api.runs.list({ hook_id: hook.id })).items
    await expect.poll(async () => (await waiting()).length, { timeout: 30_000 }).toBe(1)
    const refused = await run(['runs', 'retry', (await waiting())[0]!.id])
    // E: advice to process the event again would create a second run of one that is still running.
    expect(refused).toMatchObject({ code: 1, err: expect.not.stringContaining('replay') })
    receiver.close()
    const replayed: { kind: string } = await json('replay', '--since', since, '--hook', 'auto_embed')
    expect(replayed).toMatchObject({ kind: 'replay', status: 'done', seen: 1, total: 1 })
    expect(await json('replay', 'list')).toMatchObject([replayed])
    expect(await json('backfill', 'auto_embed', '--dry-run')).toEqual({ dry_run: true, total: 0 })
  })

  test('events tail prints one event per line as it arrives, until it is interrupted', async () => {
    const tail = run(['events', 'tail', '--type', 'zerodb.event.published', '--json'], { until: 'second' })
    let ended = false
    const published = (async () => {
      for (let n = 0; !ended; n++) {
        await api.events.publish({ topic: n === 0 ? 'first' : 'second' })
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
    })()
    const { out } = await tail
    ended = true
    await published
    const topics = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).data.topic)
    expect(topics.at(-1)).toBe('second')
  })

  test('events publish takes any JSON', async () => {
    const event: { event_id: string } = await json('events', 'publish', 'order.paid', '-d', '{"order": 17}')
    expect(event).toEqual(await api.events.get({ event_id: event.event_id }))
  })

  test('logs -f ends with the run, and with exit code 1 if the run died', async () => {
    await withoutHooks()
    const receiver = createServer((_, response) => response.writeHead(400).end('no')).listen(0, '127.0.0.1')
    await once(receiver, 'listening')
    const hook = await api.hooks.create({
      event_type: 'zerodb.event.published',
      hook_name: 'webhook:dead',
      hook_config: { url: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/` },
      retry: { max_attempts: 1 },
      paused: true,
    })
    await api.events.publish({ topic: 'unread' })
    const queued = async () => (await api.runs.list({ hook_id: hook.id })).items
    await expect.poll(queued, { timeout: 30_000 }).toHaveLength(1)
    const run_id = (await queued())[0]!.id
    setTimeout(() => void api.hooks.update({ hook_id: hook.id, paused: false }), 1_000)
    const { code, out } = await run(['logs', run_id, '-f'])
    expect(out).toMatch(/webhook:dead dead: webhook_failed/)
    expect(code).toBe(1)
    const all = await run(['logs', 'webhook:dead', '--json'])
    expect(JSON.parse(all.out.trim().split('\n').at(-1)!)).toMatchObject({
      run_id,
      handler: 'webhook:dead',
      attempts: 1,
    })
    expect(await json('runs', 'redrive', '--hook', 'webhook:dead')).toEqual({ redriven: 1 })
    receiver.close()
  })

  test('logs -f misses no run, however many start at once', async () => {
    await withoutHooks()
    await api.tables.create({ table_name: 'many' })
    const receiver = createServer((_, response) => response.writeHead(400).end('no')).listen(0, '127.0.0.1')
    await once(receiver, 'listening')
    const hook = await api.hooks.create({
      event_type: 'zerodb.table.row_inserted',
      hook_name: 'webhook:many',
      hook_config: { url: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/` },
      retry: { max_attempts: 1 },
    })
    const going = start(['logs', 'webhook:many', '--follow', '--json'], { cwd: folder, env })
    const seenRuns = () => new Set(going.output().match(/"run_id":"[^"]+"/g))
    const insert = (count: number) =>
      api.rows.insert({ table: 'many', rows: Array.from({ length: count }, (_, n) => ({ n })) })
    let first = 0
    await expect
      .poll(
        async () => {
          first++
          await insert(1)
          return seenRuns().size
        },
        { timeout: 30_000, interval: 200 },
      )
      .toBeGreaterThan(0)
    await insert(350)
    await expect
      .poll(async () => (await api.runs.list({ hook_id: hook.id, status: 'dead', limit: 1000 })).items.length, {
        timeout: 30_000,
      })
      .toBe(first + 350)
    await expect.poll(() => seenRuns().size, { timeout: 30_000 }).toBeGreaterThanOrEqual(351)
    await going.stop()
    receiver.close()
  })
})

describe('ids', () => {
  const handled = async (hook_id: string, count: number) => {
    const runs = async () => (await api.runs.list({ hook_id })).items
    await expect.poll(async () => (await runs()).length, { timeout: 30_000 }).toBe(count)
    return runs()
  }

  test('E: are accepted as shown, and by their first digits', async () => {
    await withoutHooks()
    await api.functions.deploy({
      name: 'told',
      runtime: 'nodejs',
      source: 'export default (e, ctx) => ctx.log("heard")',
      config: { schedule: '0 6 * * *' },
    })
    const hook = await api.hooks.create({ event_type: 'zerodb.event.published', hook_name: 'told', paused: true })
    const published = await api.events.publish({ topic: 'of an id' })
    const [queued] = await handled(hook.id, 1)
    const [schedule] = await api.schedules.list()
    const fn = await api.functions.get({ name: 'told' })
    const { id: event_id } = await api.event_log.get({ event_id: queued!.event_id! })
    const short = (id: string) => id.slice(0, 8)
    expect(await json('runs', 'get', short(queued!.id))).toMatchObject({ id: queued!.id })
    expect(await json('hooks', 'get', short(hook.id))).toMatchObject({ id: hook.id })
    expect(await json('functions', 'get', short(fn.id))).toMatchObject({ id: fn.id, name: 'told' })
    expect(await json('cron', 'pause', short(schedule!.id))).toMatchObject({ id: schedule!.id, paused: true })
    expect(await json('events', 'get', event_id.slice(0, 16))).toMatchObject({ id: event_id })
    // As long as an id of an older version.
    expect(await json('events', 'get', event_id.slice(0, 20))).toMatchObject({ id: event_id })
    expect(await json('runs', 'list', '--event', event_id.slice(0, 16))).toMatchObject([{ id: queued!.id }])
    expect(await json('runs', 'cancel', short(queued!.id))).toMatchObject({ id: queued!.id, status: 'cancelled' })
    await api.hooks.update({ hook_id: hook.id, paused: false })
    expect(await json('runs', 'retry', short(queued!.id))).toMatchObject({ id: queued!.id })
    const followed = await run(['logs', short(queued!.id), '-f'])
    expect(followed).toMatchObject({ code: 0, out: expect.stringMatching(`${short(queued!.id)} told heard\\n`) })
    expect((await run(['logs', 'told'])).out).toContain('heard')
    const key = await api.keys.create({ name: 'short' })
    expect(await json('keys', 'revoke', short(key.id))).toEqual({ id: key.id, revoked: true })
    expect(published.event_id).toBeDefined()
  })

  test('E: that are ambiguous are refused, with a list of the matches', async () => {
    await withoutHooks()
    const made = []
    for (let n = 0; n < 3; n++)
      made.push(
        await api.hooks.create({
          event_type: 'zerodb.event.published',
          hook_name: `webhook:${n}`,
          hook_config: { url: 'https://example.com' },
          paused: true,
        }),
      )
    for (const topic of ['a', 'b']) await api.events.publish({ topic })
    await handled(made[0]!.id, 2)
    const { code, out, err } = await run(['events', 'get', 'evt_'])
    expect({ code, out }).toEqual({ code: 2, out: '' })
    const { items } = await api.event_log.list({ limit: 5 })
    for (const { id, event } of items) expect(err).toContain(`${id} (${event})`)
    for (const args of [
      ['runs', 'get', '00000000'],
      ['hooks', 'get', 'nothing'],
      ['cron', 'run', 'nothing'],
      ['replay', 'get', 'nothing'],
      ['keys', 'revoke', 'nothing'],
    ])
      expect(await run(args)).toMatchObject({ code: 1, out: '', err: expect.stringMatching(/not found: .*\n.*list/) })
    expect(await run(['runs', 'get', 'ab'])).toMatchObject({ code: 2, err: expect.stringContaining('first 4 digits') })
    expect(await run(['events', 'get', 'x'])).toMatchObject({ code: 2, err: expect.stringContaining('evt_') })
  })
})

describe('where the server is', () => {
  test('comes from a flag, the environment, zerodb.json, or the server started here; also in a subfolder', async () => {
    const home = await mkdtemp(join(folder, 'home-'))
    const below = join(home, 'a', 'b')
    await mkdir(below, { recursive: true })
    const list = (cwd: string, args: string[] = [], own: Record<string, string> = {}) =>
      zerodb(['hooks', 'list', ...args], { cwd, env: own })
    const nowhere = await list(below)
    expect(nowhere.code).toBe(4)
    expect(nowhere.err).toContain('try   zerodb start')
    expect((await list(below, ['--server', server.url, '--api-key', server.key])).code).toBe(0)

    await mkdir(join(home, '.zerodb'))
    const credentials = { url: server.url, api_key: server.key, user_id: 'u', project_id: 'p' }
    await writeFile(join(home, '.zerodb', 'credentials.json'), JSON.stringify(credentials))
    expect((await list(below)).code).toBe(0)
    // A key belongs to the server that wrote it, and to no other.
    const elsewhere = await list(below, ['--server', 'http://127.0.0.1:9'])
    expect(elsewhere).toMatchObject({
      code: 4,
      err: expect.stringContaining('No API key is configured for http://127.0.0.1:9'),
    })

    const project = await api.projects.create({ name: 'cli' })
    await writeFile(join(home, 'zerodb.json'), JSON.stringify({ url: server.url, project_id: project.id }))
    await zerodb(['events', 'publish', 'in the project'], { cwd: below })
    expect((await api.events.list({ project_id: project.id })) as object).toMatchObject({
      events: [{ topic: 'in the project' }],
    })
    await writeFile(join(home, 'zerodb.json'), '{"url": 7}')
    const broken = await list(below)
    expect(broken.code).toBe(1)
    expect(broken.err).toContain(join(home, 'zerodb.json'))
  })

  test('invalid arguments are reported as JSON, if JSON was requested', async () => {
    for (const [args, message, next] of [
      [['hooks', 'create'], "missing required argument 'event'", 'zerodb hooks create --help'],
      [['runs', 'list', '--limit', 'x'], expect.stringContaining('Must be a number'), 'zerodb runs list --help'],
      [['hoks'], expect.stringContaining("unknown command 'hoks'"), 'zerodb --help'],
      [['hooks'], expect.stringContaining('option'), 'zerodb hooks --help'],
    ] as const) {
      const { code, out, err } = await run([...args, '--json'])
      expect({ code, out, said: JSON.parse(err) }).toEqual({ code: 2, out: '', said: { code: 'usage', message, next } })
    }
  })

  test('an unreachable server and an invalid key suggest the next command', async () => {
    const away = await run(['hooks', 'list'], { env: { ...env, ZERODB_URL: 'http://127.0.0.1:9999' } })
    expect(away).toMatchObject({ code: 1, out: '', err: expect.stringContaining('try   zerodb start') })
    const wrong = await run(['hooks', 'list', '--json'], { env: { ...env, ZERODB_API_KEY: 'wrong' } })
    expect(wrong).toMatchObject({ code: 4, out: '' })
    expect(JSON.parse(wrong.err)).toEqual({
      code: 'unauthorized',
      message: 'Invalid API key or token',
      next: expect.stringContaining('keys create'),
    })
  })
})

test('a key is created, listed and revoked through the running server', async () => {
  const made: { id: string; key: string } = await json(
    'keys',
    'create',
    'for tests',
    '--scope',
    'zerodb:read',
    'hooks:read',
    '--ttl-seconds',
    '60',
  )
  expect(made).toMatchObject({ name: 'for tests', scopes: ['zerodb:read', 'hooks:read'] })
  const own = { env: { ...env, ZERODB_API_KEY: made.key } }
  expect((await run(['hooks', 'list'], own)).code).toBe(0)
  expect((await run(['hooks', 'create', ...HOOK], own)).code).toBe(4)
  expect(JSON.stringify(await json('keys', 'list'))).not.toContain(made.key)
  expect(await json('keys', 'revoke', made.id)).toEqual({ id: made.id, revoked: true })
  expect((await run(['hooks', 'list'], own)).code).toBe(4)
})

test('re-embed reports the result for each project', async () => {
  const done = await run(['re-embed', '--json'])
  expect(JSON.parse(done.out.split('\n')[0]!)).toMatchObject({ converted: 0, switched: 0, model: 'use-lite' })
})

test('doctor checks the running server', async () => {
  const findings: { name: string; ok: boolean }[] = await json('doctor')
  expect(findings.map(({ name }) => name)).toEqual([
    'Node.js',
    'data directory',
    'server',
    'sandbox',
    'embedding model',
    'language model',
  ])
  const wrong = await run(['doctor'], { env: { ...env, ZERODB_API_KEY: 'wrong' } })
  expect(wrong).toMatchObject({ code: 1, out: expect.stringContaining('wrong server') })
})

describe.runIf(available('script', ['--version']))('on a terminal', () => {
  test('destructive commands ask for confirmation', async () => {
    await withoutHooks()
    await api.hooks.create({ event_type: HOOK[0], hook_name: HOOK[1] })
    const remove = (key: string) =>
      onTerminal(['hooks', 'delete', 'auto_embed'], { cwd: folder, env }, [
        ['Delete auto_embed on zerodb.vector.stored?', key],
      ])
    const kept = await remove('n')
    expect(kept.screen).not.toContain('Deleted')
    expect(await api.hooks.list()).toHaveLength(1)
    expect(await remove('y')).toMatchObject({ code: 0, screen: expect.stringContaining('Deleted auto_embed') })
    expect(await api.hooks.list()).toEqual([])
  })

  test('without a terminal, a confirmation is an option', async () => {
    for (const args of [['replay'], ['runs', 'redrive']])
      expect(await run(args)).toMatchObject({ code: 2, out: '', err: expect.stringContaining('add --yes') })
    await api.hooks.create({ event_type: HOOK[0], hook_name: HOOK[1] })
    const { code, err } = await run(['hooks', 'delete', 'auto_embed'], { input: 'y\n' })
    expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining('add --yes') })
    expect(await api.hooks.list()).toHaveLength(1)
  })

  test('lines are cut at its width, and coloured unless NO_COLOR is set', async () => {
    await api.events.publish({ topic: 'x'.repeat(200) })
    const coloured = await onTerminal(['events', 'list'], { cwd: folder, env })
    expect(coloured.screen).toContain('\u001b[')
    const plain = await onTerminal(['events', 'list'], { cwd: folder, env: { ...env, NO_COLOR: '1' } })
    expect(plain.screen).not.toContain('\u001b[')
    for (const line of plain.screen.split(/\r?\n/)) expect(line.length).toBeLessThanOrEqual(80)
    expect((await run(['events', 'list'])).out).toContain('x'.repeat(200))
  })
})
