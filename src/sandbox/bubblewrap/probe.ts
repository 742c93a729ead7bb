import { readFileSync, readlinkSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import type { Runtime } from '../index.ts'
import type { Instance } from '../instance.ts'
import type { Boundary } from './launch.ts'

/** Programs that attempt forbidden actions in the sandbox and return those that worked. */
const ATTEMPTS: Record<Runtime, string> = {
  nodejs20: `
import fs from 'node:fs'
import net from 'node:net'
const done = []
try { fs.writeFileSync('/written', ''); done.push('its root is writable') } catch {}
if (fs.existsSync('/proc/1')) done.push('processes are visible')
if (fs.existsSync('/sys')) done.push('/sys is visible')
await new Promise((resolve) => {
  const socket = net.connect(Number(process.env.PORT), '127.0.0.1')
  socket.on('connect', () => { done.push('the network is reachable'); socket.destroy() })
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
    result.append('its root is writable')
except OSError:
    pass
if os.path.exists('/proc/1'): result.append('processes are visible')
if os.path.exists('/sys'): result.append('/sys is visible')
try:
    socket.create_connection(('127.0.0.1', int(os.environ['PORT'])), 2).close()
    result.append('the network is reachable')
except OSError:
    pass
`,
}

/** Checks the isolation from outside and inside. Returns the problems, each a clause for the operator. */
export async function findIsolationProblems(instance: Instance, boundary: Boundary): Promise<string[]> {
  const pid = instance.guest.pid()
  if (pid === undefined) return ['its process has ended']
  return [...(await checkFromOutside(pid, boundary)), ...(await attemptInside(instance))]
}

async function checkFromOutside(pid: number, { uids, groups }: Boundary): Promise<string[]> {
  const problems: string[] = []
  const check = (isRight: boolean, problem: string) => {
    if (!isRight) problems.push(problem)
  }
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const field = (name: string) => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1]?.trim() ?? ''
  const [uid] = field('Uid').split(/\s+/)
  const isExpected = uids
    ? Number(uid) >= uids.first && Number(uid) < uids.first + uids.count
    : uid !== '0' && uid === String(process.getuid!())
  check(isExpected, `it runs as user ${uid}`)
  check(/^0+$/.test(field('CapEff')), 'it has capabilities')
  check(field('NoNewPrivs') === '1', 'it can gain privileges')
  check(field('Seccomp') === '2', 'it has no seccomp filter')
  for (const namespace of ['user', 'mnt', 'pid', 'net', 'ipc', 'uts']) {
    // A namespace that cannot be read is covered by the attempts from inside.
    const link = linkOf(`/proc/${pid}/ns/${namespace}`)
    check(
      link === null || link !== linkOf(`/proc/self/ns/${namespace}`),
      `it shares the ${namespace} namespace of the server`,
    )
  }
  check(/^Max open files\s+256\s+256\s/m.test(readFileSync(`/proc/${pid}/limits`, 'utf8')), 'its rlimits are not set')
  if (groups) {
    const groupName = groups.folders[0]!.split('/').at(-1)!
    check(
      readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes(groupName),
      'it is not in a control group of this server',
    )
  }
  return problems
}

async function attemptInside(instance: Instance): Promise<string[]> {
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
      network: null,
    } as const
    instance.specialise(program)
    const call = { program, mode: 'script', input: {}, timeout_seconds: 10, output_limit_bytes: 10_000 } as const
    const { status, result, error } = await instance.run(call, performance.now(), true)
    if (status !== 'ok' || result?.kind !== 'json') return [`the test program ended with ${status}: ${error?.message}`]
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
