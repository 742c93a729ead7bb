import { execFile, spawnSync } from 'node:child_process'

/** Whether `command args` can be run here. In CI a missing tool is a failure, not a reason to skip. */
export function available(command: string, args: string[]): boolean {
  const there = spawnSync(command, args, { stdio: 'ignore' }).status === 0
  if (!there) console.log(`skipped: "${command} ${args.join(' ')}" does not work here`)
  if (!there && process.env['CI']) throw new Error(`CI needs "${command} ${args.join(' ')}" to work`)
  return there
}

/** Runs a program to its end; rejects with its output when it fails. */
export function run(
  command: string,
  args: string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(command, args, { maxBuffer: 64 * 1024 * 1024, ...options }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${command} ${args.join(' ')}\n${stdout}\n${stderr}`, { cause: error }))
      else resolve(stdout)
    })
  })
}

/** Runs curl with the arguments that a person typed, and adds what a test must know. */
export async function curl(args: string[]): Promise<{ status: number; body: string }> {
  const output = await run('curl', [
    ...args,
    '--silent',
    '--show-error',
    '--max-time',
    '30',
    '--write-out',
    '\n%{http_code}',
  ])
  const end = output.lastIndexOf('\n')
  return { status: Number(output.slice(end + 1)), body: output.slice(0, end) }
}
