import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Hook, ZeroDB } from '../../src/client/index.ts'
import { onTerminal, type Result, zerodb } from '../support/cli.ts'
import { available } from '../support/commands.ts'
import { type ListeningServer, startServer } from '../support/listening.ts'

const TOPIC = 'zerodb.event.published'

let server: ListeningServer
let folder: string
let env: Record<string, string>
let api: ZeroDB
beforeAll(async () => {
  server = await startServer()
  folder = await mkdtemp(join(tmpdir(), 'zerodb-cli-'))
  env = { ZERODB_URL: server.url, ZERODB_API_KEY: server.key }
  api = new ZeroDB({ url: server.url, apiKey: server.key })
})
beforeEach(async () => {
  for (const { id } of await api.hooks.list({ active_only: false })) await api.hooks.delete({ hook_id: id })
})
afterAll(async () => {
  await server?.stop()
  await rm(folder, { recursive: true, force: true })
})

const run = (args: string[]): Promise<Result> => zerodb(args, { cwd: folder, env })

/** Returns the output of a command; fails the test unless the command succeeds and prints nothing else. */
async function outputOf(...args: string[]): Promise<string> {
  const { code, out, err } = await run(args)
  expect({ code, err }, args.join(' ')).toEqual({ code: 0, err: '' })
  return out
}
const json = async (...args: string[]) => JSON.parse(await outputOf(...args, '--json'))

describe('hooks test', () => {
  test('shows which of the latest events a filter matches, the hook’s or another one', async () => {
    await api.events.publish({ topic: 'order.paid' })
    await api.events.publish({ topic: 'order.sent' })
    const request = { event_type: TOPIC, filter: { 'data.topic': 'order.paid' }, ordering_key: 'data.topic', limit: 2 }
    const args = ['--filter', '{"data.topic": "order.paid"}', '--order', 'data.topic', '--limit', '2']
    const tried = await json('hooks', 'test', TOPIC, ...args)
    expect(tried).toEqual(await api.hooks.test_filter(request as never))
    expect(tried.items.map(({ matches }: { matches: boolean }) => matches)).toEqual([false, true])
    expect(await outputOf('hooks', 'test', TOPIC, ...args)).toMatch(
      /^1 of the latest 2 zerodb.event.published match\n\nID .*\nevt_\S+ +\S+ +no +order\.sent .*\nevt_\S+ +\S+ +yes +order\.paid /,
    )

    await api.functions.deploy({ name: 'quiet', source: 'export default () => 1', runtime: 'nodejs' })
    const hook = await api.hooks.create({
      event_type: TOPIC,
      hook_name: 'quiet',
      filter: { 'data.topic': 'order.sent' },
      paused: true,
    })
    for (const given of ['quiet', hook.id])
      expect(await json('hooks', 'test', given, '--limit', '2')).toMatchObject({ tested: 2, matched: 1 })
    expect(await json('hooks', 'test', 'quiet', '--filter', '{}', '--limit', '2')).toMatchObject({ matched: 2 })
    expect(await outputOf('hooks', 'test', 'zerodb.file.uploaded')).toBe('No zerodb.file.uploaded yet\n')
  })

  test('explains an invalid event type and an invalid filter', async () => {
    const type = await run(['hooks', 'test', 'zerodb.nothing'])
    expect(type).toMatchObject({ code: 1, out: '', err: expect.stringContaining('zerodb.vector.stored') })
    const filter = await run(['hooks', 'test', TOPIC, '--filter', '{"data.topic": {"$like": 1}}'])
    expect(filter).toMatchObject({ code: 1, out: '', err: expect.stringContaining('$like') })
  })
})

describe('hooks invoke', () => {
  test('runs a hook once and shows the run; a dead run is a failure', async () => {
    const { memory_id } = await api.memory.remember({ content: 'Maria leads the Apollo project', entity_id: 'maria' })
    await api.hooks.create({ event_type: 'zeromemory.remembered', hook_name: 'auto_graph' })
    const invoked = await json('hooks', 'invoke', 'auto_graph', '-d', JSON.stringify({ memory_id }))
    expect(invoked).toEqual(await api.runs.get({ run_id: invoked.id }))
    expect(invoked).toMatchObject({ trigger: 'invoke', status: 'succeeded', handler: 'auto_graph' })
    expect(await outputOf('hooks', 'invoke', 'auto_graph', '-d', JSON.stringify({ memory_id }))).toMatch(
      /^id .*\nstatus +succeeded\nhandler +auto_graph\n/,
    )
    await api.functions.deploy({
      name: 'fails',
      source: 'export default () => { throw new Error("no") }',
      runtime: 'nodejs',
    })
    await api.hooks.create({ event_type: TOPIC, hook_name: 'fails', retry: { max_attempts: 1 } })
    const dead = await run(['hooks', 'invoke', 'fails'])
    expect({ code: dead.code, err: dead.err }).toEqual({ code: 1, err: '' })
    expect(dead.out).toContain('function_threw: Error: no')
  })

  test('leaves the run of a paused hook waiting, and prints how to watch it', async () => {
    await api.hooks.create({ event_type: 'zerodb.memory.stored', hook_name: 'auto_graph', paused: true })
    expect(await outputOf('hooks', 'invoke', 'auto_graph')).toMatch(
      /^(\S{36}) is queued\. Watch it: zerodb logs \1 -f\n$/,
    )
  })
})

test('events why says of each hook whether the event fired it, and what to do if not', async () => {
  await api.functions.deploy({ name: 'takes', source: 'export default () => 1', runtime: 'nodejs' })
  const create = (hook_name: string, more: object) => api.hooks.create({ event_type: TOPIC, hook_name, ...more })
  const fired = await create('takes', { paused: true })
  await api.events.publish({ topic: 'a' })
  const [event] = (await api.event_log.list({ limit: 1 })).items
  await expect.poll(async () => (await api.runs.list({ hook_id: fired.id })).items.length, { timeout: 30_000 }).toBe(1)
  const later = await create('webhook:later', { hook_config: { url: 'https://hooks.example.com' } })
  expect(await json('events', 'why', event!.id)).toEqual(await api.event_log.hooks({ event_id: event!.id }))
  const lines = (await outputOf('events', 'why', event!.id)).trim().split('\n')
  expect(lines[1]).toMatch(new RegExp(`^${fired.id} +takes +yes +run \\S{36} queued$`))
  expect(lines[2]).toContain('no     the hook was created after the event')
  expect(lines[2]).toContain(`zerodb replay --event ${event!.id} --hook ${later.id}`)
  await api.events.publish({ topic: 'b' })
  const unknown = await run(['events', 'why', 'evt_0000000000000000'])
  expect(unknown).toMatchObject({ code: 1, out: '', err: expect.stringContaining('zerodb events list') })
})

describe('long commands', () => {
  /** Starts a backfill that takes some seconds. */
  const slowly = async (hook: Hook) => ['backfill', hook.id, '--rate', '1']
  async function rows(count: number): Promise<Hook> {
    const namespace = crypto.randomUUID()
    for (let i = 0; i < count; i++)
      await api.vectors.upsert({ vector_id: `${namespace}-${i}`, namespace, document: 'x' })
    return api.hooks.create({
      event_type: 'zerodb.vector.stored',
      hook_name: 'auto_embed',
      filter: { 'data.namespace': namespace },
    })
  }

  test('print progress to standard error from time to time without a terminal, and nothing with --json', async () => {
    const hook = await rows(4)
    const [words, quiet] = [await run(await slowly(hook)), await run([...(await slowly(hook)), '--json'])]
    expect(words.err).toMatch(/^(\d+ of \d+ rows\n)+$/)
    expect(words.out).toMatch(/^id .*\nkind +backfill\nstatus +done\n/)
    expect(quiet).toMatchObject({ code: 0, err: '' })
    expect(JSON.parse(quiet.out)).toMatchObject({ kind: 'backfill', status: 'done' })
  })

  test('leave no part of a file after an interruption', async () => {
    const endless = createServer(({ url }, response) => {
      if (url === '/') return response.end('{"name": "zerodb-functions"}')
      response.writeHead(200)
      const more = setInterval(() => response.write(Buffer.alloc(100_000)), 20)
      response.once('close', () => clearInterval(more))
    }).listen(0, '127.0.0.1')
    await once(endless, 'listening')
    const address = `http://127.0.0.1:${(endless.address() as AddressInfo).port}`
    const elsewhere = { cwd: folder, env: { ZERODB_URL: address, ZERODB_API_KEY: 'any' }, until: 'exported' }
    const left = await zerodb(['export', 'endless.jsonl'], elsewhere)
    expect(left).toMatchObject({ code: 130, out: '', err: expect.stringMatching(/^\d+\.\d MB exported\n/) })
    expect((await readdir(folder)).filter((name) => name.startsWith('endless'))).toEqual([])
    endless.close()
  })

  test('continue after an interruption, can be watched again, and can be cancelled', async () => {
    const hook = await rows(60)
    const left = await zerodb(await slowly(hook), { cwd: folder, env, until: 'rows' })
    const [, id] = /zerodb replay watch (\S{36})/.exec(left.err)!
    expect(left).toMatchObject({ code: 130, out: '' })
    expect(await json('replay', 'get', id!)).toMatchObject({ status: 'running' })
    const watched = zerodb(['replay', 'watch', id!], { cwd: folder, env })
    expect(await json('replay', 'cancel', id!)).toMatchObject({ status: 'cancelled' })
    expect((await watched).out).toMatch(/^status +cancelled$/m)
  })

  test.runIf(available('script', ['--version']))('on a terminal shows a bar, and takes it away', async () => {
    const hook = await rows(2)
    const { screen } = await onTerminal(await slowly(hook), { cwd: folder, env })
    expect(screen).toMatch(/\r\[=* *\] \d+ of \d+ rows/)
    expect(screen).toMatch(/\r +\r/)
    for (const [args, label] of [
      [['export', 'project.jsonl'], 'MB exported'],
      [['backup', 'all.jsonl'], 'MB backed up'],
    ] as const)
      expect((await onTerminal(args, { cwd: folder, env })).screen).toMatch(new RegExp(`\\r\\d+\\.\\d ${label}`))
    const project = await onTerminal(['import', 'project.jsonl'], { cwd: folder, env })
    expect(project.screen).toMatch(/\r\[[= ]+\] \d+\.\d MB of \d+\.\d MB sent/)
    const restored = await onTerminal(['restore', 'all.jsonl', '--data-dir', 'restored'], { cwd: folder })
    expect(restored.screen).toMatch(/\r\[[= ]+\] \d+\.\d MB of \d+\.\d MB read/)
    expect(restored).toMatchObject({ code: 0, screen: expect.stringContaining('Restored') })
  })
})
