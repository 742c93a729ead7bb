import { SYSCALLS, type SyscallTable } from './syscalls.ts'

// Builds the seccomp filter for bubblewrap's --seccomp: an array of `struct sock_filter` of classic BPF.

const LOAD = 0x20
const JUMP_EQUAL = 0x15
const JUMP_ANY_BIT = 0x45
const JUMP_AT_LEAST = 0x35
const RETURN = 0x06

const ALLOW = 0x7fff0000
const KILL_PROCESS = 0x80000000
const fail = (errno: number) => 0x00050000 | errno
const [EPERM, EINVAL, ENOTTY, ENOSYS, EAFNOSUPPORT] = [1, 22, 25, 38, 97]

/** Offsets in `struct seccomp_data`. Only the lower half of arguments is tested: the kernel ignores the upper half of these. */
const NUMBER = 0
const ARCH = 4
const argument = (index: number) => 16 + 8 * index

const X32_BIT = 0x40000000
const NEW_NAMESPACES = 0x7e020000
const AF_UNIX = 1
const AF_INET = 2
const AF_INET6 = 10
const AF_NETLINK = 16

/** Commands of fcntl that reveal how other processes use a file: F_SETLEASE, F_NOTIFY. */
const FCNTL_DENIED = [1024, 1026]
/** Queries of terminals, sockets and interfaces; non-blocking and close-on-exec flags; copying by reference. */
const IOCTL_ALLOWED = [
  0x5401, 0x5413, 0x541b, 0x5421, 0x5450, 0x5451, 0x5452, 0x8910, 0x8912, 0x8913, 0x8915, 0x8927, 0x8933, 0x40049409,
]
/** Names of threads and memory, dumpable, timer slack, huge pages, no_new_privs, and reading settings. */
const PRCTL_ALLOWED = [2, 3, 4, 15, 16, 21, 23, 27, 29, 30, 38, 39, 41, 42, 0x53564d41]

type Instruction = [code: number, ifTrue: number, ifFalse: number, value: number]

/** Returns instructions that end with `whenEqual` if the argument is one of `values`, otherwise with `otherwise`. */
function matchArgument(index: number, values: readonly number[], whenEqual: number, otherwise: number): Instruction[] {
  return [
    [LOAD, 0, 0, argument(index)],
    ...values.map((value, i): Instruction => [JUMP_EQUAL, values.length - i, 0, value]),
    [RETURN, 0, 0, otherwise],
    [RETURN, 0, 0, whenEqual],
  ]
}

function specialRules({ special }: SyscallTable): [number, Instruction[]][] {
  return [
    [special.fcntl, matchArgument(1, FCNTL_DENIED, fail(EINVAL), ALLOW)],
    [special.ioctl, matchArgument(1, IOCTL_ALLOWED, ALLOW, fail(ENOTTY))],
    [special.prctl, matchArgument(0, PRCTL_ALLOWED, ALLOW, fail(EPERM))],
    [special.socketpair, matchArgument(0, [AF_UNIX], ALLOW, fail(EAFNOSUPPORT))],
    [
      special.socket,
      [
        [LOAD, 0, 0, argument(0)],
        [JUMP_EQUAL, 5, 0, AF_UNIX],
        [JUMP_EQUAL, 4, 0, AF_INET],
        [JUMP_EQUAL, 3, 0, AF_INET6],
        [JUMP_EQUAL, 0, 3, AF_NETLINK],
        // Only NETLINK_ROUTE of netlink, which lists interfaces.
        [LOAD, 0, 0, argument(2)],
        [JUMP_EQUAL, 0, 1, 0],
        [RETURN, 0, 0, ALLOW],
        [RETURN, 0, 0, fail(EAFNOSUPPORT)],
      ],
    ],
    [
      special.clone,
      [
        [LOAD, 0, 0, argument(0)],
        [JUMP_ANY_BIT, 0, 1, NEW_NAMESPACES],
        [RETURN, 0, 0, fail(EPERM)],
        [RETURN, 0, 0, ALLOW],
      ],
    ],
    // Filters cannot read the flags of clone3, which are in memory; libc falls back to clone.
    [special.clone3, [[RETURN, 0, 0, fail(ENOSYS)]]],
  ]
}

/**
 * Builds the filter for an architecture. Unlisted calls return ENOSYS, on which libraries fall back; calls of another architecture (32 bits, x32)
 * kill the process. Returns null if there is no table for the architecture.
 */
export function seccompFilter(machine: string): Buffer | null {
  const table = SYSCALLS[machine]
  if (!table) return null
  const program: Instruction[] = [
    [LOAD, 0, 0, ARCH],
    [JUMP_EQUAL, 1, 0, table.arch],
    [RETURN, 0, 0, KILL_PROCESS],
    [LOAD, 0, 0, NUMBER],
    [JUMP_AT_LEAST, 0, 1, X32_BIT],
    [RETURN, 0, 0, KILL_PROCESS],
  ]
  for (const [number, rule] of specialRules(table)) program.push([JUMP_EQUAL, 0, rule.length, number], ...rule)
  for (const number of Object.values(table.allowed)) program.push([JUMP_EQUAL, 0, 1, number], [RETURN, 0, 0, ALLOW])
  program.push([RETURN, 0, 0, fail(ENOSYS)])

  const bytes = Buffer.alloc(8 * program.length)
  for (const [i, [code, ifTrue, ifFalse, value]] of program.entries()) {
    bytes.writeUInt16LE(code, 8 * i)
    bytes.writeUInt8(ifTrue, 8 * i + 2)
    bytes.writeUInt8(ifFalse, 8 * i + 3)
    bytes.writeUInt32LE(value >>> 0, 8 * i + 4)
  }
  return bytes
}
