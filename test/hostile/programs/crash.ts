import { NODE_WORLD, PYTHON_WORLD } from '../preludes.ts'
import { type Ends, type HostileProgram, pause } from '../program.ts'
import { thenAnother } from './forgery.ts'

const OWN = 'it has only its own process to end'

/** Returns a program that ends its process, which must not count as a response. */
const crashes = (
  name: string,
  code: Pick<HostileProgram, 'node' | 'python'>,
  ends: Ends = ['crashed'],
): HostileProgram => ({ name, group: 'CRASH', stoppedBy: [], inherent: OWN, ends, ...code })

/** Returns a program that damages its process. The damage shows later, when another program could be running in it. */
const breaksLater = (name: string, code: Pick<HostileProgram, 'node' | 'python'>): HostileProgram => ({
  name,
  group: 'CRASH',
  stoppedBy: [['own_instance']],
  play: (fixture) => thenAnother(fixture, 2),
  ...code,
})

export const crash: HostileProgram[] = [
  crashes('exits with code 0 before its response', {
    node: 'process.reallyExit(0)',
    python: 'import os\nos._exit(0)',
  }),
  crashes(
    'exits during a call',
    {
      node: 'process.exit(3)',
      python: 'import sys\nsys.exit(3)',
    },
    ['threw'],
  ),
  crashes('reads unmapped memory', {
    node: 'process.kill(process.pid, "SIGSEGV"); for (;;);',
    python: 'import ctypes\nctypes.string_at(1)',
  }),
  crashes('aborts', { node: 'process.abort()', python: 'import os\nos.abort()' }),
  crashes('kills itself', {
    node: 'process.kill(process.pid, "SIGKILL"); for (;;);',
    python: 'import os\nos.kill(os.getpid(), 9)',
  }),
  crashes('replaces itself with another program', {
    python: 'import os, sys\nos.execv(sys.executable, [sys.executable, "-S", "-c", "pass"])',
  }),
  {
    name: 'kills all processes that it can',
    group: 'CRASH',
    stoppedBy: [['pid_namespace', 'own_uid']],
    ends: ['ok', 'crashed', 'threw', 'timeout'],
    timeoutSeconds: 2,
    node: `${NODE_WORLD}
      for (const pid of [1, process.ppid, 0, -1]) {
        process.on('SIGTERM', () => {})
        tried(() => process.kill(pid, 'SIGTERM')); if (pid !== 0) tried(() => process.kill(pid, 'SIGKILL'))
      }
      export default 1`,
    python: `${PYTHON_WORLD}
import signal
for pid in [1, os.getppid(), -1]: tried(lambda: os.kill(pid, 9))
result = 1`,
    after: () => pause(50),
  },
  {
    name: 'sends a signal to its process group',
    group: 'CRASH',
    stoppedBy: [['new_session', 'own_uid']],
    node: `${NODE_WORLD}
      process.on('SIGUSR2', () => {})
      process.kill(0, 'SIGUSR2')
      ready()`,
    python: `${PYTHON_WORLD}
import signal
signal.signal(signal.SIGUSR2, signal.SIG_IGN)
os.kill(0, signal.SIGUSR2)
ready()`,
    look: () => pause(50),
  },
  breaksLater('throws in a callback after its response', {
    node: 'export default () => { setTimeout(() => { throw new Error("late") }, 2); return 1 }',
    python: `import threading, os
def handler(event, ctx):
    threading.Timer(0.002, lambda: os.abort()).start()
    return 1`,
  }),
  breaksLater('rejects an unhandled promise after its response', {
    node: 'export default () => { setTimeout(() => Promise.reject(new Error("late")), 2); return 1 }',
  }),
  breaksLater('throws an object that cannot be inspected', {
    node: `export default () => { throw new Proxy({}, { get() { throw 1 }, has() { throw 2 }, getPrototypeOf() { throw 3 } }) }`,
    python: `
class Worst(Exception):
    def __str__(self): raise ValueError('no')
    __repr__ = __str__
    def __getattr__(self, name): raise SystemExit(1)
def handler(event, ctx): raise Worst()`,
  }),
  breaksLater('returns an object that cannot be inspected', {
    node: `export default () => new Proxy({}, { get() { throw 1 }, ownKeys() { throw 2 }, getPrototypeOf() { throw 3 } })`,
    python: `
class Worst(dict):
    def __iter__(self): raise SystemExit(1)
    def items(self): raise KeyboardInterrupt()
    values = keys = __len__ = items
def handler(event, ctx): return Worst(a=1)`,
  }),
  breaksLater('returns a cyclic object', {
    node: 'export default () => { const a = {}; a.a = [a]; return a }',
    python: 'def handler(event, ctx):\n    a = []\n    a.append(a)\n    return a',
  }),
]
