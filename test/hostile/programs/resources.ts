import type { Fixture } from '../fixture.ts'
import { memoryMbOf, processorMs, processorsOf, threadsOf } from '../host-checks.ts'
import { NODE_WORLD, PYTHON_WORLD } from '../preludes.ts'
import { type HostileProgram, pause } from '../program.ts'

const MAX_TASKS = 64

/** Samples the number of processes and threads for a while, and checks the maximum. */
const noMoreTasks = (ms: number) => async (fixture: Fixture) => {
  const until = performance.now() + ms
  let most = 0
  do {
    most = Math.max(most, threadsOf(fixture.processes()))
    await pause(20)
  } while (performance.now() < until)
  fixture.check(most <= MAX_TASKS, `the program has ${most} processes and threads`)
}

/** Returns a program that allocates memory until it is ended, at most 600 MB. */
const balloon = (name: string, rest: Partial<HostileProgram>): HostileProgram => ({
  name,
  group: 'RESOURCES',
  stoppedBy: [['memory_limit']],
  ends: ['memory'],
  timeoutSeconds: 15,
  after(fixture, { peak_memory_bytes }) {
    if (peak_memory_bytes !== null)
      fixture.check(peak_memory_bytes <= 257 << 20, `the program has used ${peak_memory_bytes >> 20} MB`)
  },
  ...rest,
})

export const resources: HostileProgram[] = [
  {
    name: 'forks without end',
    group: 'RESOURCES',
    stoppedBy: [['deadline']],
    inherent: 'the next program tests the same with a limit, so that it can run unprotected',
    timeoutSeconds: 1,
    ends: ['timeout'],
    python: `import os
while True:
    try: os.fork()
    except OSError: pass`,
    node: `import { spawn } from 'node:child_process'
      const bomb = 'const{spawn}=require("child_process");const f=()=>{try{spawn(process.execPath,["-e",process.env.B]).on("error",()=>{})}catch{}};setInterval(f,1);f()'
      process.env.B = bomb
      const more = () => { try { spawn(process.execPath, ['-e', bomb]).on('error', () => {}) } catch {} }
      setInterval(more, 1)
      await new Promise(() => {})`,
  },
  {
    name: 'starts 200 processes',
    group: 'RESOURCES',
    stoppedBy: [['process_limit', 'rlimits']],
    python: `${PYTHON_WORLD}
for _ in range(200):
    if tried(os.fork) == 0:
        while True: time.sleep(1)
ready()`,
    look: noMoreTasks(100),
  },
  {
    name: 'starts 200 threads',
    group: 'RESOURCES',
    stoppedBy: [['process_limit', 'rlimits']],
    python: `${PYTHON_WORLD}
import threading
threading.stack_size(65536)
for _ in range(200):
    tried(lambda: threading.Thread(target=lambda: time.sleep(20), daemon=True).start())
ready()`,
    look: noMoreTasks(100),
  },
  {
    name: 'starts programs without end',
    group: 'RESOURCES',
    stoppedBy: [['process_limit', 'rlimits']],
    files: {},
    node: `${NODE_WORLD}
      import { spawn } from 'node:child_process'
      import fs from 'node:fs'
      fs.writeFileSync('/tmp/sleep.mjs', 'setInterval(() => {}, 1000)')
      let started = 0
      const start = () => tried(() => spawn(process.execPath, ['--max-old-space-size=8', '--jitless', '/tmp/sleep.mjs'], { stdio: 'ignore' }).on('error', () => {}))
      for (let i = 0; i < 40; i++) start()
      setTimeout(ready, 700)`,
    mayEndBefore: true,
    look: noMoreTasks(100),
  },
  balloon('fills memory with byte arrays', {
    node: 'const held = []; for (let i = 0; i < 60; i++) held.push(Buffer.alloc(10 << 20, 1)); export default held.length',
    python: 'held = [b"x" * (10 << 20) for _ in range(60)]\nresult = len(held)',
  }),
  balloon('fills memory from several processes', {
    byGroup: true,
    python: `import os, time
children = []
for _ in range(6):
    child = os.fork()
    if child == 0:
        held = b'x' * (100 << 20)
        time.sleep(1)
        os._exit(0)
    children.append(child)
result = [os.waitpid(child, 0)[1] for child in children]
if any(result): raise MemoryError('a child was ended')`,
  }),
  balloon('fills memory with values', {
    python: 'held = []\nfor i in range(12_000_000): held.append([i])\nresult = len(held)',
  }),
  balloon('fills the heap of V8', {
    stoppedBy: [],
    inherent: 'V8 limits its heap; another program tests memory outside the heap',
    node: 'const held = []; for (;;) held.push({ a: [held.length] })',
  }),
  balloon('fills four gigabytes of WebAssembly', {
    ends: ['memory', 'threw'],
    node: `const memory = new WebAssembly.Memory({ initial: 16, maximum: 65536 })
      for (let mb = 1; mb < 600; mb++) { memory.grow(16); new Uint8Array(memory.buffer).fill(1, mb << 20) }
      export default memory.buffer.byteLength`,
  }),
  balloon('fills shared pages', {
    byGroup: true,
    python: `import mmap
held = []
for _ in range(60):
    pages = mmap.mmap(-1, 10 << 20)
    pages.write(b'x' * (10 << 20))
    held.append(pages)
result = len(held)`,
  }),
  {
    name: 'fills kernel memory with sockets and pipes',
    group: 'RESOURCES',
    memoryMb: 64,
    stoppedBy: [['memory_limit']],
    mayEndBefore: true,
    ends: ['memory', 'cancelled', 'crashed'],
    timeoutSeconds: 10,
    python: `${PYTHON_WORLD}
import socket
def fill():
    held = []
    try:
        while True:
            a, b = socket.socketpair()
            held += [a, b]
            a.setblocking(False)
            a.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
            try:
                while True: a.send(b'x' * 65536)
            except BlockingIOError: pass
    except OSError: pass
    return held
for _ in range(9):
    if os.fork() == 0:
        held = fill()
        time.sleep(20)
held = fill()
time.sleep(0.5)
ready()`,
    look(fixture) {
      const used = memoryMbOf(fixture.seen())
      fixture.check(used < 66, `the program uses ${Math.round(used)} MB`)
    },
  },
  {
    name: 'computes in four processes at once',
    group: 'RESOURCES',
    byGroup: true,
    stoppedBy: [['cpu_limit']],
    node: `${NODE_WORLD}
      import { Worker } from 'node:worker_threads'
      for (let i = 0; i < 4; i++) new Worker('for (;;);', { eval: true })
      setTimeout(ready, 100)`,
    python: `${PYTHON_WORLD}
for _ in range(4):
    if os.fork() == 0:
        while True: pass
ready()`,
    async look(fixture) {
      const pids = fixture.processes()
      const used = () => pids.reduce((sum, pid) => sum + processorMs(pid), 0)
      const [before, began] = [used(), performance.now()]
      await pause(700)
      const share = (used() - before) / (performance.now() - began)
      fixture.check(share < 1.25, `the program uses ${share.toFixed(2)} processors`)
      // On a busy machine the program may not get more than one processor anyway, so the limit itself is checked as well.
      fixture.check(processorsOf(fixture.seen()) <= 1, 'the number of processors is not limited')
    },
  },
  {
    name: 'recurses without end',
    group: 'RESOURCES',
    stoppedBy: [],
    inherent: 'the interpreter limits the depth of the stack',
    ends: ['threw', 'crashed', 'memory', 'timeout'],
    node: 'const deeper = () => [deeper()]; export default deeper()',
    python: `import sys, _thread
sys.setrecursionlimit(2 ** 31 - 1)
def deeper(n): return repr([deeper(n + 1)])
result = deeper(0)`,
  },
  {
    name: 'starts and ends processes as fast as it can',
    group: 'RESOURCES',
    stoppedBy: [['deadline']],
    timeoutSeconds: 0.7,
    ends: ['timeout'],
    python: `import os, time
if os.fork(): time.sleep(20)
while True:
    # Each process continues as its own child, so that a process count is always late.
    try:
        if os.fork(): os._exit(0)
    except OSError: pass`,
  },
]
