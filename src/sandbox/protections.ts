/**
 * The protections between a guest and its host, by name. All are always enabled. Only tests disable one, to prove that a hostile program then
 * succeeds and that this protection stops it.
 */
export const PROTECTIONS = {
  own_uid: 'each instance has its own user id (as root)',
  empty_environment: 'the environment of the server is not passed on',
  descriptors: 'descriptors that the server inherited are not passed on',
  pid_namespace: 'processes outside cannot be seen or signalled',
  net_namespace: 'no network, and no abstract sockets of other processes',
  ipc_namespace: 'no shared memory of other processes',
  uts_namespace: 'a separate host name',
  rootfs: 'only the interpreter and its libraries are visible',
  read_only_root: 'the root is not writable',
  bounded_files: 'temporary files have a size limit',
  few_devices: '/dev has null, zero, full, random and urandom only',
  fake_proc: '/proc is a folder of fixed files',
  new_session: 'a separate process group, so that guests cannot signal the group of the server',
  no_capabilities: 'no capabilities, not even in its own namespaces',
  no_nested_namespaces: 'user namespaces cannot be nested',
  seccomp: 'only listed system calls are allowed',
  rlimits: 'limits on files, descriptors, processes, locked memory, core dumps',
  memory_limit: 'memory is limited by cgroup or rlimit',
  process_limit: 'processes and threads are limited by cgroup',
  cpu_limit: 'processor time is limited by cgroup',
  frame_caps: 'a frame longer than its type allows is rejected',
  frame_order: 'only frames that the running call may send are accepted',
  drop_after_kill: 'frames of a killed guest are ignored',
  result_check: 'a result is one JSON document within its limits',
  log_cap: 'a guest with endless output is killed',
  ask_cap: 'a guest that sends requests without reading the replies is killed',
  deadline: 'a call that takes too long is killed',
  kill_all: 'a kill cannot be caught, and ends every process of the instance',
  die_with_parent: 'guests end with the server, however it ends',
  strays: 'an instance with leftover processes is not reused',
  paused_when_idle: 'idle instances are stopped',
  own_instance: 'an instance serves one program only',
  proxy_policy: 'the proxy connects only to hosts of the function’s policy',
  proxy_addresses: 'the proxy connects only to the public address that it checked',
  proxy_sni: 'the proxy compares the server name of TLS with the host',
  proxy_limits: 'connections and bytes of a call are limited',
  inject_host: 'an added header is sent only with requests for its host',
  inject_replace: 'an added header replaces those of the program',
  inject_mask: 'the value of an added header is masked in answers',
  inject_verify: 'an added header is sent only to a host with a valid certificate',
  own_socket: 'each instance has its own socket to the proxy',
  probe: 'a sandbox that lacks one of these protections is not used',
} as const

export type Protections = Record<keyof typeof PROTECTIONS, boolean>

export const ALL_PROTECTIONS = Object.fromEntries(
  Object.keys(PROTECTIONS).map((name) => [name, true]),
) as Readonly<Protections>

/** Returns all protections except these, for tests. Also disables the probe at start, which would reject the weakened sandbox. */
export function protectionsWithout(...names: (keyof Protections)[]): Readonly<Protections> {
  return { ...ALL_PROTECTIONS, ...Object.fromEntries([...names, 'probe'].map((name) => [name, false])) }
}
