import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Duplex, PassThrough } from 'node:stream'
import type { Logger } from 'pino'
import { ZeroError } from '../errors.ts'
import { RUNTIMES, type Runtime, type SandboxDriver, type SandboxReport } from './index.ts'
import { guestFolder, interpreterArguments, RUNNERS } from './interpreters.ts'
import type { Exit, Guest, Launcher } from './launcher.ts'
import { type SandboxOptions, supervised } from './supervised.ts'
import { DEFAULT_MEMORY_MB, Supervisor } from './supervisor.ts'

type E2b = typeof import('e2b')
type E2bSandbox = Awaited<ReturnType<E2b['Sandbox']['create']>>

const FOLDER = '/home/user/zerodb'
/** E2B ends a sandbox that has not been renewed for this time, so that none outlives a server that has died for long. */
const LIFE_MS = 300_000
const RENEW_MS = 60_000
/** Maximum length of a line, which has one read of the channel in base64. */
const MAX_LINE = 1 << 20
/** Maximum size of one request with input for a process. */
const MAX_INPUT_BYTES = 256 * 1024
/** A sandbox is replaced after it has printed this much, because the package keeps all output of a process. */
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024
const KILL_TRIES = 3
const KILL_TIMEOUT_MS = 10_000
const KILLED: Exit = { code: null, signal: 'SIGKILL', outOfMemory: false }
const PROGRAMS: Record<Runtime, string> = { nodejs20: 'node', 'python3.11': 'python3' }

/** Creates the driver for Firecracker microVMs of E2B or a compatible cloud. Its environment variables are settings of the package `e2b`. */
export function e2b({ concurrency, log }: SandboxOptions): SandboxDriver {
  return supervised('e2b', async () => {
    const supervisor = new Supervisor({ launcher: e2bLauncher(log), network: null, concurrency, log, poolSize: 0 })
    const runtimes = {} as SandboxReport['runtimes']
    for (const runtime of RUNTIMES) {
      try {
        const instance = await supervisor.start(runtime, DEFAULT_MEMORY_MB)
        runtimes[runtime] = { available: true, version: await instance.up }
        instance.end()
      } catch (error) {
        runtimes[runtime] = {
          available: false,
          cause: `E2B cannot run ${runtime}: ${(error as Error).message}`,
          remedy: 'Check E2B_API_KEY, run "npm install e2b", and check that the template has node and python3',
        }
      }
    }
    const report: SandboxReport = {
      driver: 'e2b',
      isolation: 'microvm',
      limits: 'none',
      uid: 'own',
      runtimes,
      warnings: ['The template of E2B determines memory and processors of functions'],
    }
    return { report, supervisor }
  })
}

async function importPackage(): Promise<E2b> {
  // Not a literal, so that it is not bundled: the package is optional.
  const name = 'e2b'
  try {
    return (await import(name)) as E2b
  } catch (error) {
    throw new Error('the package e2b is not installed: "npm install e2b"', { cause: error })
  }
}

function e2bLauncher(log: Logger): Launcher {
  /** Sandboxes that are being created or killed. */
  const pending = new Set<Promise<unknown>>()
  let closed = false
  function track<T>(work: Promise<T>): Promise<T> {
    const done = work.catch(() => {}).finally(() => pending.delete(done))
    pending.add(done)
    return work
  }

  /** Kills a sandbox, which is billed until then. Never rejects. */
  async function kill(sandbox: E2bSandbox): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        await sandbox.kill({ requestTimeoutMs: KILL_TIMEOUT_MS })
        return
      } catch (error) {
        if (tries < KILL_TRIES) continue
        log.warn(
          { error, sandbox: sandbox.sandboxId },
          'a sandbox of E2B could not be killed; it ends within 5 minutes',
        )
        return
      }
    }
  }

  async function create(): Promise<E2bSandbox> {
    const { Sandbox, RateLimitError } = await importPackage()
    try {
      return await Sandbox.create({ allowInternetAccess: false, secure: true, timeoutMs: LIFE_MS })
    } catch (error) {
      if (!(error instanceof RateLimitError)) throw error
      throw new ZeroError('sandbox_busy', `E2B starts no further sandbox: ${error.message}`, { retryAfter: 10 })
    }
  }

  async function launch(runtime: Runtime, memoryMb: number): Promise<Guest> {
    const sandbox = await create()
    try {
      if (closed) throw new Error('the sandbox is closing')
      for (const name of await readdir(guestFolder()))
        await sandbox.files.write(`${FOLDER}/${name}`, await readFile(join(guestFolder(), name), 'utf8'))
      await sandbox.files.write(`${FOLDER}/fn/.keep`, '')
      const guest = await connect(sandbox, commandOf(runtime, memoryMb))
      const renewing = setInterval(() => {
        sandbox
          .setTimeout(LIFE_MS)
          .catch((error) => log.warn({ error, sandbox: sandbox.sandboxId }, 'a sandbox of E2B was not renewed'))
      }, RENEW_MS).unref()
      void guest.exited.then(() => {
        clearInterval(renewing)
        void track(kill(sandbox))
      })
      return guest
    } catch (error) {
      await kill(sandbox)
      throw error
    }
  }

  return {
    noNetwork:
      'The sandbox driver e2b does not support "network" in the config of functions: remove it, or run the server with ZERODB_SANDBOX=bubblewrap',
    noPackages:
      'The sandbox driver e2b does not support Python packages: deploy the function without them, or run the server with ZERODB_SANDBOX=bubblewrap',
    launch: (runtime, memoryMb) => track(launch(runtime, memoryMb)),
    async close() {
      closed = true
      while (pending.size > 0) await Promise.all(pending)
    },
  }
}

function commandOf(runtime: Runtime, memoryMb: number): string {
  const runner = interpreterArguments(runtime, `${FOLDER}/${RUNNERS[runtime]}`, memoryMb)
  return ['node', `${FOLDER}/bridge.mjs`, `${FOLDER}/fn`, PROGRAMS[runtime], ...runner].join(' ')
}

/** Starts the bridge in a sandbox and connects to it. The sandbox is killed by the caller when the guest has ended. */
async function connect(sandbox: E2bSandbox, command: string): Promise<Guest> {
  const output = { 1: new PassThrough(), 2: new PassThrough() }
  let end: (exit: Exit) => void = () => {}
  const exited = new Promise<Exit>((resolve) => {
    end = resolve
  })
  let send: (data: Uint8Array) => Promise<void> = () => Promise.resolve()
  const channel = new Duplex({
    read() {},
    // Sequential, because overlapping requests could arrive in any order.
    write: (chunk: Buffer, _, done) => void sendPieces(chunk).then(() => done(), lose),
  })
  for (const stream of [channel, ...Object.values(output)]) stream.on('error', () => {})

  async function sendPieces(chunk: Buffer): Promise<void> {
    for (let at = 0; at < chunk.length; at += MAX_INPUT_BYTES) await send(chunk.subarray(at, at + MAX_INPUT_BYTES))
  }
  function lose(error: Error): void {
    end({ code: null, signal: null, outOfMemory: false, reason: `the connection to it was lost (${error.message})` })
  }
  let rest = ''
  let printedBytes = 0
  function receive(data: string): void {
    printedBytes += data.length
    const lines = (rest + data).split('\n')
    rest = lines.pop()!
    if (rest.length > MAX_LINE) end(KILLED)
    for (const line of lines) {
      const bytes = () => Buffer.from(line.slice(2), 'base64')
      if (line.startsWith('3 ')) channel.push(bytes())
      else if (line.startsWith('1 ')) output[1].write(bytes())
      else if (line.startsWith('2 ')) output[2].write(bytes())
      else if (line.startsWith('x ')) {
        const [, code, signal] = line.split(' ')
        const exit = { code: code ? Number(code) : null, signal: (signal || null) as NodeJS.Signals | null }
        // Data that was read before is delivered first.
        setImmediate(() => end({ ...exit, outOfMemory: false }))
      }
    }
  }
  const running = await sandbox.commands.run(command, {
    background: true,
    stdin: true,
    timeoutMs: 0,
    onStdout: receive,
  })
  send = (data) => running.sendStdin(data)
  void running.wait().then(() => setImmediate(() => end({ code: 0, signal: null, outOfMemory: false })), lose)
  return {
    pid: () => undefined,
    channel,
    stdout: output[1],
    stderr: output[2],
    exited,
    kill: () => end(KILLED),
    // Not needed: the sandbox does not share a processor with this server.
    pause() {},
    resume() {},
    hasStrays: () => false,
    isWorn: () => printedBytes > MAX_OUTPUT_BYTES,
    memory: () => null,
    proxy: null,
    packages: null,
  }
}
