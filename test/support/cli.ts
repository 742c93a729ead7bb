import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { packageRoot } from '../../src/platform/package.ts'

export const PROGRAM = join(packageRoot(), 'dist', 'zerodb.js')

export interface Result {
  code: number | null
  out: string
  err: string
}

export interface ZerodbOptions {
  cwd: string
  /** The complete environment except PATH and NO_COLOR. */
  env?: Record<string, string>
  input?: string
  /** Interrupts the program when it has printed this text. */
  until?: string
}

/** Runs `zerodb args` without a terminal and waits for its end. */
export function zerodb(args: readonly string[], { cwd, env = {}, input, until }: ZerodbOptions): Promise<Result> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [PROGRAM, ...args], {
      cwd,
      env: { PATH: process.env['PATH'] ?? '', NO_COLOR: '1', ...env },
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    })
    child.stdin?.end(input)
    let out = ''
    let err = ''
    let interrupted = false
    const look = () => {
      if (!until || interrupted || !(out + err).includes(until)) return
      interrupted = true
      child.kill('SIGINT')
    }
    child.stdout!.on('data', (chunk) => {
      out += chunk
      look()
    })
    child.stderr!.on('data', (chunk) => {
      err += chunk
      look()
    })
    child.once('close', (code) => resolve({ code, out, err }))
  })
}

/** Runs `zerodb args` on a terminal with 80 columns. Types each answer when its question has been printed. */
export function onTerminal(
  args: readonly string[],
  { cwd, env = {} }: ZerodbOptions,
  answers: readonly (readonly [question: string, keys: string])[] = [],
): Promise<{ code: number | null; screen: string }> {
  const command = [process.execPath, PROGRAM, ...args].map((word) => `'${word}'`).join(' ')
  return new Promise((resolve) => {
    // `script` gives the program a terminal and forwards its own input to it.
    const child = spawn('script', ['--quiet', '--return', '--command', `stty cols 80; ${command}`, '/dev/null'], {
      cwd,
      env: { PATH: process.env['PATH'] ?? '', TERM: 'xterm', ...env },
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    let screen = ''
    const left = [...answers]
    child.stdout.on('data', (chunk) => {
      screen += chunk
      const [next] = left
      if (!next || !screen.includes(next[0])) return
      left.shift()
      child.stdin.write(next[1])
    })
    child.once('close', (code) => resolve({ code, screen }))
  })
}

/** A running `zerodb args`. */
export interface Going {
  /** The output so far: stdout and stderr. */
  output(): string
  /** Interrupts the program. Resolves with its exit code. */
  stop(): Promise<number | null>
}

export function start(args: readonly string[], { cwd, env = {} }: ZerodbOptions): Going {
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    cwd,
    env: { PATH: process.env['PATH'] ?? '', NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text))
  const ended = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)))
  return {
    output: () => output,
    stop() {
      child.kill('SIGINT')
      return ended
    },
  }
}
