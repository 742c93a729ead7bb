import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Command } from 'commander'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { program } from '../../src/cli/program.ts'
import { zerodb } from '../support/cli.ts'
import { type ListeningServer, startServer } from '../support/listening.ts'

const KEY = 'zdb_live_a_key_that_is_for_another_server'
/** Responses of other servers to every request. */
const ANSWERS: Readonly<Record<string, string>> = {
  '/html': '<!doctype html><title>Welcome</title>',
  '/json': '{"items": null, "status": "ok"}',
  '/empty': '',
}

let foreign: Server
let address: string
let folder: string
const received: IncomingMessage[] = []
beforeAll(async () => {
  foreign = createServer((request, response) => {
    received.push(request)
    if (request.url!.startsWith('/away')) return response.writeHead(307, { location: `${address}/html/` }).end()
    const kind = Object.keys(ANSWERS).find((prefix) => request.url!.startsWith(prefix))
    response.end(ANSWERS[kind!])
  }).listen(0, '127.0.0.1')
  await once(foreign, 'listening')
  address = `http://127.0.0.1:${(foreign.address() as AddressInfo).port}`
  folder = await mkdtemp(join(tmpdir(), 'zerodb-foreign-'))
  await mkdir(join(folder, 'functions'))
  await writeFile(join(folder, 'functions', 'hello.ts'), 'export default () => 1')
  await writeFile(join(folder, 'file'), '{}')
})
afterAll(async () => {
  foreign.close()
  await rm(folder, { recursive: true, force: true })
})
beforeEach(() => {
  received.length = 0
})

const sentKeys = () => received.filter((request) => JSON.stringify([request.headers, request.url]).includes(KEY))

const commands = (command: Command, path: string[] = []): [string, Command][] => [
  ...(command.options.some(({ long }) => long === '--server') ? [[path.join(' '), command] as [string, Command]] : []),
  ...command.commands.flatMap((sub) => commands(sub, [...path, sub.name()])),
]

/** Returns values for all required arguments and options. */
function typed(command: Command): string[] {
  // The format of an id is checked before any request.
  const id = command.parent?.name() === 'events' ? 'evt_0123456789abcdef' : '01234567-89ab-4cde-8f01-23456789abcd'
  const value = (name: string) =>
    name === 'id' ? id : /json|filter/.test(name) ? '{}' : /^(file|path)/.test(name) ? 'file' : 'x'
  return [
    ...command.registeredArguments.filter(({ required }) => required).map((argument) => value(argument.name())),
    ...command.options.filter(({ mandatory }) => mandatory).flatMap(({ long, flags }) => [long!, value(flags)]),
    ...command.options.flatMap(({ long }) => (long === '--yes' ? [long] : [])),
    // An empty update is refused before any request.
    ...(command.options.some(({ long }) => long === '--scope') ? ['x', '--scope', 'zerodb:read'] : []),
    ...(command.options.some(({ long }) => long === '--order') && command.name() === 'update'
      ? ['--order', 'row.id']
      : []),
  ]
}

test.each(commands(program).map(([name, command], i) => ({ name, command, i })))(
  'A7: $name sends no key to another program’s server, and says in one sentence what it found',
  async ({ name, command, i }) => {
    const kind = Object.keys(ANSWERS)[i % 3]!
    const args = [...name.split(' '), ...typed(command)]
    // The MCP server sends its first request when a message arrives.
    const input = name === 'mcp' ? '{"jsonrpc":"2.0","id":1,"method":"tools/list"}\n' : 'a value\n'
    const done = await zerodb([...args, '--server', `${address}${kind}`], {
      cwd: folder,
      env: { ZERODB_API_KEY: KEY },
      input,
    })
    expect(sentKeys()).toEqual([])
    expect(done.err).toContain(`${address}${kind} is not a zerodb-functions server, so no key was sent to it`)
    expect(done.err).not.toMatch(/TypeError|\n {4}at /)
    if (name !== 'mcp') expect(done).toMatchObject({ code: 1, out: '' })
  },
)

test.each(Object.keys(ANSWERS))('A7: hooks list describes the response %s', async (kind) => {
  const done = await zerodb(['hooks', 'list', '--server', `${address}${kind}`, '--json'], {
    cwd: folder,
    env: { ZERODB_API_KEY: KEY },
  })
  expect({ ...done, err: JSON.parse(done.err) }).toMatchObject({
    code: 1,
    out: '',
    err: { code: 'unexpected_answer', next: 'zerodb doctor' },
  })
  expect(sentKeys()).toEqual([])
})

test('A7: a redirect is not followed', async () => {
  const done = await zerodb(['hooks', 'list', '--server', `${address}/away`], {
    cwd: folder,
    env: { ZERODB_API_KEY: KEY },
  })
  expect(done).toMatchObject({ code: 1, out: '', err: expect.stringContaining(`redirects to ${address}/html/`) })
  expect(sentKeys()).toEqual([])
  expect(received.map(({ url }) => url)).toEqual(['/away/'])
})

test('A7: the key of ZERODB_URL is not sent to another server, and --url is accepted as neither address', async () => {
  const env = { ZERODB_URL: 'http://127.0.0.1:9', ZERODB_API_KEY: KEY }
  const other = await zerodb(['hooks', 'list', '--server', `${address}/json`], { cwd: folder, env })
  expect(other).toMatchObject({
    code: 4,
    err: expect.stringContaining('--api-key KEY: ZERODB_API_KEY belongs to http://127.0.0.1:9'),
  })
  const url = ['hooks', 'create', 'zerodb.table.row_inserted', 'webhook:x', '--url', `${address}/json`]
  const refused = await zerodb(url, { cwd: folder, env: { ZERODB_API_KEY: KEY } })
  expect(refused).toMatchObject({ code: 2, out: '', err: expect.stringContaining('--endpoint') })
  const noAddress = await zerodb(['hooks', 'list', '--server', 'localhost:8000'], { cwd: folder, env })
  expect(noAddress).toMatchObject({ code: 1, out: '', err: expect.stringContaining('http://127.0.0.1:8000') })
  expect(received).toEqual([])
})

test('A7: --endpoint sets the address of a webhook, at creation and at an update', async () => {
  const server: ListeningServer = await startServer()
  try {
    const run = (...args: string[]) =>
      zerodb([...args, '--json'], { cwd: folder, env: { ZERODB_URL: server.url, ZERODB_API_KEY: server.key } })
    const made = await run(
      ...['hooks', 'create', 'zerodb.table.row_inserted', 'webhook:x', '--endpoint', 'https://example.com/a'],
      ...['--config', '{"headers": {"x-team": "red"}}'],
    )
    expect(JSON.parse(made.out).hook_config).toEqual({ url: 'https://example.com/a', headers: { 'x-team': 'red' } })
    const moved = await run('hooks', 'update', 'webhook:x', '--endpoint', 'https://example.com/b')
    expect(JSON.parse(moved.out).hook_config).toEqual({ url: 'https://example.com/b', headers: { 'x-team': 'red' } })
  } finally {
    await server.stop()
  }
})
