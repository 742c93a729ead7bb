// Runs inside a remote sandbox that only offers standard input and output. Starts the runner with its channel on descriptor 3 and transports the
// channel. Input: the bytes of the channel. Output, as lines of text: `3 base64` from the channel, `1 base64` and `2 base64` from stdout and stderr
// of the runner, and at the end `x code signal`.
import { spawn } from 'node:child_process'

const [, , folder, command, ...args] = process.argv
const child = spawn(command, args, {
  cwd: folder,
  env: { HOME: process.env.TMPDIR ?? '/tmp', PATH: process.env.PATH, LANG: 'C.UTF-8' },
  stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
})
for (const number of [1, 2, 3])
  child.stdio[number].on('data', (chunk) => process.stdout.write(`${number} ${chunk.toString('base64')}\n`))
child.stdio[3].on('error', () => {})
// A runner without a channel is of no use.
child.stdio[3].on('end', () => setTimeout(() => child.kill('SIGKILL'), 300).unref())
child.on('error', ({ message }) => {
  process.stdout.write(`2 ${Buffer.from(message).toString('base64')}\nx 127\n`)
})
child.on('close', (code, signal) => {
  process.stdout.write(`x ${code ?? ''} ${signal ?? ''}\n`, () => process.exit(0))
})
process.stdin.pipe(child.stdio[3])
process.stdin.on('close', () => child.kill('SIGKILL'))
