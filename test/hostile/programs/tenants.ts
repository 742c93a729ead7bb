import { execFileSync } from 'node:child_process'
import type { Outcome, Runtime } from '../../../src/sandbox/index.ts'
import { Fixture } from '../fixture.ts'
import { NODE_WORLD, PYTHON_WORLD } from '../preludes.ts'
import { type HostileProgram, pause } from '../program.ts'

// Two tenants that run at the same time.

/** Listens, stores a secret in all possible places, and attacks the other tenant. Reports its findings and whether its state is unchanged. */
const NODE_DUEL = `${NODE_WORLD}
  import fs from 'node:fs'
  import net from 'node:net'
  let mine
  const visitors = []
  const connect = (where) => new Promise((resolve) => {
    const socket = net.connect(where)
    let text = ''
    socket.on('data', (data) => { text += data }).on('error', () => {}).on('close', () => resolve(text))
    socket.setTimeout(300, () => socket.destroy())
  })
  export default async (event) => {
    if (event.keep) {
      mine = event.keep
      globalThis.mine = mine
      for (const folder of ['/tmp', '/fn', '/dev/shm']) tried(() => fs.writeFileSync(folder + '/mine', mine))
      for (const where of [{ host: '127.0.0.1', port: 4711 }, { path: '\\0duel' }, { path: '/tmp/duel' }])
        net.createServer((socket) => { visitors.push(1); socket.end(mine) }).on('error', () => {}).listen(where)
      await new Promise((resolve) => setTimeout(resolve, 700))
      return { mine: globalThis.mine, file: fs.readFileSync('/tmp/mine', 'utf8'), visitors: visitors.length }
    }
    process.on('SIGTERM', () => {})
    const found = [globalThis.mine, ...['/tmp', '/fn', '/dev/shm'].map((folder) => tried(() => fs.readFileSync(folder + '/mine', 'utf8')))]
    for (const where of [{ host: '127.0.0.1', port: 4711 }, { path: '\\0duel' }, { path: '/tmp/duel' }]) found.push(await connect(where))
    for (let pid = Math.max(1, process.pid - 300); pid < process.pid + 300; pid++) {
      if (pid === process.pid) continue
      for (const file of ['/environ', '/cmdline', '/root/tmp/mine', '/cwd/mine', '/maps']) found.push(tried(() => fs.readFileSync('/proc/' + pid + file, 'latin1').slice(0, 300)))
      tried(() => process.kill(pid, 'SIGTERM'))
    }
    return found.filter((each) => !/^E[A-Z]+$/.test(each))
  }`
const PYTHON_DUEL = `${PYTHON_WORLD}
import signal, socket, threading
mine = None
visitors = []
def serve(family, where):
    def loop():
        with socket.socket(family) as server:
            server.bind(where)
            server.listen()
            while True:
                other, _ = server.accept()
                visitors.append(1)
                other.sendall(mine.encode())
                other.close()
    threading.Thread(target=lambda: tried(loop), daemon=True).start()
def connect(family, where):
    with socket.socket(family) as made:
        made.settimeout(0.3)
        made.connect(where)
        return made.recv(100).decode()
PLACES = [(socket.AF_INET, ('127.0.0.1', 4711)), (socket.AF_UNIX, '\\0duel'), (socket.AF_UNIX, '/tmp/duel')]
def handler(event, ctx):
    global mine
    if event.get('keep'):
        mine = event['keep']
        for folder in ['/tmp', '/fn', '/dev/shm']: tried(lambda: open(folder + '/mine', 'w').write(mine))
        for place in PLACES: serve(*place)
        time.sleep(0.7)
        return {'mine': mine, 'file': open('/tmp/mine').read(), 'visitors': len(visitors)}
    # The tried ids include those of this program's threads.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    found = [mine] + [tried(lambda: open(folder + '/mine').read()) for folder in ['/tmp', '/fn', '/dev/shm']]
    found += [tried(lambda: connect(*place)) for place in PLACES]
    for pid in range(max(1, os.getpid() - 300), os.getpid() + 300):
        if pid == os.getpid(): continue
        for file in ['environ', 'cmdline', 'root/tmp/mine', 'cwd/mine', 'maps']:
            found.append(tried(lambda: open(f'/proc/{pid}/{file}').read(300)))
        tried(lambda: os.kill(pid, 15))
    return [each for each in found if each and 'Error' not in each]`

export const tenants: HostileProgram[] = [
  {
    name: 'two tenants attack each other: memory, files, sockets, processes',
    group: 'TENANTS',
    stoppedBy: [['net_namespace'], ['own_instance'], ['own_uid', 'pid_namespace']],
    node: NODE_DUEL,
    python: PYTHON_DUEL,
    timeoutSeconds: 10,
    async play(fixture) {
      const other = new Fixture(fixture.environment, fixture.program, other_(fixture.runtime))
      const sides = [fixture, other]
      const keeping = sides.map((side, i) => side.call({ key: 'keep', input: { event: { keep: `secret-of-${i}` } } }))
      await pause(250)
      const attacks = await Promise.all(sides.map((side) => side.call({ key: 'attack', input: { event: {} } })))
      const kept = await Promise.all(keeping)
      other.end()
      attacks.forEach((attack, i) => {
        fixture.check(attack.status === 'ok', `the attack ended with ${attack.status}: ${attack.error?.message}`)
        fixture.check(!textOf(attack).includes('secret-of-'), `tenant ${i} knows ${textOf(attack).slice(0, 300)}`)
      })
      kept.forEach((outcome, i) => {
        const expected = { mine: `secret-of-${i}`, file: `secret-of-${i}`, visitors: 0 }
        fixture.check(
          textOf(outcome) === JSON.stringify(expected),
          `tenant ${i} is ${outcome.status} ${textOf(outcome)}`,
        )
      })
    },
  },
  {
    name: 'reads a segment of shared memory of the machine',
    group: 'TENANTS',
    stoppedBy: [['ipc_namespace', 'seccomp']],
    python: `${PYTHON_WORLD}
shm = syscall(29, 4711, 4096, 0) # shmget
_libc.shmat.restype = ctypes.c_void_p
at = _libc.shmat(shm, None, 0o10000)
result = ctypes.string_at(at, 100).decode('latin1') if at and at < 2 ** 63 else repr(shm)`,
    async play(fixture) {
      const id = segment('segment-of-the-machine')
      try {
        const outcome = await fixture.call()
        fixture.check(!textOf(outcome).includes('segment-of-the-machine'), 'the program has read the segment')
      } finally {
        execFileSync('ipcrm', ['-m', id])
      }
    },
  },
  {
    name: 'exhausts the descriptors that a user may have in flight between sockets',
    group: 'TENANTS',
    stoppedBy: [['own_uid']],
    python: `${PYTHON_WORLD}
import array, socket
held = []
def send(count):
    file = os.open('/dev/null', os.O_RDONLY)
    a, b = socket.socketpair()
    held.extend([a, b])
    a.sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [file] * count))])
def handler(event, ctx):
    if not event['attack']: return send(1)
    for _ in range(6): tried(lambda: send(100))
    time.sleep(0.4)
    return 1`,
    as: 'root',
    async play(fixture) {
      const attack = fixture.call({ key: 'attack', input: { event: { attack: true } } })
      await pause(200)
      const { status, error } = await fixture.call({ key: 'other', input: { event: { attack: false } } })
      fixture.check(status === 'ok', `another tenant cannot send a descriptor: ${error?.message}`)
      await attack
    },
  },
]

const other_ = (runtime: Runtime): Runtime => (runtime === 'nodejs20' ? 'python3.11' : 'nodejs20')

const textOf = ({ result }: Outcome): string => (result ? Buffer.from(result.body).toString() : '')

/** Creates a shared memory segment with this text that all users may read; returns its id. */
function segment(text: string): string {
  const code = `
import ctypes
libc = ctypes.CDLL(None)
libc.shmat.restype = ctypes.c_void_p
id = libc.shmget(4711, 4096, 0o1644)
ctypes.memmove(libc.shmat(id, None, 0), ${JSON.stringify(text)}.encode(), ${text.length})
print(id)`
  return execFileSync('python3', ['-c', code], { encoding: 'utf8' }).trim()
}
