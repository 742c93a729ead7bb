import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'

const EXECUTE = '/api/v1/sandbox/execute'

let app: TestApp
let user: TestUser
beforeAll(async () => {
  app = await openTestApp({ ZERODB_SANDBOX_CONCURRENCY: '2' })
  user = await app.newUser()
})
afterAll(() => app.close())

test('a program in either language runs and returns its output', async () => {
  const python = await user.post(EXECUTE, {
    language: 'python',
    code: 'import sys, os\nprint(sys.stdin.read().upper())\nprint("note", file=sys.stderr)\nresult = {"env": os.environ["WHO"], "file": open("data/a.txt").read()}',
    stdin: 'hello',
    env: { WHO: 'Maria' },
    files: { 'data/a.txt': 'a text' },
    timeout_seconds: 10,
  })
  expect(python).toMatchObject({
    status: 200,
    body: {
      status: 'ok',
      result: { env: 'Maria', file: 'a text' },
      error: null,
      stdout: 'HELLO\n',
      stderr: 'note\n',
      duration_ms: expect.any(Number),
      queued_ms: expect.any(Number),
      runtime: 'python3.11',
      version: expect.stringMatching(/^3\.\d+\.\d+/),
    },
  })
  const node = await user.post(EXECUTE, {
    language: 'nodejs',
    code: 'import fs from "node:fs"; console.log("hi"); export default [...fs.readFileSync("b.bin")]',
    files: { 'b.bin': { base64: 'AAH/' } },
  })
  expect(node).toMatchObject({
    status: 200,
    body: { status: 'ok', result: [0, 1, 255], stdout: 'hi\n', stderr: '', runtime: 'nodejs20' },
  })
  expect(await user.trail()).toEqual({ events: [], runs: [] })
})

test('no program finds data of another one', async () => {
  const code = 'import os\nfound = os.path.exists("/tmp/left")\nopen("/tmp/left", "w").close()\nresult = found'
  for (let i = 0; i < 2; i++)
    expect((await user.post(EXECUTE, { language: 'python', code })).body).toMatchObject({ result: false })
})

test('the outcome of a program is reported with status 200', async () => {
  const run = async (language: string, code: string, rest = {}) =>
    (await user.post(EXECUTE, { language, code, ...rest })).body
  expect(await run('js', 'throw new TypeError("no")')).toMatchObject({
    status: 'threw',
    result: null,
    error: { name: 'TypeError', message: 'no', stack: expect.stringContaining('main.mjs:1') },
  })
  expect(await run('python', 'while True: pass', { timeout_seconds: 1 })).toMatchObject({ status: 'timeout' })
  expect(await run('python', 'result = "a" * 51199')).toMatchObject({ status: 'output_limit', result: null })
  expect(await run('python', 'import os; os._exit(3)')).toMatchObject({
    status: 'crashed',
    error: { message: expect.stringContaining('code 3') },
  })
  expect(await run('python', 'result = b"\\x00\\xff"')).toMatchObject({ status: 'ok', result: { base64: 'AP8=' } })
  expect(await run('python', '')).toMatchObject({ status: 'ok', result: null, stdout: '' })
})

test('an invalid program is 422, with the field', async () => {
  const wrong: [Record<string, unknown>, (string | number)[]][] = [
    [{ language: 'cobol' }, ['body', 'language']],
    [{ code: undefined }, ['body', 'code']],
    [{ timeout_seconds: 0.5 }, ['body', 'timeout_seconds']],
    [{ timeout_seconds: 121 }, ['body', 'timeout_seconds']],
    [{ env: { 'A-B': 'x' } }, ['body', 'env', 'A-B']],
    [{ env: { A: 'x\0' } }, ['body', 'env', 'A']],
    [{ files: { '../a': 'x' } }, ['body', 'files', '../a']],
    [{ files: { '/etc/passwd': 'x' } }, ['body', 'files', '/etc/passwd']],
    [{ files: { a: 'x', 'a/b': 'y' } }, ['body', 'files']],
  ]
  for (const [fields, loc] of wrong) {
    const { status, body } = await user.post(EXECUTE, { language: 'python', code: '', ...fields })
    expect({ fields, status, loc: body.detail[0].loc }).toEqual({ fields, status: 422, loc })
  }
  const reply = await user.post(EXECUTE, { language: 'python', code: '', files: { 'main.py': '' } })
  expect(reply).toMatchObject({ status: 422, body: { code: 'invalid', detail: expect.stringContaining('main.py') } })
})

test('a project has half of the slots: further calls are 429; with all slots and the queue full they are 503', async () => {
  const start = new AbortController()
  const slow = { language: 'python', code: 'import time; time.sleep(1)' }
  const other = await app.newUser()
  const first = user.post(EXECUTE, slow)
  await expect.poll(() => app.system.app.sandbox.load().running).toBe(1)
  const refused = await user.post(EXECUTE, slow)
  expect(refused).toMatchObject({ status: 429, body: { code: 'rate_limited' }, headers: { 'retry-after': '1' } })
  expect((await other.post(EXECUTE, { language: 'python', code: 'result = 1' })).body).toMatchObject({ result: 1 })
  expect((await first).status).toBe(200)

  const program = { files: { 'a.py': 'def handler(e, ctx):\n    while True: pass' }, entry: 'a.py', env: {} }
  const rest = { runtime: 'python3.11', isolation: 'warm', memory_mb: 256, network: null } as const
  const calls = Array.from({ length: 22 }, () =>
    app.system.app.sandbox.call({
      program: { ...program, ...rest, key: 'slow' },
      mode: 'handler',
      input: {},
      timeout_seconds: 60,
      output_limit_bytes: 100,
      signal: start.signal,
    }),
  )
  await expect.poll(() => app.system.app.sandbox.load().running).toBe(2)
  expect(await user.post(EXECUTE, slow)).toMatchObject({
    status: 503,
    body: { code: 'sandbox_busy' },
    headers: { 'retry-after': '1' },
  })
  start.abort()
  for (const outcome of await Promise.all(calls)) expect(outcome.status).toBe('cancelled')
  expect((await user.post(EXECUTE, { language: 'python', code: 'result = 2' })).body).toMatchObject({ result: 2 })
})

test('without a sandbox only requests that need one are 503, with the cause and the remedy', async () => {
  const without = await openTestApp({ ZERODB_SANDBOX: 'off' })
  try {
    const someone = await without.newUser()
    expect(await someone.post(EXECUTE, { language: 'python', code: '' })).toMatchObject({
      status: 503,
      body: { code: 'sandbox_unavailable', detail: expect.stringContaining('ZERODB_SANDBOX=off') },
    })
    expect((await someone.get('/api/v1/hooks')).status).toBe(200)
    expect((await without.request('GET', '/health')).body.sandbox).toMatchObject({ driver: 'off', running: 0 })
  } finally {
    await without.close()
  }
})

test('the limits in force are visible', async () => {
  const report = await app.system.app.sandbox.ready()
  const { body } = await app.request('GET', '/health')
  expect(body.sandbox).toEqual({ ...report, running: 0, queued: 0, instances: expect.any(Number) })
})
