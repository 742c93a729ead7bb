import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openGroups } from './cgroups.ts'

// Uses ordinary folders that look like a cgroup file system: tests what is written where, not the kernel's enforcement.

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zerodb-cgroup-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const LIMITS = { memory_bytes: 1000, processes: 64, processors: 0.5 }
const read = (...path: string[]) => readFile(join(folder, ...path), 'utf8')

test('version 1: a folder for each controller, found through its mount and the path of this process below it', async () => {
  for (const path of ['memory/box', 'pids', 'cpu,cpuacct']) await mkdir(join(folder, path), { recursive: true })
  const groups = await openGroups('ours', {
    mountinfo: [
      `30 25 0:26 / ${folder}/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct`,
      // In a container the mount starts at the container's own group.
      `31 25 0:27 /docker/abc ${folder}/memory rw - cgroup cgroup rw,memory`,
      `32 25 0:28 / ${folder}/pids rw - cgroup cgroup rw,pids`,
      `33 25 0:29 / ${folder}/unified rw - cgroup2 cgroup2 rw`,
    ].join('\n'),
    cgroup: '4:memory:/docker/abc/box\n3:pids:/\n2:cpu,cpuacct:/\n0::/\n',
  })
  expect(groups).toMatchObject({ version: 1, controllers: ['memory', 'pids', 'cpu'] })
  const group = await groups!.create('7', LIMITS)
  await group.add(4711)
  expect(await read('memory/box/ours/7/memory.limit_in_bytes')).toBe('1000')
  expect(await read('pids/ours/7/pids.max')).toBe('64')
  expect(await read('cpu,cpuacct/ours/7/cpu.cfs_quota_us')).toBe('50000')
  for (const path of ['memory/box', 'pids', 'cpu,cpuacct']) expect(await read(path, 'ours/7/cgroup.procs')).toBe('4711')

  expect(group.memory()).toBeNull()
  await writeFile(join(folder, 'memory/box/ours/7/memory.usage_in_bytes'), '400\n')
  await writeFile(join(folder, 'memory/box/ours/7/memory.max_usage_in_bytes'), '900\n')
  expect(group.memory()).toEqual({ bytes: 400, peakBytes: 900, limitBytes: 1000 })
  const control = join(folder, 'memory/box/ours/7/memory.oom_control')
  await writeFile(control, 'oom_kill_disable 0\nunder_oom 0\noom_kill 0\n')
  expect(group.ranOutOfMemory()).toBe(false)
  await writeFile(control, 'oom_kill_disable 0\nunder_oom 0\noom_kill 1\n')
  expect(group.ranOutOfMemory()).toBe(true)
})

test('version 2: the server moves into a sibling group of the guests and delegates the controllers', async () => {
  const own = join(folder, 'system.slice/zerodb.service')
  await mkdir(own, { recursive: true })
  await writeFile(join(own, 'cgroup.controllers'), 'cpuset cpu io memory pids\n')
  await writeFile(join(own, 'cgroup.procs'), `${process.pid}\n`)
  const groups = await openGroups('ours', {
    mountinfo: `30 25 0:26 / ${folder} rw - cgroup2 cgroup2 rw,nsdelegate`,
    cgroup: '0::/system.slice/zerodb.service\n',
  })
  expect(groups).toMatchObject({ version: 2, controllers: ['memory', 'pids', 'cpu'], folders: [join(own, 'ours')] })
  const at = (path: string) => readFile(join(own, path), 'utf8')
  expect(await at('ours-server/cgroup.procs')).toBe(String(process.pid))
  expect(await at('cgroup.subtree_control')).toBe('+memory +pids +cpu')
  expect(await at('ours/cgroup.subtree_control')).toBe('+memory +pids +cpu')
  const group = await groups!.create('7', LIMITS)
  await group.add(4711)
  expect(await at('ours/7/memory.max')).toBe('1000')
  expect(await at('ours/7/memory.swap.max')).toBe('0')
  expect(await at('ours/7/pids.max')).toBe('64')
  expect(await at('ours/7/cpu.max')).toBe('50000 100000')
  expect(await at('ours/7/cgroup.procs')).toBe('4711')
  await writeFile(join(own, 'ours/7/memory.events'), 'oom 1\noom_kill 1\n')
  expect(group.ranOutOfMemory()).toBe(true)
})

test.each([
  ['nothing is mounted', '', '0::/\n'],
  ['memory is not delegated', `30 25 0:26 / FOLDER rw - cgroup2 cgroup2 rw`, '0::/\n'],
  ['the group is not writable', `30 25 0:26 / /proc/nowhere rw - cgroup2 cgroup2 rw`, '0::/\n'],
])('control groups are not available if %s', async (_, mountinfo, cgroup) => {
  await writeFile(join(folder, 'cgroup.controllers'), 'cpu\n')
  expect(await openGroups('ours', { mountinfo: mountinfo.replace('FOLDER', folder), cgroup })).toBeNull()
})
