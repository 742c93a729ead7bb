/** Numbers of system calls by name, for one architecture. */
export interface SyscallTable {
  /** AUDIT_ARCH_* of this architecture. */
  arch: number
  /** Calls that are allowed with any arguments. */
  allowed: Readonly<Record<string, number>>
  /** Calls that are allowed with some arguments, or denied with another error. See the rules in seccomp.ts. */
  special: Readonly<Record<'clone' | 'clone3' | 'fcntl' | 'ioctl' | 'prctl' | 'socket' | 'socketpair', number>>
}

// The calls that Node 20 to 24, Python 3.11 to 3.13 and ordinary programs need. Three kinds of calls are left out. Some reach beyond the
// sandbox: ptrace, mounts, modules, keys, bpf, perf, io_uring, memory of other processes. Some use unlimited resources: memfd, System V
// memory, message queues, asynchronous I/O. Some reveal how other processes use shared files: inotify, mincore, preadv2. The calls sync and
// syncfs are also left out, because they would block the disks of the machine.

// biome-ignore format: rows of a table
const X64 = {
  // files
  read: 0, write: 1, readv: 19, writev: 20, pread64: 17, pwrite64: 18, preadv: 295, pwritev: 296, open: 2,
  openat: 257, openat2: 437, creat: 85, close: 3, close_range: 436, lseek: 8, stat: 4, fstat: 5, lstat: 6,
  newfstatat: 262, statx: 332, statfs: 137, fstatfs: 138, access: 21, faccessat: 269, faccessat2: 439, readlink: 89,
  readlinkat: 267, getcwd: 79, chdir: 80, fchdir: 81, mkdir: 83, mkdirat: 258, rmdir: 84, unlink: 87, unlinkat: 263,
  rename: 82, renameat: 264, renameat2: 316, link: 86, linkat: 265, symlink: 88, symlinkat: 266, truncate: 76,
  ftruncate: 77, fallocate: 285, chmod: 90, fchmod: 91, fchmodat: 268, chown: 92, fchown: 93, lchown: 94,
  fchownat: 260, umask: 95, utime: 132, utimes: 235, utimensat: 280, futimesat: 261, getdents: 78, getdents64: 217,
  fsync: 74, fdatasync: 75, sync_file_range: 277, flock: 73, fadvise64: 221, readahead: 187, copy_file_range: 326,
  sendfile: 40, getxattr: 191, lgetxattr: 192, fgetxattr: 193, listxattr: 194, llistxattr: 195, flistxattr: 196,
  dup: 32, dup2: 33, dup3: 292, pipe: 22, pipe2: 293,
  // waiting
  poll: 7, ppoll: 271, select: 23, pselect6: 270, epoll_create: 213, epoll_create1: 291, epoll_ctl: 233,
  epoll_wait: 232, epoll_pwait: 281, epoll_pwait2: 441, eventfd: 284, eventfd2: 290, signalfd: 282, signalfd4: 289,
  timerfd_create: 283, timerfd_settime: 286, timerfd_gettime: 287,
  // memory
  brk: 12, mmap: 9, munmap: 11, mprotect: 10, mremap: 25, madvise: 28, msync: 26, mlock: 149, munlock: 150,
  mlock2: 325, mlockall: 151, munlockall: 152, pkey_alloc: 330, pkey_free: 331, pkey_mprotect: 329, membarrier: 324,
  // processes
  fork: 57, vfork: 58, execve: 59, execveat: 322, exit: 60, exit_group: 231, wait4: 61, waitid: 247, getpid: 39,
  getppid: 110, gettid: 186, getuid: 102, geteuid: 107, getgid: 104, getegid: 108, getresuid: 118, getresgid: 120,
  getgroups: 115, getpgid: 121, getpgrp: 111, setpgid: 109, getsid: 124, setsid: 112, kill: 62, tkill: 200,
  tgkill: 234, pause: 34, rt_sigaction: 13, rt_sigprocmask: 14, rt_sigreturn: 15, rt_sigpending: 127,
  rt_sigtimedwait: 128, rt_sigqueueinfo: 129, rt_tgsigqueueinfo: 297, rt_sigsuspend: 130, sigaltstack: 131,
  restart_syscall: 219, set_tid_address: 218, set_robust_list: 273, get_robust_list: 274, rseq: 334, futex: 202,
  futex_waitv: 449, arch_prctl: 158, capget: 125, getrlimit: 97, setrlimit: 160, prlimit64: 302, getrusage: 98,
  times: 100, sysinfo: 99, uname: 63, getcpu: 309, sched_yield: 24, sched_getaffinity: 204, sched_setaffinity: 203,
  sched_getparam: 143, sched_getscheduler: 145, sched_get_priority_max: 146, sched_get_priority_min: 147,
  sched_rr_get_interval: 148, getpriority: 140, setpriority: 141,
  // time
  time: 201, gettimeofday: 96, clock_gettime: 228, clock_getres: 229, clock_nanosleep: 230, nanosleep: 35,
  alarm: 37, getitimer: 36, setitimer: 38, timer_create: 222, timer_settime: 223, timer_gettime: 224,
  timer_getoverrun: 225, timer_delete: 226, getrandom: 318,
  // sockets
  connect: 42, accept: 43, accept4: 288, bind: 49, listen: 50, shutdown: 48, getsockname: 51, getpeername: 52,
  getsockopt: 55, setsockopt: 54, sendto: 44, recvfrom: 45, sendmsg: 46, recvmsg: 47, sendmmsg: 307, recvmmsg: 299,
} as const

// biome-ignore format: rows of a table
const ARM64 = {
  // files
  read: 63, write: 64, readv: 65, writev: 66, pread64: 67, pwrite64: 68, preadv: 69, pwritev: 70, openat: 56,
  openat2: 437, close: 57, close_range: 436, lseek: 62, fstat: 80, newfstatat: 79, statx: 291, statfs: 43,
  fstatfs: 44, faccessat: 48, faccessat2: 439, readlinkat: 78, getcwd: 17, chdir: 49, fchdir: 50, mkdirat: 34,
  unlinkat: 35, renameat: 38, renameat2: 276, linkat: 37, symlinkat: 36, truncate: 45, ftruncate: 46, fallocate: 47,
  fchmod: 52, fchmodat: 53, fchown: 55, fchownat: 54, umask: 166, utimensat: 88, getdents64: 61, fsync: 82,
  fdatasync: 83, sync_file_range: 84, flock: 32, fadvise64: 223, readahead: 213, copy_file_range: 285, sendfile: 71,
  getxattr: 8, lgetxattr: 9, fgetxattr: 10, listxattr: 11, llistxattr: 12, flistxattr: 13, dup: 23, dup3: 24,
  pipe2: 59,
  // waiting
  ppoll: 73, pselect6: 72, epoll_create1: 20, epoll_ctl: 21, epoll_pwait: 22, epoll_pwait2: 441, eventfd2: 19,
  signalfd4: 74, timerfd_create: 85, timerfd_settime: 86, timerfd_gettime: 87,
  // memory
  brk: 214, mmap: 222, munmap: 215, mprotect: 226, mremap: 216, madvise: 233, msync: 227, mlock: 228, munlock: 229,
  mlock2: 284, mlockall: 230, munlockall: 231, pkey_alloc: 289, pkey_free: 290, pkey_mprotect: 288, membarrier: 283,
  // processes
  execve: 221, execveat: 281, exit: 93, exit_group: 94, wait4: 260, waitid: 95, getpid: 172, getppid: 173,
  gettid: 178, getuid: 174, geteuid: 175, getgid: 176, getegid: 177, getresuid: 148, getresgid: 150, getgroups: 158,
  getpgid: 155, setpgid: 154, getsid: 156, setsid: 157, kill: 129, tkill: 130, tgkill: 131, rt_sigaction: 134,
  rt_sigprocmask: 135, rt_sigreturn: 139, rt_sigpending: 136, rt_sigtimedwait: 137, rt_sigqueueinfo: 138,
  rt_tgsigqueueinfo: 240, rt_sigsuspend: 133, sigaltstack: 132, restart_syscall: 128, set_tid_address: 96,
  set_robust_list: 99, get_robust_list: 100, rseq: 293, futex: 98, futex_waitv: 449, capget: 90, getrlimit: 163,
  setrlimit: 164, prlimit64: 261, getrusage: 165, times: 153, sysinfo: 179, uname: 160, getcpu: 168,
  sched_yield: 124, sched_getaffinity: 123, sched_setaffinity: 122, sched_getparam: 121, sched_getscheduler: 120,
  sched_get_priority_max: 125, sched_get_priority_min: 126, sched_rr_get_interval: 127, getpriority: 141,
  setpriority: 140,
  // time
  gettimeofday: 169, clock_gettime: 113, clock_getres: 114, clock_nanosleep: 115, nanosleep: 101, getitimer: 102,
  setitimer: 103, timer_create: 107, timer_settime: 110, timer_gettime: 108, timer_getoverrun: 109,
  timer_delete: 111, getrandom: 278,
  // sockets
  connect: 203, accept: 202, accept4: 242, bind: 200, listen: 201, shutdown: 210, getsockname: 204,
  getpeername: 205, getsockopt: 209, setsockopt: 208, sendto: 206, recvfrom: 207, sendmsg: 211, recvmsg: 212,
  sendmmsg: 269, recvmmsg: 243,
} as const

/** Tables by Node's name of the architecture. The table for arm64 is not tested on a machine. */
export const SYSCALLS: Readonly<Record<string, SyscallTable>> = {
  x64: {
    arch: 0xc000003e,
    allowed: X64,
    special: { clone: 56, clone3: 435, fcntl: 72, ioctl: 16, prctl: 157, socket: 41, socketpair: 53 },
  },
  arm64: {
    arch: 0xc00000b7,
    allowed: ARM64,
    special: { clone: 220, clone3: 435, fcntl: 25, ioctl: 29, prctl: 167, socket: 198, socketpair: 199 },
  },
}
