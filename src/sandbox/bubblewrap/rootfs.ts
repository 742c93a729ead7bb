import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import {
  chmod,
  constants,
  copyFile,
  cp,
  mkdir,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { Runtime } from '../index.ts'
import { guestFolder, type Interpreter, RUNNERS } from '../interpreters.ts'

/** Paths inside. */
export const INSIDE = {
  node: '/opt/node/bin/node',
  python: '/opt/python/bin/python3',
  prlimit: '/opt/run/prlimit',
  runner: (runtime: Runtime) => `/opt/run/${RUNNERS[runtime]}`,
} as const

/** All that /dev has: no terminals, which are counted for the whole machine, and no folder that could be written. */
export const DEVICES = ['/dev/null', '/dev/zero', '/dev/full', '/dev/random', '/dev/urandom'] as const

/** The parts of Python's library that no function needs, and that are half of it. */
const LEFT_OUT = /^(site-packages|dist-packages|test|tests|idlelib|turtledemo|tkinter|ensurepip|lib2to3|config-.*)$/
const UNUSED_DAYS = 14

/**
 * A folder with the interpreter, the libraries that it loads and our runner, and nothing else: what a guest sees as its root. Made once for
 * each version of these, whole or not at all. `prlimit` is the path of that program on this machine.
 */
export async function prepareRootfs(
  folder: string,
  runtime: Runtime,
  interpreter: Interpreter,
  prlimit: string,
): Promise<string> {
  const kind = runtime === 'nodejs20' ? 'node' : 'python'
  const target = join(folder, `rootfs-${kind}-${await nameOf(interpreter, prlimit)}`)
  if (!existsSync(target)) {
    const making = `${target}.${process.pid}-${Date.now()}`
    try {
      await build(making, kind, runtime, interpreter, prlimit)
      // Of two that make it together, the first one's stays.
      await rename(making, target).catch((error) => {
        if (!existsSync(target)) throw error
      })
    } finally {
      await rm(making, { recursive: true, force: true })
    }
  }
  const now = new Date()
  await utimes(target, now, now)
  await removeUnused(folder, `rootfs-${kind}-`)
  return target
}

/** Changes with everything that is put into it. */
async function nameOf({ binary, version, library }: Interpreter, prlimit: string): Promise<string> {
  const hash = createHash('sha256').update(`layout 2 ${version} ${library?.pure}\n`)
  for (const path of [binary, prlimit]) {
    const { size, mtimeMs } = await stat(path)
    hash.update(`${path} ${size} ${mtimeMs}\n`)
  }
  const runners = await readdir(guestFolder())
  for (const name of runners.sort()) hash.update(name).update(await readFile(join(guestFolder(), name)))
  return hash.digest('hex').slice(0, 16)
}

async function build(
  root: string,
  kind: 'node' | 'python',
  runtime: Runtime,
  { binary, library }: Interpreter,
  prlimit: string,
): Promise<void> {
  for (const name of ['dev', 'etc', 'fn', 'lib', 'opt/run', 'proc/self', 'tmp', 'usr'])
    await mkdir(join(root, name), { recursive: true, mode: 0o755 })
  // Every loader looks in one of these.
  for (const name of ['lib64', 'usr/lib', 'usr/lib64'])
    await symlink(name.startsWith('usr/') ? '../lib' : 'lib', join(root, name))

  // Where the devices are mounted.
  for (const path of DEVICES) await writeFile(join(root, path), '')

  const place = join(root, INSIDE[kind])
  await mkdir(dirname(place), { recursive: true, mode: 0o755 })
  await copyFile(binary, place, constants.COPYFILE_FICLONE)
  await copyFile(prlimit, join(root, INSIDE.prlimit))
  const loaded = [binary, prlimit]
  if (library) loaded.push(...(await copyLibrary(library, join(root, 'opt', 'python', 'lib', library.name))))
  for (const [name, path] of await librariesOf(loaded))
    await copyFile(path, join(root, 'lib', name), constants.COPYFILE_FICLONE)
  for (const name of await readdir(guestFolder()))
    await copyFile(join(guestFolder(), name), join(root, 'opt', 'run', name))
  if (!existsSync(join(root, INSIDE.runner(runtime)))) throw new Error('the build is missing: run "npm run build"')

  await writeFile(join(root, 'etc', 'passwd'), 'fn:x:1000:1000::/tmp:/nologin\n')
  await writeFile(join(root, 'etc', 'group'), 'fn:x:1000:\n')
  await writeFile(join(root, 'etc', 'hosts'), '127.0.0.1 localhost\n::1 localhost\n')
  await writeFile(join(root, 'etc', 'nsswitch.conf'), 'passwd: files\ngroup: files\nhosts: files\n')
  for (const [name, text] of Object.entries(FAKE_PROC)) await writeFile(join(root, 'proc', name), text)
  await makeReadable(root)
}

/** Puts the library where the interpreter beside it looks; returns the compiled modules, which need libraries of their own. */
async function copyLibrary({ pure, compiled }: NonNullable<Interpreter['library']>, target: string): Promise<string[]> {
  await cp(pure, target, {
    recursive: true,
    dereference: true,
    // Else what is compiled would count as older than its source, and be compiled again by every start.
    preserveTimestamps: true,
    filter: (path) => path === pure || !LEFT_OUT.test(basename(path)),
  })
  const dynload = join(target, 'lib-dynload')
  if (!existsSync(dynload)) await cp(compiled, dynload, { recursive: true, dereference: true })
  return (await readdir(compiled)).filter((name) => name.endsWith('.so')).map((name) => join(compiled, name))
}

/** Name and path of every library that these files load, and of the loader itself. */
async function librariesOf(files: readonly string[]): Promise<Map<string, string>> {
  const { stdout } = await promisify(execFile)('ldd', [...files], { maxBuffer: 64 * 1024 * 1024 }).catch(
    (error: { stdout?: string; message: string }) => {
      // It complains of a file that needs none, and tells of the others all the same.
      if (error.stdout) return { stdout: error.stdout }
      throw new Error(`ldd, which tells what libraries ${files[0]} needs, does not work: ${error.message}`)
    },
  )
  const found = new Map<string, string>()
  for (const [, path] of stdout.matchAll(/(?:=>\s+|^\s+)(\/\S+)\s+\(0x/gm))
    found.set(basename(path!), await realpath(path!))
  return found
}

/** Whatever the umask of who made it. */
async function makeReadable(folder: string): Promise<void> {
  await chmod(folder, 0o755)
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) await makeReadable(path)
    else if (entry.isFile()) await chmod(path, (await stat(path)).mode & 0o111 ? 0o755 : 0o644)
  }
}

async function removeUnused(folder: string, prefix: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.startsWith(prefix)) continue
    const { mtimeMs } = await stat(join(folder, name)).catch(() => ({ mtimeMs: Date.now() }))
    if (Date.now() - mtimeMs > UNUSED_DAYS * 86_400_000) await rm(join(folder, name), { recursive: true, force: true })
  }
}

/** What the interpreters read of /proc, as constants: the real one would tell of the machine. */
const FAKE_PROC: Record<string, string> = {
  'self/stat': `2 (fn) R 1 1 1 0 -1 4194304 ${Array(13).fill(0).join(' ')} 1 0 100 268435456 10000 18446744073709551615 ${Array(27).fill(0).join(' ')}\n`,
  meminfo: 'MemTotal:         262144 kB\nMemFree:          131072 kB\nMemAvailable:     131072 kB\n',
  cpuinfo: 'processor\t: 0\nmodel name\t: sandbox\ncpu MHz\t\t: 1000.000\n\n',
  stat: 'cpu  1 0 1 100 0 0 0 0 0 0\ncpu0 1 0 1 100 0 0 0 0 0 0\nbtime 0\n',
  uptime: '1.00 1.00\n',
  loadavg: '0.00 0.00 0.00 1/1 2\n',
}
