import { randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import type { NetworkPolicy } from '../../src/platform/network-policy.ts'
import { bubblewrap } from '../../src/sandbox/bubblewrap/index.ts'
import type { Outcome, Program, Runtime, SandboxDriver } from '../../src/sandbox/index.ts'
import { ALL_PROTECTIONS, protectionsWithout } from '../../src/sandbox/protections.ts'
import { MAX_CALLS } from '../../src/sandbox/supervisor.ts'
import { descriptorsOf } from './host-checks.ts'
import { type Protection, pause, within } from './program.ts'
import { openUpstreams, type ToldNetwork } from './upstreams.ts'

/** The environment that a guest must not affect: secrets, files, listeners, another tenant, the server itself. */
export interface Environment {
  readonly driver: SandboxDriver
  readonly off: readonly Protection[]
  readonly isRoot: boolean
  /** Whether instances have control groups in addition to rlimits. */
  readonly hasGroups: boolean
  /** Addresses and paths that guests are told, so that they need not search. Contains no secrets. */
  readonly told: {
    tcp: number
    udp: number
    abstract: string
    socket: string
    file: string
    folder: string
    network: ToldNetwork
  }
  /** Policy of the programs with a network. */
  readonly policy: NetworkPolicy
  /** Secrets that must not occur in any output of a guest. */
  readonly secrets: Readonly<Record<string, string>>
  /** Returns the violations since the previous call, as clauses. */
  inspect(outcomes: readonly Outcome[]): Promise<string[]>
  /** Returns the longest delays of the neighbour and of the event loop since the previous call. */
  waited(): { neighbourMs: number; loopMs: number }
  neighbour(): Promise<Outcome>
  close(): Promise<void>
}

/** A descriptor that the starting shell has left open. Its file contains the secret of this environment variable. */
export const LEAKED = { descriptor: 251, secretEnv: 'ZERODB_HOSTILE_LEAK' }

const NEIGHBOUR = `
import os
calls = 0
secret = os.environ["NEIGHBOUR_SECRET"]
def handler(event, ctx):
    global calls
    calls += 1
    return [calls, secret, os.getpid()]
`
const NEIGHBOUR_MS = 3_000
const LOOP_MS = 1_000

const secret = (label: string) => `${label}-${randomBytes(12).toString('hex')}`

export async function openEnvironment(off: readonly Protection[] = []): Promise<Environment> {
  const isRoot = process.getuid?.() === 0
  const protections = off.length === 0 ? ALL_PROTECTIONS : protectionsWithout(...off)

  // Not below /tmp, because each guest has a separate /tmp.
  const folder = await mkdtemp(join(isRoot || existsSync('/var/tmp') ? '/var/tmp' : tmpdir(), 'zerodb-hostile-'))
  await chmod(folder, 0o755)
  const secrets: Record<string, string> = {
    'the environment of the server': secret('env'),
    'a file of the server': secret('file'),
    'a file in the folder of the server': secret('folder'),
    'the neighbour’s environment': secret('neighbour'),
  }
  const leaked = process.env[LEAKED.secretEnv]
  if (leaked) secrets['a descriptor of the server'] = leaked
  process.env['ZERODB_HOSTILE_SECRET'] = secrets['the environment of the server']
  const file = join(folder, 'secret')
  const forAll = { mode: 0o666 }
  writeFileSync(file, secrets['a file of the server']!, forAll)
  await mkdir(join(folder, 'inner'))
  writeFileSync(join(folder, 'inner', 'secret'), secrets['a file in the folder of the server']!, forAll)

  const hits: string[] = []
  const listeners: { close(): unknown }[] = []
  async function listen(what: string, where: number | string): Promise<Server> {
    const server = createServer((socket) => {
      hits.push(`the program connected to ${what}`)
      socket.on('error', () => {}).destroy()
    })
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      if (typeof where === 'number') server.listen(where, '127.0.0.1', resolve)
      else server.listen(where, resolve)
    })
    listeners.push(server)
    return server
  }
  const tcp = ((await listen('the loopback of the server', 0)).address() as AddressInfo).port
  const abstract = `zerodb-hostile-${randomBytes(4).toString('hex')}`
  await listen('an abstract socket of the server', `\0${abstract}`)
  const socket = join(folder, 'socket')
  await listen('a socket file of the server', socket)
  // All users may access these files, so that file modes are not what stops a guest.
  for (const path of [file, join(folder, 'inner', 'secret'), socket]) await chmod(path, 0o666)
  const datagrams = createSocket('udp4', () => hits.push('the program sent a datagram to the server'))
  await new Promise<void>((resolve) => datagrams.bind(0, '127.0.0.1', resolve))
  listeners.push(datagrams)

  const upstreams = await openUpstreams((what) => hits.push(what))
  listeners.push(upstreams)
  secrets['the value of an added header'] = upstreams.secret

  const { network } = upstreams
  const driver = bubblewrap({ concurrency: 8, network, log: pino({ level: 'silent' }), protections })
  const report = await driver.ready()
  for (const [runtime, found] of Object.entries(report.runtimes))
    if (!found.available) throw new Error(`${runtime} cannot be run: ${found.cause}. ${found.remedy}`)
  for (const runtime of Object.keys(report.runtimes)) driver.prepare(runtime as Runtime)

  const neighbourProgram: Program = {
    key: 'neighbour',
    runtime: 'python3.11',
    files: { 'main.py': NEIGHBOUR },
    entry: 'main.py',
    env: { NEIGHBOUR_SECRET: secrets['the neighbour’s environment']! },
    isolation: 'warm',
    memory_mb: 256,
    network: null,
  }
  const neighbour = () =>
    driver.call({
      program: neighbourProgram,
      mode: 'handler',
      input: {},
      timeout_seconds: 20,
      output_limit_bytes: 1000,
    })
  let calls = 0
  let closed = false
  let neighbourMs = 0
  let loopMs = 0
  const wrong: string[] = []
  /** Calls the neighbour, which must find its state unchanged. */
  async function visit(): Promise<void> {
    const began = performance.now()
    const outcome = await neighbour()
    if (closed) return
    neighbourMs = Math.max(neighbourMs, performance.now() - began)
    calls = (calls % MAX_CALLS) + 1
    const expected = JSON.stringify([calls, neighbourProgram.env['NEIGHBOUR_SECRET'], 2])
    const body = outcome.result?.kind === 'json' ? Buffer.from(outcome.result.body).toString() : ''
    const without = (text: string) => text.replace(/,\d+\]$/, '')
    if (without(body) !== without(expected)) {
      wrong.push(`a neighbour’s call ended with ${outcome.status}, and ${body.replace(/"[^"]*"/, '…')}`)
      calls = Number(/^\[(\d+)/.exec(body)?.[1] ?? 0)
    }
  }
  await visit()
  const visiting = (async () => {
    while (!closed) {
      await visit().catch((error) => closed || wrong.push(`the call of the neighbour was rejected: ${error.message}`))
      await pause(20)
    }
  })()
  let last = performance.now()
  const ticking = setInterval(() => {
    const now = performance.now()
    loopMs = Math.max(loopMs, now - last - 10)
    last = now
  }, 10)

  const machine = () =>
    `${hostname()} ${readFileSync('/proc/sys/kernel/hostname', 'latin1')} ${readFileSync('/proc/sys/vm/overcommit_memory', 'latin1')}`
  const before = machine()
  // Waits for two ready instances of each runtime, and the neighbour.
  await within(10_000, () => driver.load().instances >= 5)
  await pause(50)
  const descriptors = descriptorsOf('self').length

  return {
    driver,
    off,
    isRoot,
    hasGroups: report.limits.startsWith('cgroup'),
    secrets,
    told: { tcp, udp: datagrams.address().port, abstract, socket, file, folder, network: upstreams.told },
    policy: upstreams.policy,
    neighbour,
    async inspect(outcomes) {
      // Datagrams and connections of the program may still be in transit.
      await pause(10)
      upstreams.reset()
      const found = [...hits.splice(0), ...wrong.splice(0)]
      const text = outcomes.map((outcome) => JSON.stringify({ ...outcome, result: textOf(outcome) })).join('\n')
      for (const [what, value] of Object.entries(secrets))
        if (text.includes(value)) found.push(`the program knows ${what}`)
      const files = {
        [file]: 'a file of the server',
        [join(folder, 'inner', 'secret')]: 'a file in the folder of the server',
      }
      for (const [path, what] of Object.entries(files))
        if (!existsSync(path) || readFileSync(path, 'utf8') !== secrets[what]) {
          found.push(`${what} has changed`)
          writeFileSync(path, secrets[what]!, forAll)
        }
      if (machine() !== before) found.push('the settings of the machine have changed')
      if (Object.keys(Object.prototype).length > 0) found.push('Object.prototype of the server has changed')
      if (neighbourMs > NEIGHBOUR_MS) found.push(`a neighbour waited for ${Math.round(neighbourMs)} ms`)
      if (loopMs > LOOP_MS) found.push(`the event loop of the server was blocked for ${Math.round(loopMs)} ms`)
      // The pool starts new instances, so the number of open descriptors settles with a delay.
      const now = () => descriptorsOf('self').length
      if (!(await within(3_000, () => now() <= descriptors)))
        found.push(`the server has ${now() - descriptors} more descriptors open`)
      return found
    },
    waited() {
      const waited = { neighbourMs, loopMs }
      neighbourMs = 0
      loopMs = 0
      return waited
    },
    async close() {
      closed = true
      clearInterval(ticking)
      await driver.close()
      await visiting
      for (const listener of listeners) listener.close()
      delete process.env['ZERODB_HOSTILE_SECRET']
      await rm(folder, { recursive: true, force: true })
      rmSync(socket, { force: true })
    },
  }
}

function textOf({ result }: Outcome): string {
  return result ? Buffer.from(result.body).toString('latin1') : ''
}
