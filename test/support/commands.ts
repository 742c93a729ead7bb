import { execFile, spawnSync } from 'node:child_process'

/** Returns whether `command args` runs successfully. Throws in CI, where a missing tool must not skip tests. */
export function available(command: string, args: string[]): boolean {
  const there = spawnSync(command, args, { stdio: 'ignore' }).status === 0
  if (!there) console.log(`skipped: "${command} ${args.join(' ')}" does not work here`)
  if (!there && process.env['CI']) throw new Error(`in CI, "${command} ${args.join(' ')}" must succeed`)
  return there
}

/** Runs a program and waits for its end. Rejects with its output if it fails. */
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

/** Runs curl with the arguments of an example, and adds those that a test needs. */
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
