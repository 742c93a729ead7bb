import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { memfd32, memfd64, memfdX32 } from '../elf.ts'
import type { Fixture } from '../fixture.ts'
import { descriptorsOf, linkOf, rootOf, statusOf } from '../host-checks.ts'
import { NODE_WORLD, PYTHON_WORLD } from '../preludes.ts'
import type { HostileProgram } from '../program.ts'

const read = (path: string): string => readFileSync(path, 'latin1')

/** Records a violation for every descriptor of the instance that has one of these kinds. */
const noDescriptor =
  (...kinds: string[]) =>
  (fixture: Fixture) => {
    for (const link of fixture.processes().flatMap(descriptorsOf))
      fixture.check(!kinds.some((kind) => link.startsWith(kind)), `the program holds ${link}`)
  }

/** Returns code that starts a machine code program and waits. */
const runsElf = (name: string) => ({
  node: `${NODE_WORLD}
    import fs from 'node:fs'
    import { spawn } from 'node:child_process'
    fs.chmodSync('/fn/${name}', 0o755)
    spawn('/fn/${name}', { stdio: 'ignore' }).on('error', () => {})
    setTimeout(ready, 100)`,
  python: `${PYTHON_WORLD}
import subprocess
os.chmod('/fn/${name}', 0o755)
child = subprocess.Popen(['/fn/${name}'])
time.sleep(0.1)
ready()`,
})

export const kernel: HostileProgram[] = [
  {
    name: 'creates anonymous files in memory',
    group: 'KERNEL',
    stoppedBy: [['seccomp']],
    python: `${PYTHON_WORLD}
syscall(319, b'was-here', 0) # memfd_create
syscall(447, 0) # memfd_secret
ready()`,
    look: noDescriptor('/memfd:', '/secretmem', 'anon_inode:secretmem'),
  },
  {
    name: 'watches files that all sandboxes share',
    group: 'KERNEL',
    stoppedBy: [['seccomp']],
    python: `${PYTHON_WORLD}
watch = syscall(294, 0) # inotify_init1
syscall(254, watch, b'/opt/run', 0xfff) # inotify_add_watch
syscall(300, 0, 0) # fanotify_init
ready()`,
    look: noDescriptor('anon_inode:inotify', 'anon_inode:[fanotify]'),
  },
  {
    name: 'watches files that all sandboxes share, in Node',
    group: 'KERNEL',
    stoppedBy: [['seccomp']],
    node: `${NODE_WORLD}
      import fs from 'node:fs'
      tried(() => fs.watch('/opt/run', () => {}))
      ready()`,
    look: noDescriptor('anon_inode:inotify'),
  },
  {
    name: 'uses io_uring, BPF, perf counters and userfaultfd',
    group: 'KERNEL',
    stoppedBy: [['seccomp']],
    python: `${PYTHON_WORLD}
memory = ctypes.create_string_buffer(4096)
syscall(425, 8, memory) # io_uring_setup
syscall(321, 0, ctypes.create_string_buffer(b'\\x02\\0\\0\\0\\x04\\0\\0\\0\\x04\\0\\0\\0\\x01\\0\\0\\0', 128), 128) # bpf
syscall(298, ctypes.create_string_buffer(b'\\x01\\0\\0\\0\\x80\\0\\0\\0', 128), 0, -1, -1, 0) # perf_event_open
syscall(323, 1) # userfaultfd for its own faults
syscall(444, 0, 0, 1) # landlock
ready()`,
    look: noDescriptor(
      'anon_inode:[io_uring]',
      'anon_inode:bpf',
      'anon_inode:[perf_event]',
      'anon_inode:[userfaultfd]',
    ),
  },
  {
    name: 'traces another process',
    group: 'KERNEL',
    stoppedBy: [['seccomp']],
    python: `${PYTHON_WORLD}
child = os.fork()
if child == 0:
    while True: time.sleep(1)
for pid in (child, 1):
    syscall(101, 0x4206, pid, 0, 0) # PTRACE_SEIZE
    syscall(434, pid, 0) # pidfd_open
ready()`,
    look(fixture) {
      noDescriptor('anon_inode:[pidfd]')(fixture)
      for (const pid of [fixture.seen().init, ...fixture.processes()])
        fixture.check(['0', ''].includes(statusOf(pid, 'TracerPid')), `process ${pid} is traced`)
    },
  },
  {
    name: 'writes to the memory of another process',
    group: 'KERNEL',
    stoppedBy: [['seccomp']],
    python: `${PYTHON_WORLD}
memory = ctypes.create_string_buffer(b'untouched', 16)
child = os.fork()
if child == 0:
    while memory.value == b'untouched': time.sleep(0.01)
    os.write(1, b'my memory was changed by another\\n')
    time.sleep(20)
class Piece(ctypes.Structure):
    _fields_ = [('at', ctypes.c_void_p), ('length', ctypes.c_size_t)]
other = ctypes.create_string_buffer(b'was-here', 16)
syscall(311, child, ctypes.byref(Piece(ctypes.addressof(other), 16)), 1, ctypes.byref(Piece(ctypes.addressof(memory), 16)), 1, 0)
time.sleep(0.1)
ready()`,
    look() {},
    after(fixture, { stdout }) {
      fixture.check(!stdout.includes('changed by another'), 'the program has written to the memory of another process')
    },
  },
  {
    name: 'creates namespaces',
    group: 'KERNEL',
    stoppedBy: [['no_nested_namespaces', 'seccomp']],
    python: `${PYTHON_WORLD}
for flag in [0x10000000, 0x00020000, 0x20000000, 0x40000000, 0x08000000, 0x04000000, 0x02000000]:
    syscall(272, flag) # unshare
    if syscall(56, flag | 17, 0, 0, 0, 0) == 0: time.sleep(20) # clone
arguments = ctypes.create_string_buffer(88)
arguments[0:8] = (0x10000000).to_bytes(8, 'little')
if syscall(435, arguments, 88) == 0: time.sleep(20) # clone3
ready()`,
    look(fixture) {
      const { init } = fixture.seen()
      for (const pid of fixture.processes())
        for (const name of ['user', 'mnt', 'pid', 'net', 'ipc', 'uts', 'cgroup'])
          fixture.check(
            linkOf(`/proc/${pid}/ns/${name}`) === linkOf(`/proc/${init}/ns/${name}`),
            `process ${pid} is in another ${name} namespace`,
          )
    },
  },
  {
    name: 'mounts file systems and changes its root',
    group: 'KERNEL',
    stoppedBy: [['no_capabilities', 'seccomp']],
    python: `${PYTHON_WORLD}
for folder in ['/tmp/a', '/tmp/b']: os.mkdir(folder)
syscall(165, b'was-here', b'/tmp/a', b'tmpfs', 0, 0) # mount
syscall(165, b'/', b'/tmp/b', 0, 4096, 0)
syscall(165, b'none', b'/', 0, 32 | 4096, 0) # remount the root so that it can be written
syscall(166, b'/fn', 2) # umount
syscall(161, b'/tmp/a') # chroot
syscall(430, b'tmpfs', 0) # fsopen
syscall(428, -100, b'/', 1) # open_tree
ready()`,
    look(fixture) {
      const { interpreter, init } = fixture.seen()
      fixture.check(
        !read(`/proc/${interpreter}/mountinfo`).includes('was-here'),
        'the program has mounted a file system',
      )
      fixture.check(linkOf(rootOf(interpreter)) === linkOf(rootOf(init)), 'the program has changed its root')
      noDescriptor('anon_inode:[fscontext]')(fixture)
    },
  },
  {
    name: 'becomes another user',
    group: 'KERNEL',
    stoppedBy: [],
    inherent: 'the user namespace has only one user id',
    python: `${PYTHON_WORLD}
for call in (106, 105, 123, 122): syscall(call, 0) # setgid, setuid, setfsgid, setfsuid
syscall(117, 0, 0, 0) # setresuid
syscall(116, 1, ctypes.create_string_buffer(4)) # setgroups
syscall(126, ctypes.create_string_buffer(b'\\x22\\x05\\x08\\x20\\0\\0\\0\\0', 8), ctypes.create_string_buffer(b'\\xff' * 24, 24)) # capset
ready()`,
    look(fixture) {
      const { interpreter, init } = fixture.seen()
      for (const field of ['Uid', 'Gid', 'CapEff', 'CapPrm'])
        fixture.check(
          statusOf(interpreter, field) === statusOf(init, field),
          `its ${field} is ${statusOf(interpreter, field)}`,
        )
      fixture.check(/^0+$/.test(statusOf(interpreter, 'CapEff')), 'the program has capabilities')
      const uid = Number(statusOf(interpreter, 'Uid').split('\t')[0])
      fixture.check(
        uid !== 0 && (uid !== process.getuid!() || !fixture.environment.isRoot),
        `the program runs as user ${uid}`,
      )
    },
  },
  {
    name: 'changes the machine: clock, name, modules, swap, scheduler, log',
    group: 'KERNEL',
    stoppedBy: [],
    inherent: 'this needs privileges of the initial user namespace',
    python: `${PYTHON_WORLD}
now = ctypes.create_string_buffer(16)
syscall(164, now, 0) # settimeofday
syscall(227, 0, now) # clock_settime
syscall(159, ctypes.create_string_buffer(208)) # adjtimex
syscall(170, b'was-here', 8) # sethostname
syscall(169, 0xfee1dead, 672274793, 0, 0) # reboot: only that Ctrl-Alt-Del does nothing
syscall(167, b'/tmp', 0) # swapon
syscall(175, b'', 0, b'') # init_module
syscall(246, 0, 0, 0, 0) # kexec_load
syscall(163, 0) # acct
syscall(103, 5, 0, 0) # syslog: clear
syscall(172, 3) # iopl
syscall(144, 0, 1, ctypes.create_string_buffer(b'\\x32\\0\\0\\0', 4)) # sched_setscheduler FIFO
syscall(141, 0, 0, -20) # setpriority
ready()`,
    look(fixture) {
      const { interpreter } = fixture.seen()
      const text = read(`/proc/${interpreter}/stat`)
      const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
      fixture.check(Number(fields[16]) >= 0, `the niceness is ${fields[16]}`)
      fixture.check(fields[38] === '0', `the scheduler is ${fields[38]}`)
      fixture.check(hostname() !== 'was-here', 'the host name of the machine has changed')
      fixture.check(Date.now() > 1_600_000_000_000, 'the clock of the machine has changed')
    },
  },
  {
    name: 'stores keys in the kernel',
    group: 'KERNEL',
    stoppedBy: [['seccomp']],
    python: `${PYTHON_WORLD}
syscall(248, b'user', b'was-here', b'x', 1, -4) # add_key
ready()`,
    look(fixture) {
      const uid = statusOf(fixture.seen().interpreter, 'Uid').split('\t')[0]
      // Without root, this count includes keys of the server.
      if (fixture.environment.isRoot)
        fixture.check(!new RegExp(`^\\s*${uid}:`, 'm').test(read('/proc/key-users')), 'the program has stored a key')
    },
  },
  {
    name: 'switches address space randomisation off',
    group: 'KERNEL',
    stoppedBy: [['seccomp']],
    python: `${PYTHON_WORLD}
syscall(135, 0x0040000) # personality ADDR_NO_RANDOMIZE
ready()`,
    look(fixture) {
      const personality = read(`/proc/${fixture.seen().interpreter}/personality`).trim()
      fixture.check(personality === '00000000', `the personality is ${personality}`)
    },
  },
  {
    name: 'locks memory',
    group: 'KERNEL',
    stoppedBy: [['rlimits']],
    python: `${PYTHON_WORLD}
memory = ctypes.create_string_buffer(1 << 20)
syscall(149, ctypes.c_void_p(ctypes.addressof(memory)), 1 << 20) # mlock
syscall(151, 3) # mlockall
ready()`,
    look(fixture) {
      const locked = statusOf(fixture.seen().interpreter, 'VmLck')
      fixture.check(locked === '0 kB', `the program has locked ${locked}`)
    },
  },
  {
    name: 'makes 64-bit system calls from machine code',
    group: 'KERNEL',
    files: { code: memfd64() },
    stoppedBy: [['seccomp']],
    ...runsElf('code'),
    look: noDescriptor('/memfd:'),
  },
  {
    name: 'makes 32-bit system calls',
    group: 'KERNEL',
    files: { code: memfd32() },
    stoppedBy: [['seccomp']],
    ...runsElf('code'),
    look: noDescriptor('/memfd:'),
  },
  {
    name: 'makes x32 system calls',
    group: 'KERNEL',
    files: { code: memfdX32() },
    stoppedBy: [],
    inherent: 'most kernels do not support x32 calls; on the others the filter kills the program',
    ...runsElf('code'),
    look: noDescriptor('/memfd:'),
  },
]
