/**
 * What stands between a guest and the rest of the world, each by its own name. All are in force always; only the tests switch one off, to
 * show that a hostile program gets through then, and so that it is this one which stops it.
 */
export const PROTECTIONS = {
  own_uid: 'each instance has a user id of its own (as root)',
  empty_environment: 'nothing of the server’s environment is there',
  descriptors: 'descriptors that the server inherited are not passed on',
  pid_namespace: 'processes outside cannot be seen or signalled',
  net_namespace: 'no network, and no abstract sockets of others',
  ipc_namespace: 'no shared memory of others',
  uts_namespace: 'a host name of its own',
  rootfs: 'only the interpreter and its libraries can be seen',
  read_only_root: 'the root cannot be written',
  bounded_files: 'temporary files have a limit',
  few_devices: '/dev has null, zero, full, random and urandom only',
  fake_proc: '/proc is a folder of fixed files',
  new_session: 'its group of processes is not the server’s, which it could signal',
  no_capabilities: 'no privileges, not even over its own namespaces',
  no_nested_namespaces: 'no user namespace can be made inside',
  seccomp: 'only system calls of a list',
  rlimits: 'limits on files, descriptors, processes, locked memory, core dumps',
  memory_limit: 'memory is bounded, by cgroup or rlimit',
  process_limit: 'processes and threads are bounded by cgroup',
  cpu_limit: 'processor time is bounded by cgroup',
  frame_caps: 'no frame longer than its kind may be is read',
  frame_order: 'only what the live call may say is heard',
  drop_after_kill: 'nothing that a killed guest has sent is heard',
  result_check: 'a result is one JSON document within its limits',
  log_cap: 'who prints without end is killed',
  ask_cap: 'who asks without reading the answers is killed',
  deadline: 'a call that takes too long is killed',
  kill_all: 'a kill cannot be caught, and ends every process of the instance',
  die_with_parent: 'guests end with the server, however it ends',
  strays: 'an instance in which processes are left over is not used again',
  paused_when_idle: 'nothing runs between calls',
  own_instance: 'an instance serves one program only',
  probe: 'a boundary in which something of this is missing is not used',
} as const

export type Protections = Record<keyof typeof PROTECTIONS, boolean>

export const ALL_PROTECTIONS = Object.fromEntries(
  Object.keys(PROTECTIONS).map((name) => [name, true]),
) as Readonly<Protections>

/** All but these, for tests. Nothing is tried at the start then: that would refuse what is left. */
export function protectionsWithout(...names: (keyof Protections)[]): Readonly<Protections> {
  return { ...ALL_PROTECTIONS, ...Object.fromEntries([...names, 'probe'].map((name) => [name, false])) }
}
