import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Duplex, PassThrough } from 'node:stream'
import { RUNTIMES, type Runtime, type SandboxDriver, type SandboxReport } from './index.ts'
import { guestFolder, interpreterArguments, RUNNERS } from './interpreters.ts'
import type { Exit, Guest, Launcher } from './launcher.ts'
import { type SandboxOptions, supervised } from './supervised.ts'
import { DEFAULT_MEMORY_MB, Supervisor } from './supervisor.ts'

// Written from the types of the package e2b 2.51 and tested with a fake of it, not against E2B.

/** The used part of the package `e2b`. */
export interface E2bSdk {
  Sandbox: {
    create(options: { allowInternetAccess: boolean; secure: boolean; timeoutMs: number }): Promise<E2bSandbox>
  }
}
interface E2bSandbox {
  files: { write(path: string, data: string): Promise<unknown> }
  commands: {
    run(
      command: string,
      options: { background: true; stdin: true; timeoutMs: number; onStdout(data: string): void },
    ): Promise<{ sendStdin(data: string): Promise<void>; wait(): Promise<unknown> }>
  }
  kill(): Promise<unknown>
}

const FOLDER = '/home/user/zerodb'
/** E2B ends a sandbox after this time, even if this server has died. */
const MAX_LIFE_MS = 3_600_000
/** Maximum length of a line, which has one read of the channel in base64. */
const MAX_LINE = 1 << 20
const PROGRAMS: Record<Runtime, string> = { nodejs20: 'node', 'python3.11': 'python3' }

/** Creates the driver for Firecracker microVMs of E2B or a compatible cloud. E2B_API_KEY and E2B_DOMAIN are settings of the package. */
export function e2b({ concurrency, log }: SandboxOptions, sdk: () => Promise<E2bSdk> = importSdk): SandboxDriver {
  return supervised('e2b', async () => {
    const supervisor = new Supervisor({ launcher: e2bLauncher(sdk), concurrency, log, poolSize: 0 })
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

async function importSdk(): Promise<E2bSdk> {
  const name = 'e2b'
  try {
    return (await import(name)) as E2bSdk
  } catch (error) {
    throw new Error('the package e2b is not installed: "npm install e2b"', { cause: error })
  }
}

function e2bLauncher(sdk: () => Promise<E2bSdk>): Launcher {
  return {
    async launch(runtime, memoryMb): Promise<Guest> {
      const { Sandbox } = await sdk()
      const sandbox = await Sandbox.create({ allowInternetAccess: false, secure: true, timeoutMs: MAX_LIFE_MS })
      try {
        for (const name of ['bridge.mjs', RUNNERS[runtime]])
          await sandbox.files.write(`${FOLDER}/${name}`, await readFile(join(guestFolder(), name), 'utf8'))
        await sandbox.files.write(`${FOLDER}/fn/.keep`, '')
        return await connect(sandbox, commandOf(runtime, memoryMb))
      } catch (error) {
        await sandbox.kill().catch(() => {})
        throw error
      }
    },
    async close() {},
  }
}

function commandOf(runtime: Runtime, memoryMb: number): string {
  const runner = interpreterArguments(runtime, `${FOLDER}/${RUNNERS[runtime]}`, memoryMb)
  return ['node', `${FOLDER}/bridge.mjs`, `${FOLDER}/fn`, PROGRAMS[runtime], ...runner].join(' ')
}

async function connect(sandbox: E2bSandbox, command: string): Promise<Guest> {
  const output = { 1: new PassThrough(), 2: new PassThrough() }
  let end: (exit: Exit) => void = () => {}
  const exited = new Promise<Exit>((resolve) => {
    end = resolve
  })
  let send: (data: string) => Promise<void> = () => Promise.resolve()
  const channel = new Duplex({
    read() {},
    // Sequential, because overlapping requests could arrive in any order.
    write: (chunk: Buffer, _, done) => void send(`${chunk.toString('base64')}\n`).then(() => done(), done),
  })
  for (const stream of [channel, ...Object.values(output)]) stream.on('error', () => {})

  function kill(): void {
    void sandbox.kill().catch(() => {})
    end({ code: null, signal: 'SIGKILL', outOfMemory: false })
  }
  let rest = ''
  function receive(data: string): void {
    const lines = (rest + data).split('\n')
    rest = lines.pop()!
    if (rest.length > MAX_LINE) kill()
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
  void running.wait().then(
    () => setImmediate(() => end({ code: 0, signal: null, outOfMemory: false })),
    () => end({ code: null, signal: null, outOfMemory: false }),
  )
  // Ends the billing of the sandbox.
  void exited.then(() => sandbox.kill().catch(() => {}))
  return {
    pid: () => undefined,
    channel,
    stdout: output[1],
    stderr: output[2],
    exited,
    kill,
    // Not needed: the sandbox does not share a processor with this server.
    pause() {},
    resume() {},
    hasStrays: () => false,
    memory: () => null,
  }
}
