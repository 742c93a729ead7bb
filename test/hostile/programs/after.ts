import type { Fixture } from '../fixture.ts'
import { isAlive, processesOf, processorMs } from '../host-checks.ts'
import { NODE_WORLD, PYTHON_WORLD } from '../preludes.ts'
import { type HostileProgram, pause, within } from '../program.ts'

/** Checks that a program that keeps running after its response ends with its instance. */
async function endsSoon(fixture: Fixture): Promise<void> {
  await fixture.call({ key: 'after' })
  const seen = fixture.found()
  const pids = seen ? processesOf(seen) : []
  fixture.check(await within(500, () => !pids.some(isAlive)), 'its processes are still running')
}

export const after: HostileProgram[] = [
  {
    name: 'keeps computing after its response',
    group: 'AFTER',
    stoppedBy: [['paused_when_idle']],
    node: `import { Worker } from 'node:worker_threads'
      export default () => { new Worker('for (;;);', { eval: true }); return new Promise((resolve) => setTimeout(resolve, 50)) }`,
    python: `import threading
def burn():
    while True: pass
def handler(event, ctx):
    threading.Thread(target=burn, daemon=True).start()
    return 1`,
    async play(fixture) {
      await fixture.call({ key: 'after' })
      await pause(80)
      const { interpreter } = fixture.seen()
      const before = processorMs(interpreter)
      await pause(300)
      const used = processorMs(interpreter) - before
      fixture.check(isAlive(interpreter) && used <= 20, `the program computed for ${used} of 300 ms`)
    },
  },
  {
    name: 'leaves a child process running',
    group: 'AFTER',
    stoppedBy: [['strays']],
    node: `import { spawn } from 'node:child_process'
      export default () => { spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore', detached: true }).unref(); return 1 }`,
    python: `import os
def handler(event, ctx):
    if os.fork() == 0:
        while True: pass
    return 1`,
    play: endsSoon,
  },
  {
    name: 'leaves a daemon running',
    group: 'AFTER',
    stoppedBy: [['strays']],
    python: `import os, time
def handler(event, ctx):
    child = os.fork()
    if child == 0:
        os.setsid()
        if os.fork(): os._exit(0)
        while True: time.sleep(0.001)
    os.waitpid(child, 0)
    return 1`,
    play: endsSoon,
  },
  {
    name: 'is woken by a child process when it is stopped',
    group: 'AFTER',
    stoppedBy: [['strays']],
    python: `import os, signal
def handler(event, ctx):
    parent = os.getpid()
    if os.fork() == 0:
        while True: os.kill(parent, signal.SIGCONT)
    return 1`,
    play: endsSoon,
  },
  {
    name: 'continues as a grandchild, faster than processes can be counted',
    group: 'AFTER',
    stoppedBy: [['strays']],
    python: `import os
def handler(event, ctx):
    if os.fork() == 0:
        while True:
            if os.fork(): os._exit(0)
    os.wait()
    return 1`,
    async play(fixture) {
      await fixture.call({ key: 'after' })
      fixture.check(await within(500, () => !fixture.isThere()), 'its processes are still running')
    },
  },
  {
    name: 'survives the end of its instance as a daemon',
    group: 'AFTER',
    stoppedBy: [['kill_all']],
    node: `${NODE_WORLD}
      import { spawn } from 'node:child_process'
      process.on('SIGTERM', () => {})
      spawn(process.execPath, ['-e', 'process.on("SIGTERM", () => {}); for (;;);'], { stdio: 'ignore', detached: true })
      setTimeout(ready, 150)`,
    python: `${PYTHON_WORLD}
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    if os.fork(): os._exit(0)
    while True: time.sleep(0.01)
time.sleep(0.05)
ready()`,
    look() {},
  },
  {
    name: 'leaves data for the next call, which requests a new sandbox',
    group: 'AFTER',
    stoppedBy: [],
    inherent: 'a new sandbox is a new process with new files',
    node: `import fs from 'node:fs'
      export default () => {
        const found = [globalThis.left, fs.existsSync('/tmp/left'), fs.existsSync('/fn/left')]
        globalThis.left = 1; fs.writeFileSync('/tmp/left', ''); fs.writeFileSync('/fn/left', '')
        return found.some(Boolean)
      }`,
    python: `import os
left = False
def handler(event, ctx):
    global left
    found = left or os.path.exists('/tmp/left') or os.path.exists('/fn/left')
    left = True
    for path in ('/tmp/left', '/fn/left'): open(path, 'w').close()
    return found`,
    async play(fixture) {
      for (let i = 0; i < 2; i++) {
        const { result } = await fixture.call({ key: 'fresh', isolation: 'fresh' })
        fixture.check(
          Buffer.from(result?.body ?? []).toString() === 'false',
          'the call finds data of the previous call',
        )
      }
    },
  },
  {
    name: 'prints output for the next caller',
    group: 'AFTER',
    stoppedBy: [],
    inherent: 'output that arrives while no call is running is discarded',
    node: `import fs from 'node:fs'
      const write = fs.writeSync
      fs.writeSync = (fd, bytes, ...rest) => {
        const written = write(fd, bytes, ...rest)
        if (bytes[4] !== 17) return written
        fs.writeSync = write
        write(1, 'for the next')
        console.log('for the next')
        return written
      }
      export default () => new Promise((resolve) => setTimeout(resolve, 20))`,
    python: `import os, time
write = os.write
def talk(fd, data):
    written = write(fd, data)
    if data[4] == 17:
        os.write = write
        write(1, b'for the next')
        print('for the next', flush=True)
    return written
os.write = talk
def handler(event, ctx): time.sleep(0.02)`,
    async play(fixture) {
      let isDiscarded = false
      // The program prints after it has sent its result. On a busy machine it may be stopped in between until the next call runs.
      for (let n = 0; n < 5 && !isDiscarded; n++) {
        await fixture.call({ key: `print ${n}` })
        await pause(9)
        const { stdout } = await fixture.call({ key: `print ${n}` })
        isDiscarded = !stdout.includes('for the next')
      }
      fixture.check(isDiscarded, 'the next caller gets the output')
    },
  },
]
