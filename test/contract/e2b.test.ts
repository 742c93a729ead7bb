import { pino } from 'pino'
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { e2b } from '../../src/sandbox/e2b.ts'
import type { SandboxDriver } from '../../src/sandbox/index.ts'
import { type E2bServer, startE2bServer } from '../support/e2b-server.ts'
import { eventually } from '../support/eventually.ts'
import { callOf, collect, jsonOf, NODE, programOf } from '../support/guests.ts'

let server: E2bServer
beforeAll(async () => {
  server = await startE2bServer()
  for (const [name, value] of Object.entries(server.env)) vi.stubEnv(name, value)
})
afterAll(async () => {
  vi.unstubAllEnvs()
  await server.close()
})

/** Opens a driver that is closed after the test, when none of its sandboxes may be left. */
async function open(): Promise<SandboxDriver> {
  const driver = e2b({ concurrency: 4, log: pino({ level: 'silent' }) })
  onTestFinished(async () => {
    await driver.close()
    expect(server.live()).toBe(0)
  })
  expect((await driver.ready()).runtimes.nodejs20).toMatchObject({ available: true })
  return driver
}

const ECHO = programOf(NODE, 'export default (event) => event', { key: 'echo' })
const WAIT = programOf(NODE, 'export default () => { console.log("runs"); return new Promise(() => {}) }', {
  key: 'wait',
})

/** Starts a call that waits without end. Resolves when it is running. */
async function waiting(driver: SandboxDriver) {
  const { lines, onLog } = collect()
  const outcome = driver.call(callOf(WAIT, { timeout_seconds: 60, onLog }))
  await eventually(() => expect(lines).toHaveLength(1))
  return { outcome }
}

test('a sandbox is created without internet access, with a short life', async () => {
  await open()
  expect(server.created.at(-1)).toMatchObject({ templateID: 'base', timeout: 300, allow_internet_access: false })
})

test('the life of a sandbox is extended while it is used', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  onTestFinished(() => void vi.useRealTimers())
  const driver = await open()
  expect(jsonOf(await driver.call(callOf(ECHO, { input: { event: 1 } })))).toBe(1)
  const before = server.renewals()
  vi.advanceTimersByTime(60_000)
  await eventually(() => expect(server.renewals()).toBe(before + 1))
  driver.retire('echo')
  await eventually(() => expect(server.live()).toBe(0))
  vi.advanceTimersByTime(60_000)
  expect(server.renewals()).toBe(before + 1)
})

test('input and results of many pieces arrive whole', async () => {
  const driver = await open()
  const event = { text: 'äöü'.repeat(300_000) }
  const outcome = await driver.call(callOf(ECHO, { input: { event }, output_limit_bytes: 10_000_000 }))
  expect(jsonOf(outcome)).toEqual(event)
})

test('a call whose connection is cut ends as crashed with the cause, and the next one starts a sandbox', async () => {
  const driver = await open()
  const { outcome } = await waiting(driver)
  server.cutStreams()
  expect(await outcome).toMatchObject({
    status: 'crashed',
    error: { message: expect.stringMatching(/^The sandboxed process ended because the connection to it was lost \(/) },
  })
  expect(jsonOf(await driver.call(callOf(ECHO, { input: { event: 1 } })))).toBe(1)
})

test('a call whose sandbox expires ends as crashed with the cause, and the next one starts a sandbox', async () => {
  const driver = await open()
  const { outcome } = await waiting(driver)
  server.expire()
  expect(await outcome).toMatchObject({
    status: 'crashed',
    error: { message: expect.stringContaining('The sandbox was killed or reached its end of life') },
  })
  expect(jsonOf(await driver.call(callOf(ECHO, { input: { event: 2 } })))).toBe(2)
})

test('an idle sandbox that has expired serves no call', async () => {
  const driver = await open()
  expect(jsonOf(await driver.call(callOf(ECHO, { input: { event: 1 } })))).toBe(1)
  server.expire()
  await eventually(() => expect(driver.load().instances).toBe(0))
  const outcome = await driver.call(callOf(ECHO, { input: { event: 2 } }))
  expect([jsonOf(outcome), outcome.cold]).toEqual([2, true])
})

test('a call waits for a sandbox that starts slowly', async () => {
  const driver = await open()
  const release = server.holdCreation()
  const outcome = driver.call(callOf(ECHO, { input: { event: 3 } }))
  await eventually(() => expect(driver.load().queued).toBe(1))
  release()
  expect(jsonOf(await outcome)).toBe(3)
})

test('closing waits for the end of a sandbox that is still being created', async () => {
  const driver = await open()
  const release = server.holdCreation()
  const outcome = driver.call(callOf(ECHO))
  outcome.catch(() => {})
  await eventually(() => expect(driver.load().queued).toBe(1))
  const before = server.created.length
  const closing = driver.close()
  release()
  await closing
  expect([server.created.length - before, server.live()]).toEqual([1, 0])
  await expect(outcome).rejects.toMatchObject({ code: 'sandbox_unavailable' })
})

test('at the limit of an account, a call is refused as busy', async () => {
  const driver = await open()
  const message = 'You have reached the maximum number of concurrent E2B sandboxes (20)'
  server.fail('create', { status: 429, message })
  await expect(driver.call(callOf(ECHO))).rejects.toMatchObject({
    code: 'sandbox_busy',
    message: expect.stringContaining(message),
    retryAfter: 10,
  })
})

test('a limit with a time is waited for', async () => {
  const driver = await open()
  server.fail('create', { status: 429, message: 'Too many requests', headers: { 'retry-after': '0' } })
  expect(jsonOf(await driver.call(callOf(ECHO, { input: { event: 4 } })))).toBe(4)
})

test('a sandbox in which no file can be written is killed', async () => {
  const driver = await open()
  server.fail('files', { status: 507, message: 'no space left' })
  await expect(driver.call(callOf(ECHO))).rejects.toMatchObject({
    code: 'sandbox_unavailable',
    message: expect.stringContaining('no space left'),
  })
  await eventually(() => expect(server.live()).toBe(0))
})

test('a call whose input cannot be sent ends as crashed', async () => {
  const driver = await open()
  expect(jsonOf(await driver.call(callOf(ECHO, { input: { event: 1 } })))).toBe(1)
  server.fail('input', { status: 500, message: 'broken' })
  expect(await driver.call(callOf(ECHO, { input: { event: 1 } }))).toMatchObject({
    status: 'crashed',
    error: { message: expect.stringContaining('the connection to it was lost') },
  })
})

test('a kill that fails is repeated', async () => {
  const driver = await open()
  expect(jsonOf(await driver.call(callOf(ECHO, { input: { event: 1 } })))).toBe(1)
  server.fail('kill', { status: 500, message: 'broken' }, { status: 503, message: 'broken' })
  driver.retire('echo')
  await eventually(() => expect(server.live()).toBe(0))
})

test('with a wrong key no runtime is available, with the cause', async () => {
  vi.stubEnv('E2B_API_KEY', 'e2b_ffffffffffffffffffffffffffffffffffffffff')
  onTestFinished(() => void vi.stubEnv('E2B_API_KEY', server.env.E2B_API_KEY))
  const driver = e2b({ concurrency: 1, log: pino({ level: 'silent' }) })
  const { runtimes } = await driver.ready()
  expect(runtimes.nodejs20).toMatchObject({
    available: false,
    cause: expect.stringContaining('Invalid API key'),
    remedy: expect.stringContaining('E2B_API_KEY'),
  })
  await driver.close()
})

test('without the package no runtime is available, with the command that installs it', async () => {
  vi.doMock('e2b', () => {
    throw new Error('Cannot find package')
  })
  onTestFinished(() => void vi.doUnmock('e2b'))
  const driver = e2b({ concurrency: 1, log: pino({ level: 'silent' }) })
  const { runtimes } = await driver.ready()
  expect(runtimes.nodejs20).toMatchObject({ available: false, cause: expect.stringContaining('npm install e2b') })
  await driver.close()
})
