import { readFileSync, readlinkSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import type { Runtime } from '../index.ts'
import type { Instance } from '../instance.ts'
import type { Boundary } from './launch.ts'

/** Tries from inside what must not work; answers with what did. */
const ATTEMPTS: Record<Runtime, string> = {
  nodejs20: `
import fs from 'node:fs'
import net from 'node:net'
const done = []
try { fs.writeFileSync('/written', ''); done.push('its root can be written') } catch {}
if (fs.existsSync('/proc/1')) done.push('processes can be seen')
if (fs.existsSync('/sys')) done.push('/sys can be seen')
await new Promise((resolve) => {
  const socket = net.connect(Number(process.env.PORT), '127.0.0.1')
  socket.on('connect', () => { done.push('the network can be reached'); socket.destroy() })
  socket.on('error', () => {})
  socket.on('close', resolve)
})
export default done
`,
  'python3.11': `
import os, socket
result = []
try:
    open('/written', 'w').close()
    result.append('its root can be written')
except OSError:
    pass
if os.path.exists('/proc/1'): result.append('processes can be seen')
if os.path.exists('/sys'): result.append('/sys can be seen')
try:
    socket.create_connection(('127.0.0.1', int(os.environ['PORT'])), 2).close()
    result.append('the network can be reached')
except OSError:
    pass
`,
}

/** What is not as it must be, each a clause for an operator: seen from outside, and tried from inside. Empty when the boundary stands. */
export async function inspect(instance: Instance, boundary: Boundary): Promise<string[]> {
  const pid = instance.guest.pid()
  if (pid === undefined) return ['its process has ended']
  return [...(await seenFromOutside(pid, boundary)), ...(await triedInside(instance))]
}

async function seenFromOutside(pid: number, { uids, groups }: Boundary): Promise<string[]> {
  const wrong: string[] = []
  const check = (isRight: boolean, what: string) => {
    if (!isRight) wrong.push(what)
  }
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const field = (name: string) => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1]?.trim() ?? ''
  const [uid] = field('Uid').split(/\s+/)
  const isItsOwn = uids
    ? Number(uid) >= uids.first && Number(uid) < uids.first + uids.count
    : uid !== '0' && uid === String(process.getuid!())
  check(isItsOwn, `it runs as user ${uid}`)
  check(/^0+$/.test(field('CapEff')), 'it has capabilities')
  check(field('NoNewPrivs') === '1', 'it can gain privileges')
  check(field('Seccomp') === '2', 'no filter of system calls is in force')
  for (const namespace of ['user', 'mnt', 'pid', 'net', 'ipc', 'uts']) {
    // What cannot be read cannot be compared; the attempts from inside tell.
    const theirs = linkOf(`/proc/${pid}/ns/${namespace}`)
    check(
      theirs === null || theirs !== linkOf(`/proc/self/ns/${namespace}`),
      `it has no ${namespace} namespace of its own`,
    )
  }
  check(/^Max open files\s+256\s+256\s/m.test(readFileSync(`/proc/${pid}/limits`, 'utf8')), 'its rlimits are not set')
  if (groups) {
    const groupName = groups.folders[0]!.split('/').at(-1)!
    check(readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes(groupName), 'it is in no control group of ours')
  }
  return wrong
}

async function triedInside(instance: Instance): Promise<string[]> {
  const listener = createServer((socket) => socket.destroy())
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  try {
    const { runtime } = instance
    const entry = runtime === 'nodejs20' ? 'attempts.mjs' : 'attempts.py'
    const { port } = listener.address() as AddressInfo
    const program = {
      key: null,
      runtime,
      entry,
      files: { [entry]: ATTEMPTS[runtime] },
      env: { PORT: String(port) },
      isolation: 'fresh',
      memory_mb: instance.memoryMb,
    } as const
    instance.specialise(program)
    const call = { program, mode: 'script', input: {}, timeout_seconds: 10, output_limit_bytes: 10_000 } as const
    const { status, result, error } = await instance.run(call, performance.now(), true)
    if (status !== 'ok' || result?.kind !== 'json') return [`a program in it ended with ${status}: ${error?.message}`]
    return JSON.parse(Buffer.from(result.body).toString()) as string[]
  } finally {
    listener.close()
  }
}

function linkOf(path: string): string | null {
  try {
    return readlinkSync(path)
  } catch {
    return null
  }
}
