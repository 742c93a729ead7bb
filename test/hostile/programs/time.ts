import { NODE_FRAMES, NODE_WORLD, PYTHON_FRAMES, PYTHON_WORLD } from '../preludes.ts'
import type { HostileProgram } from '../program.ts'

/** Returns a program that never ends by itself and must be ended at its deadline. */
const endless = (
  name: string,
  code: Pick<HostileProgram, 'node' | 'python'>,
  rest: Partial<HostileProgram> = {},
): HostileProgram => ({
  name,
  group: 'TIME',
  stoppedBy: [['deadline']],
  timeoutSeconds: 0.5,
  ends: ['timeout'],
  after(fixture, { duration_ms }) {
    fixture.check(duration_ms < 1_500, `the program was ended after ${Math.round(duration_ms)} ms`)
  },
  ...code,
  ...rest,
})

export const time: HostileProgram[] = [
  endless('loops forever', { node: 'for (;;);', python: 'while True: pass' }),
  endless('matches a regular expression forever', {
    node: '/^(a+)+$/.test("a".repeat(60) + "!")',
    python: 'import re\nre.match(r"^(a+)+$", "a" * 60 + "!")',
  }),
  endless('sleeps forever', {
    node: 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)',
    python: 'import time\ntime.sleep(1e6)',
  }),
  endless('waits for an event that never happens', {
    node: 'setInterval(() => {}, 1000)\nawait new Promise(() => {})',
    python: 'import threading\nthreading.Event().wait()',
  }),
  endless('computes within one call of the interpreter', {
    node: 'import { pbkdf2Sync } from "node:crypto"\npbkdf2Sync("a", "b", 2 ** 31 - 1, 64, "sha512")',
    python: '3 ** (10 ** 9)',
  }),
  endless(
    'ignores all signals and loops',
    {
      node: `import { constants } from 'node:os'
        for (const name of Object.keys(constants.signals)) try { process.on(name, () => {}) } catch {}
        for (;;);`,
      python: `import signal
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
while True: pass`,
    },
    { stoppedBy: [['deadline'], ['kill_all']] },
  ),
  endless('stops itself', {
    node: 'process.kill(process.pid, "SIGSTOP"); for (;;);',
    python: 'import os\nos.kill(os.getpid(), 19)\nwhile True: pass',
  }),
  endless('disables the signal for the death of its parent, and loops', {
    python: `${PYTHON_WORLD}
syscall(157, 1, 0) # PR_SET_PDEATHSIG
while True: pass`,
  }),
  endless('starts a frame and never completes it', {
    node: `${NODE_FRAMES}
      fs.writeSync(3, json(1, 'x'.repeat(1000)).subarray(0, 500)); hang()`,
    python: `${PYTHON_FRAMES}
os.write(3, json(1, 'x' * 1000)[:500]); hang()`,
  }),
  endless('intercepts all ways to exit', {
    node: `process.on('exit', () => { for (;;); }); process.kill = () => {}; process.emit('exit')`,
    python: `import atexit
def stay():
    while True: pass
atexit.register(stay)
stay()`,
  }),
  endless('passes its channel to a child process, and ends', {
    node: `${NODE_WORLD}
      import { spawn } from 'node:child_process'
      spawn(process.execPath, ['-e', 'for (;;);'], { stdio: ['ignore', 'inherit', 'inherit', 3], detached: true })
      await new Promise(() => setInterval(() => {}, 1000))`,
    python: `import os, time
if os.fork() == 0:
    os.setsid()
    while True: pass
time.sleep(1e6)`,
  }),
]
