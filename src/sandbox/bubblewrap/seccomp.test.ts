import { describe, expect, test } from 'vitest'
import { seccompFilter } from './seccomp.ts'
import { SYSCALLS } from './syscalls.ts'

/** Runs the filter and returns the verdict on a system call: `allow`, `kill`, or an error number. */
function verdict(
  machine: string,
  number: number,
  args: number[] = [],
  arch = SYSCALLS[machine]!.arch,
): string | number {
  const program = seccompFilter(machine)!
  const data = Buffer.alloc(64)
  data.writeUInt32LE(number >>> 0, 0)
  data.writeUInt32LE(arch, 4)
  for (const [i, arg] of args.entries()) data.writeBigUInt64LE(BigInt(arg), 16 + 8 * i)
  let accumulator = 0
  for (let at = 0; at < program.length / 8; at++) {
    const code = program.readUInt16LE(8 * at)
    const value = program.readUInt32LE(8 * at + 4)
    const jump = (holds: boolean) => {
      at += program.readUInt8(8 * at + (holds ? 2 : 3))
    }
    if (code === 0x20) accumulator = data.readUInt32LE(value)
    else if (code === 0x15) jump(accumulator === value)
    else if (code === 0x35) jump(accumulator >= value)
    else if (code === 0x45) jump((accumulator & value) !== 0)
    else if (code === 0x06) return value === 0x7fff0000 ? 'allow' : value === 0x80000000 ? 'kill' : value - 0x50000
    else throw new Error(`instruction ${code}`)
  }
  throw new Error('the filter has no final return')
}

const [EPERM, EINVAL, ENOTTY, ENOSYS, EAFNOSUPPORT] = [1, 22, 25, 38, 97]

/** System calls of x64 that must never be allowed. */
const DANGEROUS = {
  ptrace: 101,
  process_vm_readv: 310,
  process_vm_writev: 311,
  kcmp: 312,
  pidfd_open: 434,
  pidfd_getfd: 438,
  pidfd_send_signal: 424,
  unshare: 272,
  setns: 308,
  mount: 165,
  umount2: 166,
  pivot_root: 155,
  chroot: 161,
  open_tree: 428,
  move_mount: 429,
  fsopen: 430,
  fsmount: 432,
  mount_setattr: 442,
  bpf: 321,
  perf_event_open: 298,
  userfaultfd: 323,
  io_uring_setup: 425,
  io_uring_enter: 426,
  io_uring_register: 427,
  io_setup: 206,
  keyctl: 250,
  add_key: 248,
  request_key: 249,
  open_by_handle_at: 304,
  name_to_handle_at: 303,
  init_module: 175,
  finit_module: 313,
  delete_module: 176,
  kexec_load: 246,
  reboot: 169,
  swapon: 167,
  syslog: 103,
  acct: 163,
  settimeofday: 164,
  clock_settime: 227,
  adjtimex: 159,
  mknod: 133,
  mknodat: 259,
  personality: 135,
  seccomp: 317,
  memfd_create: 319,
  memfd_secret: 447,
  shmget: 29,
  msgget: 68,
  semget: 64,
  mq_open: 240,
  setuid: 105,
  setgid: 106,
  setgroups: 116,
  sethostname: 170,
  iopl: 172,
  ioperm: 173,
  modify_ldt: 154,
  vmsplice: 278,
  splice: 275,
  inotify_init1: 294,
  fanotify_init: 300,
  mincore: 27,
  preadv2: 327,
  sync: 162,
  syncfs: 306,
  setxattr: 188,
  clone3: 435,
  lookup_dcookie: 212,
  quotactl: 179,
  landlock_create_ruleset: 444,
}

test('unlisted calls return ENOSYS, and dangerous calls are not listed', () => {
  for (const [name, number] of Object.entries(DANGEROUS))
    expect({ name, verdict: verdict('x64', number) }).toEqual({ name, verdict: ENOSYS })
  expect(verdict('x64', 9999)).toBe(ENOSYS)
})

test('calls of another architecture kill the process', () => {
  expect(verdict('x64', 0, [], 0x40000003)).toBe('kill')
  expect(verdict('x64', 0x40000000 | 1)).toBe('kill')
})

test('an architecture without a table has no filter', () => {
  expect(seccompFilter('ppc64')).toBeNull()
})

describe.each(Object.keys(SYSCALLS))('on %s', (machine) => {
  const { allowed, special } = SYSCALLS[machine]!

  test('all listed calls are allowed, and each number occurs once', () => {
    for (const [name, number] of Object.entries(allowed))
      expect({ name, verdict: verdict(machine, number) }).toEqual({ name, verdict: 'allow' })
    const numbers = [...Object.values(allowed), ...Object.values(special)]
    expect(new Set(numbers).size).toBe(numbers.length)
  })

  test.each([
    ['threads and processes', 'clone', [0x3d0f00], 'allow'],
    ['a new user namespace', 'clone', [0x10000000], EPERM],
    ['a new network namespace', 'clone', [0x40000011], EPERM],
    ['an internet socket', 'socket', [2, 1, 0], 'allow'],
    ['a local socket', 'socket', [1, 1, 0], 'allow'],
    ['the list of interfaces', 'socket', [16, 3, 0], 'allow'],
    ['audit over netlink', 'socket', [16, 3, 9], EAFNOSUPPORT],
    ['netfilter over netlink', 'socket', [16, 3, 12], EAFNOSUPPORT],
    ['the hypervisor', 'socket', [40, 1, 0], EAFNOSUPPORT],
    ['raw frames', 'socket', [17, 3, 0], EAFNOSUPPORT],
    ['the kernel’s ciphers', 'socket', [38, 5, 0], EAFNOSUPPORT],
    ['a local pair', 'socketpair', [1, 1, 0], 'allow'],
    ['a pair of another kind', 'socketpair', [2, 1, 0], EAFNOSUPPORT],
    ['whether it is a terminal', 'ioctl', [0, 0x5401], 'allow'],
    ['typing into a terminal', 'ioctl', [0, 0x5412], ENOTTY],
    ['pasting on a console', 'ioctl', [0, 0x541c], ENOTTY],
    ['a lease on a file', 'fcntl', [3, 1024], EINVAL],
    ['news of a folder', 'fcntl', [3, 1026], EINVAL],
    ['flags of a descriptor', 'fcntl', [3, 2], 'allow'],
    ['a name for a thread', 'prctl', [15], 'allow'],
    ['surviving its parent', 'prctl', [1], EPERM],
    ['adopting orphans', 'prctl', [36], EPERM],
    ['another filter', 'prctl', [22], EPERM],
  ] as const)('%s: %s', (_, name, args, expected) => {
    expect(verdict(machine, special[name], [...args])).toBe(expected)
    // The upper half of an argument must not hide the lower one.
    if (expected !== 'allow' && args[0] !== 0)
      expect(
        verdict(
          machine,
          special[name],
          args.map((arg) => arg + 2 ** 32),
        ),
      ).not.toBe('kill')
  })
})
