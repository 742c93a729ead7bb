import { existsSync, readdirSync, readFileSync, statfsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Fixture } from '../fixture.ts'
import { descriptorsOf, memoryMbOf, rootOf } from '../host-checks.ts'
import { NODE_WORLD, PYTHON_WORLD } from '../preludes.ts'
import type { HostileProgram } from '../program.ts'

const WAS_HERE = 'was-here'

/** Finds files of this name in the guest’s root, outside its two writable folders. */
function written(root: string, folder = '/', depth = 0): string[] {
  if (['/tmp', '/fn', '/proc', '/sys'].includes(folder) || depth > 4) return []
  let entries: import('node:fs').Dirent[] = []
  try {
    entries = readdirSync(root + folder, { withFileTypes: true })
  } catch {
    // The guest cannot read a folder that the server cannot read.
  }
  return entries.flatMap((entry) => {
    if (entry.name === WAS_HERE) return [join(folder, entry.name)]
    return entry.isDirectory() ? written(root, join(folder, entry.name), depth + 1) : []
  })
}

const NODE_WRITES = `${NODE_WORLD}
  import fs from 'node:fs'
  import path from 'node:path'
  const folders = ['/']
  for (let at = 0; at < folders.length && at < 3000; at++) {
    tried(() => fs.writeFileSync(path.join(folders[at], '${WAS_HERE}'), 'x'))
    for (const entry of [tried(() => fs.readdirSync(folders[at], { withFileTypes: true }))].flat())
      if (entry.isDirectory?.()) folders.push(path.join(folders[at], entry.name))
  }
  for (const file of [environment.file, environment.folder + '/inner/secret', '/opt/run/node.mjs', '/etc/hosts']) {
    tried(() => fs.chmodSync(file, 0o666))
    tried(() => fs.appendFileSync(file, 'x'))
    tried(() => fs.unlinkSync(file))
  }
  ready()`
const PYTHON_WRITES = `${PYTHON_WORLD}
for at, (folder, _, _) in enumerate(os.walk('/')):
    tried(lambda: open(os.path.join(folder, '${WAS_HERE}'), 'w').close())
    if at > 3000: break
for file in [environment['file'], environment['folder'] + '/inner/secret', '/opt/run/python.py', '/etc/hosts']:
    tried(lambda: os.chmod(file, 0o666))
    tried(lambda: open(file, 'a').write('x'))
    tried(lambda: os.unlink(file))
ready()`
const lookForWritten = (fixture: Fixture) => {
  for (const path of written(rootOf(fixture.seen().interpreter))) fixture.breach(`the program has written ${path}`)
}

export const fs: HostileProgram[] = [
  {
    name: 'reads files of the machine',
    group: 'FS',
    stoppedBy: [['rootfs']],
    node: `${NODE_WORLD}
      import fs from 'node:fs'
      const paths = ['/etc/shadow', '/etc/passwd', environment.file, environment.folder + '/inner/secret', '/proc/1/root' + environment.file,
        '/proc/self/root/..' + environment.file, '/proc/self/cwd/../../..' + environment.file, '/../../..' + environment.file]
      export default paths.map((path) => tried(() => fs.readFileSync(path, 'utf8').slice(0, 1000)))`,
    python: `${PYTHON_WORLD}
paths = ['/etc/shadow', '/etc/passwd', environment['file'], environment['folder'] + '/inner/secret', '/proc/1/root' + environment['file'],
    '/proc/self/root/..' + environment['file'], '/proc/self/cwd/../../..' + environment['file'], '/../../..' + environment['file']]
result = [tried(lambda: open(path).read(1000)) for path in paths]`,
  },
  {
    name: 'reads files of the machine through links',
    group: 'FS',
    stoppedBy: [['rootfs']],
    node: `${NODE_WORLD}
      import fs from 'node:fs'
      const found = []
      for (const [i, make] of [fs.symlinkSync, fs.linkSync].entries()) {
        found.push(tried(() => make(environment.file, '/fn/file' + i)), tried(() => fs.readFileSync('/fn/file' + i, 'utf8')))
        found.push(tried(() => make(environment.folder, '/tmp/folder' + i)))
        found.push(tried(() => fs.readFileSync('/tmp/folder' + i + '/inner/secret', 'utf8')))
      }
      export default found`,
    python: `${PYTHON_WORLD}
result = []
for i, make in enumerate([os.symlink, os.link]):
    result += [tried(lambda: make(environment['file'], f'/fn/file{i}')), tried(lambda: open(f'/fn/file{i}').read())]
    result += [tried(lambda: make(environment['folder'], f'/tmp/folder{i}'))]
    result += [tried(lambda: open(f'/tmp/folder{i}/inner/secret').read())]`,
  },
  {
    name: 'writes to all folders',
    group: 'FS',
    as: 'root',
    stoppedBy: [['rootfs', 'read_only_root']],
    node: NODE_WRITES,
    python: PYTHON_WRITES,
    look: lookForWritten,
  },
  {
    name: 'writes to all folders of the user of the server',
    group: 'FS',
    as: 'user',
    stoppedBy: [['read_only_root']],
    node: NODE_WRITES,
    python: PYTHON_WRITES,
    look: lookForWritten,
  },
  {
    name: 'writes to /dev',
    group: 'FS',
    stoppedBy: [['few_devices']],
    python: `${PYTHON_WORLD}
for path in ['/dev/shm/${WAS_HERE}', '/dev/${WAS_HERE}']:
    tried(lambda: open(path, 'w').write('x' * 1000))
ready()`,
    look(fixture) {
      const root = rootOf(fixture.seen().interpreter)
      for (const path of [`${root}/dev/shm/${WAS_HERE}`, `${root}/dev/${WAS_HERE}`])
        fixture.check(!existsSync(path), 'the program has a folder without a limit in /dev')
    },
  },
  {
    name: 'opens devices of the machine',
    group: 'FS',
    stoppedBy: [['few_devices']],
    node: `${NODE_WORLD}
      import fs from 'node:fs'
      for (const name of ['mem', 'kmsg', 'ptmx', 'pts/ptmx', 'tty', 'console', 'fuse', 'kvm', 'net/tun', 'vda', 'sda', 'loop0'])
        tried(() => fs.openSync('/dev/' + name, 'r'))
      ready()`,
    python: `${PYTHON_WORLD}
held = []
for name in ['mem', 'kmsg', 'ptmx', 'pts/ptmx', 'tty', 'console', 'fuse', 'kvm', 'net/tun', 'vda', 'sda', 'loop0']:
    held.append(tried(lambda: os.open('/dev/' + name, os.O_RDONLY)))
for mode in [0o020666, 0o060666]:
    for device in [(1, 1), (1, 11), (5, 2), (254, 0)]:
        tried(lambda: os.mknod('/tmp/device', mode, os.makedev(*device)))
        held.append(tried(lambda: os.open('/tmp/device', os.O_RDONLY)))
        tried(lambda: os.unlink('/tmp/device'))
ready()`,
    look(fixture) {
      const harmless = ['/dev/null', '/dev/zero', '/dev/full', '/dev/random', '/dev/urandom']
      for (const link of descriptorsOf(fixture.seen().interpreter))
        fixture.check(
          !(link.startsWith('/dev/') || link.startsWith('/tmp/device')) || harmless.includes(link),
          `it has opened ${link}`,
        )
    },
  },
  {
    name: 'allocates all terminals of the machine',
    group: 'FS',
    stoppedBy: [['few_devices']],
    python: `${PYTHON_WORLD}
held = [tried(lambda: os.open('/dev/ptmx', os.O_RDWR)) for _ in range(50)]
ready()`,
    look(fixture) {
      const used = Number(readFileSync('/proc/sys/kernel/pty/nr', 'latin1'))
      fixture.check(used < 40, `${used} terminals of the machine are in use`)
    },
  },
  {
    name: 'fills its disk',
    group: 'FS',
    stoppedBy: [['bounded_files']],
    node: `${NODE_WORLD}
      import fs from 'node:fs'
      const piece = Buffer.alloc(1 << 20, 1)
      for (let i = 0; i < 100; i++) for (const folder of ['/tmp', '/fn']) tried(() => fs.writeFileSync(folder + '/f' + i, piece))
      ready()`,
    python: `${PYTHON_WORLD}
piece = b'x' * (1 << 20)
for i in range(100):
    for folder in ['/tmp', '/fn']:
        tried(lambda: open(f'{folder}/f{i}', 'wb').write(piece))
ready()`,
    look(fixture) {
      const used = ['/tmp', '/fn'].reduce((sum, folder) => {
        const { blocks, bfree, bsize } = statfsSync(rootOf(fixture.seen().interpreter) + folder)
        return sum + ((blocks - bfree) * bsize) / (1 << 20)
      }, 0)
      fixture.check(used <= 81, `files of the program take ${Math.round(used)} MB`)
    },
  },
  {
    name: 'fills its disk with empty files',
    group: 'FS',
    memoryMb: 64,
    timeoutSeconds: 10,
    stoppedBy: [['memory_limit']],
    python: `${PYTHON_WORLD}
try:
    for folder in range(90):
        os.mkdir(f'/tmp/{folder}')
        for file in range(1000): os.close(os.open(f'/tmp/{folder}/{file}', os.O_CREAT))
except OSError:
    pass
ready()`,
    mayEndBefore: true,
    ends: ['memory', 'cancelled', 'crashed'],
    look(fixture) {
      const used = memoryMbOf(fixture.seen())
      fixture.check(used < 66, `files of the program take ${Math.round(used)} MB of memory`)
    },
  },
  {
    name: 'opens as many files as it can',
    group: 'FS',
    stoppedBy: [['rlimits']],
    node: `${NODE_WORLD}
      import fs from 'node:fs'
      for (let i = 0; i < 1000; i++) tried(() => fs.openSync('/dev/null'))
      ready()`,
    python: `${PYTHON_WORLD}
held = [tried(lambda: os.open('/dev/null', os.O_RDONLY)) for _ in range(1000)]
ready()`,
    look(fixture) {
      const open = descriptorsOf(fixture.seen().interpreter).length
      fixture.check(open <= 256, `the program has ${open} open descriptors`)
    },
  },
  {
    name: 'creates a file of a terabyte',
    group: 'FS',
    stoppedBy: [['rlimits']],
    node: `${NODE_WORLD}
      import fs from 'node:fs'
      process.on('SIGXFSZ', () => {})
      fs.writeFileSync('/tmp/large', '')
      tried(() => fs.truncateSync('/tmp/large', 2 ** 40))
      ready()`,
    python: `${PYTHON_WORLD}
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
open('/tmp/large', 'w').close()
tried(lambda: os.truncate('/tmp/large', 2 ** 40))
ready()`,
    look(fixture) {
      const { size } = statSync(join(rootOf(fixture.seen().interpreter), 'tmp/large'))
      fixture.check(size <= 64 << 20, `the program has a file of ${size} bytes`)
    },
  },
]
