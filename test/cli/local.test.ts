import { existsSync, readFileSync, statSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { onTerminal, type Result, zerodb as run } from '../support/cli.ts'
import { available } from '../support/commands.ts'
import { startServer } from '../support/listening.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zerodb-cli-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const zerodb = (args: string[], env: Record<string, string> = {}, until?: string): Promise<Result> =>
  run(args, { cwd: folder, env, ...(until === undefined ? {} : { until }) })

/** The first start in a directory creates the user and the first key. */
async function startOnce(env: Record<string, string> = {}): Promise<Result> {
  const result = await zerodb(['start', '--port', '0'], env, 'Try it')
  expect(result).toMatchObject({ code: 0, err: '' })
  return result
}

describe('zerodb', () => {
  test('--help lists every command', async () => {
    const { code, out } = await zerodb(['--help'])
    expect(code).toBe(0)
    const commands = [...out.matchAll(/^ {2}([a-z][a-z-]*) /gm)].map(([, name]) => name)
    expect(commands.sort()).toEqual(
      (
        'backfill backup completion config cron deploy dev doctor embeddings env events export files functions graph help hooks import init invoke keys logs ' +
        'mcp memory move plans projects published re-embed replay restore rows runs sandbox secrets start status tables vectors worker'
      ).split(' '),
    )
  })

  test('an unknown command exits with 2 and points to the help', async () => {
    const { code, err } = await zerodb(['strat'])
    expect(code).toBe(2)
    expect(err).toContain('start')
    expect(err).toContain('--help')
  })
})

describe('zerodb start', () => {
  test('prints the new account, writes credentials for the owner alone, and stops cleanly when interrupted', async () => {
    const { out } = await startOnce()
    expect(out).toContain(`Data: ${join(folder, '.zerodb')} (new)`)
    expect(out).toContain('Stopped.')
    const path = join(folder, '.zerodb', 'credentials.json')
    expect(statSync(path).mode & 0o777).toBe(0o600)
    const credentials = JSON.parse(readFileSync(path, 'utf8'))
    expect(Object.keys(credentials)).toEqual(['url', 'api_key', 'user_id', 'project_id'])
    expect(out).toContain(`API key: ${credentials.api_key} (new)`)
  })

  test('E: the key is shown by the start that creates it, and by no other', async () => {
    const { out } = await startOnce()
    const { api_key } = JSON.parse(readFileSync(join(folder, '.zerodb', 'credentials.json'), 'utf8'))
    expect(out).toContain(`API key: ${api_key} (new)`)
    const again = await startOnce()
    expect(again.out).not.toContain(api_key)
    expect(again.out).toContain(`API key: stored in ${join(folder, '.zerodb', 'credentials.json')}`)
    const given = await startOnce({ ZERODB_DATA_DIR: 'other', ZERODB_BOOTSTRAP_KEY: 'a-key-of-the-operator' })
    expect(given.out).not.toContain('a-key-of-the-operator')
  })

  test('the second start keeps user, project and key', async () => {
    await startOnce()
    const path = join(folder, '.zerodb', 'credentials.json')
    const { url: _, ...first } = JSON.parse(readFileSync(path, 'utf8'))
    const { out } = await startOnce()
    expect(out).toContain('(existing)')
    expect(out).not.toContain('(new)')
    expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject(first)
  })

  test('all invalid settings are reported at once', async () => {
    const { code, err } = await zerodb(['start'], {
      ZERODB_PORT: 'eighty',
      ZERODB_DURABILITY: 'eternal',
      DATABASE_URL: 'mysql://x',
    })
    expect(code).toBe(1)
    for (const name of ['ZERODB_PORT', 'ZERODB_DURABILITY', 'DATABASE_URL']) expect(err).toContain(name)
    expect(err).not.toContain('    at ')
  })

  test('an unknown setting causes a warning', async () => {
    const { err } = await zerodb(['start', '--port', '0'], { ZERODB_PROT: '9000' }, 'Try it')
    expect(JSON.parse(err)).toMatchObject({ name: 'ZERODB_PROT' })
  })

  test('E: the log is a line for people if requested, and JSON otherwise', async () => {
    const env = { ZERODB_PROT: '9000', ZERODB_LOG_FORMAT: 'text' }
    const { err } = await zerodb(['start', '--port', '0'], env, 'Try it')
    expect(err).toMatch(/^\d\d:\d\d:\d\d warn {2}unknown setting: check its spelling name=ZERODB_PROT\n$/)
  })

  test.runIf(available('script', ['--version']))('E: on a terminal the log is for people', async () => {
    const { screen } = await onTerminal(['start', '--port', '0'], { cwd: folder, env: { ZERODB_PROT: '9000' } }, [
      ['Try it', '\u0003'],
    ])
    expect(screen).toContain('unknown setting: check its spelling')
    expect(screen).not.toContain('"level"')
  })

  test('a port in use gives one sentence with the remedy', async () => {
    const other: Server = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => other.once('listening', resolve))
    const { port } = other.address() as { port: number }
    const words = `error Cannot listen on 127.0.0.1:${port} (EADDRINUSE): choose another port with`
    const byOption = await zerodb(['start', '--port', String(port)])
    expect(byOption).toMatchObject({ code: 1, out: '', err: `${words} --port\n` })
    const byVariable = await zerodb(['start'], { ZERODB_PORT: String(port) })
    expect(byVariable).toMatchObject({ code: 1, out: '', err: `${words} ZERODB_PORT\n` })
    other.close()
    // E: no database was created.
    expect(existsSync(join(folder, '.zerodb'))).toBe(false)
    const host = await zerodb(['start', '--port', '0', '--host', '203.0.113.1'])
    expect(host).toMatchObject({ code: 1, out: '', err: expect.stringContaining('choose another address with --host') })
  })

  test('a data directory that is a file gives one sentence with the remedy', async () => {
    await writeFile(join(folder, 'file'), '')
    const { code, err } = await zerodb(['start', '--port', '0', '--data-dir', 'file'])
    expect(code).toBe(1)
    expect(err).toContain('choose another with ZERODB_DATA_DIR')
    expect(err).not.toContain('    at ')
  })

  test('an unreachable server gives one sentence that hides the password', async () => {
    const { code, err } = await zerodb(['start', '--port', '0'], {
      DATABASE_URL: 'postgres://me:secret@127.0.0.1:1/none',
    })
    expect(code).toBe(1)
    expect(err).toContain('127.0.0.1:1/none')
    expect(err).not.toContain('secret')
    expect(err).not.toContain('    at ')
  })
})

describe('zerodb worker', () => {
  test('refuses the embedded database', async () => {
    const { code, err } = await zerodb(['worker'])
    expect(code).toBe(1)
    expect(err).toContain('set DATABASE_URL')
  })
})

describe('zerodb keys', () => {
  test('needs a start first', async () => {
    const { code, err } = await zerodb(['keys', 'create', 'a', '--scope', '*'])
    expect(code).toBe(1)
    expect(err).toContain('zerodb start')
  })

  test('E: creating a key needs a name and scopes', async () => {
    for (const args of [[], ['name']])
      expect(await zerodb(['keys', 'create', ...args])).toMatchObject({
        code: 2,
        out: '',
        err: expect.stringContaining('keys create NAME --scope'),
      })
  })

  test.runIf(available('script', ['--version']))('E: on a terminal name, rights and time are asked for', async () => {
    await startOnce()
    const { code, screen } = await onTerminal(['keys', 'create'], { cwd: folder }, [
      ['What is the key for?', 'my agent\r'],
      ['What may the key do?', '\r'],
      ['When does the key expire?', '\r'],
    ])
    expect({ code, screen }).toEqual({ code: 0, screen: expect.stringMatching(/zdb_live_\w{36}/) })
    const made = JSON.parse((await zerodb(['keys', 'list', '--json'])).out).at(-1)
    expect(made).toMatchObject({ name: 'my agent', revoked_at: null })
    expect(made.scopes).toEqual(['zerodb:read', 'memory:read', 'hooks:read', 'functions:read', 'keys:read'])
    expect(made.expires_at).not.toBeNull()
  })

  test('a key is created, listed without its secret, and revoked', async () => {
    await startOnce()
    const made = await zerodb(['keys', 'create', 'for tests', '--scope', '*', '--json'])
    const { id, key } = JSON.parse(made.out.trim())
    expect(key).toMatch(/^zdb_live_[0-9A-Za-z]{36}$/)
    const before = await zerodb(['keys', 'list', '--json'])
    expect(before.out).not.toContain(key)
    expect(JSON.parse(before.out)).toMatchObject([
      { name: 'first key', revoked_at: null },
      { id, name: 'for tests', last4: key.slice(-4), revoked_at: null },
    ])
    expect((await zerodb(['keys', 'revoke', id])).code).toBe(0)
    expect((await zerodb(['keys', 'list'])).out).toMatch(/revoked.*for tests/)
    expect((await zerodb(['keys', 'revoke', id])).code).toBe(1)
  })
})

describe('zerodb re-embed', () => {
  test('uses the running server, project by project, and says when everything is converted', async () => {
    const server = await startServer()
    try {
      const env = { ZERODB_URL: server.url, ZERODB_API_KEY: server.key }
      const done = await zerodb(['re-embed', '--json'], env)
      expect({ code: done.code, ...JSON.parse(done.out) }).toMatchObject({
        code: 0,
        converted: 0,
        switched: 0,
        model: 'use-lite',
      })
      const refused = await zerodb(['re-embed'], { ...env, ZERODB_API_KEY: 'wrong' })
      expect(refused.code).toBe(4)
      expect(refused.err).toContain('Invalid API key')
    } finally {
      await server.stop()
    }
  })

  test('reports that no server is running', async () => {
    const { code, err } = await zerodb(['re-embed'])
    expect(code).toBe(4)
    expect(err).toContain('ZERODB_URL')
  })
})

describe('zerodb config', () => {
  test('prints every setting with its source and no secrets, also from files', async () => {
    await writeFile(join(folder, 'key'), 'a-secret-key-from-a-file\n')
    const { code, out } = await zerodb(['config', '--json'], {
      ZERODB_PORT: '9000',
      ZERODB_BOOTSTRAP_KEY_FILE: join(folder, 'key'),
    })
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({
      ZERODB_PORT: { value: '9000', source: 'environment' },
      ZERODB_HOST: { value: '127.0.0.1', source: 'default' },
      ZERODB_BOOTSTRAP_KEY: { value: '(hidden)', source: 'environment' },
    })
    expect(out).not.toContain('a-secret-key')
  })
})

describe('zerodb doctor', () => {
  test('checks directory, port, database, sandbox and both models', async () => {
    const ZERODB_SANDBOX = available('bwrap', ['--version']) ? 'auto' : 'off'
    const ZERODB_FUNCTIONS_NETWORK = '*.example.com'
    const { code, out } = await zerodb(['doctor'], { ZERODB_PORT: '0', ZERODB_SANDBOX, ZERODB_FUNCTIONS_NETWORK })
    expect(code, out).toBe(0)
    if (ZERODB_SANDBOX === 'auto') expect(out).toContain('at most *.example.com (ZERODB_FUNCTIONS_NETWORK)')
    expect(out.match(/^ok /gm)).toHaveLength(7)
    // E: doctor changes nothing.
    expect(existsSync(join(folder, '.zerodb'))).toBe(false)
  })

  test('E: checks the port of the planned start', async () => {
    const other: Server = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => other.once('listening', resolve))
    const { port } = other.address() as { port: number }
    const { code, out } = await zerodb(['doctor', '--port', String(port)], { ZERODB_SANDBOX: 'off' })
    other.close()
    expect(code).toBe(1)
    expect(out).toMatch(new RegExp(`wrong port: cannot listen on 127.0.0.1:${port} .*EADDRINUSE.*--port`))
  })

  test('E: checks an existing database without migrating it', async () => {
    await startOnce()
    const { code, out } = await zerodb(['doctor', '--json'], { ZERODB_PORT: '0', ZERODB_SANDBOX: 'off' })
    expect(code, out).toBe(0)
    expect(JSON.parse(out)).toContainEqual({ name: 'database', ok: true, found: expect.stringContaining('PostgreSQL') })
  })
})
