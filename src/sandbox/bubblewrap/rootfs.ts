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
import { rootCertificates } from 'node:tls'
import { promisify } from 'node:util'
import type { Runtime } from '../index.ts'
import { guestFolder, type Interpreter, RUNNERS } from '../interpreters.ts'

/** Paths inside the sandbox. */
export const INSIDE = {
  node: '/opt/node/bin/node',
  python: '/opt/python/bin/python3',
  prlimit: '/opt/run/prlimit',
  /** Folder with the socket of the proxy. */
  network: '/opt/net',
  /** Folder with the packages of a Python program. */
  packages: '/opt/packages',
  /** Certificates of public authorities. Node has its own. */
  authorities: '/etc/ssl/cert.pem',
  runner: (runtime: Runtime) => `/opt/run/${RUNNERS[runtime]}`,
} as const

/** Name of the file with the host names that an instance knows, in the folder `INSIDE.network`. */
export const HOSTS = 'hosts'

/** The devices in the sandbox. No terminals, whose number is limited for the whole machine, and no writable folder. */
export const DEVICES = ['/dev/null', '/dev/zero', '/dev/full', '/dev/random', '/dev/urandom'] as const

/** Matches parts of Python's library that functions do not need; they are half of its size. */
const EXCLUDED = /^(site-packages|dist-packages|test|tests|idlelib|turtledemo|tkinter|ensurepip|lib2to3|config-.*)$/
/** Matches the libraries of compilers. */
const RUNTIME_LIBRARIES = /^lib(stdc\+\+|gcc_s)\.so/
const FORMER_PARTS = ['libm.so.6', 'librt.so.1', 'libdl.so.2', 'libpthread.so.0', 'libutil.so.1', 'libresolv.so.2']
const UNUSED_DAYS = 14

/**
 * Returns the folder that a guest sees as its root. It has only the interpreter, its libraries and the runner, and is created atomically once for
 * each version of these. `prlimit` is the path of that program on this machine.
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
    const temporary = `${target}.${process.pid}-${Date.now()}`
    try {
      await build(temporary, kind, runtime, interpreter, prlimit)
      // If two processes create the folder at once, the first one wins.
      await rename(temporary, target).catch((error) => {
        if (!existsSync(target)) throw error
      })
    } finally {
      await rm(temporary, { recursive: true, force: true })
    }
  }
  const now = new Date()
  await utimes(target, now, now)
  await removeUnused(folder, `rootfs-${kind}-`)
  return target
}

/** Returns a hash of everything that is copied into the root. */
async function nameOf({ binary, version, library }: Interpreter, prlimit: string): Promise<string> {
  const hash = createHash('sha256').update(`layout 5 ${version} ${library?.pure}\n`)
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
  for (const name of ['dev', 'etc', 'fn', 'lib', 'opt/net', 'opt/packages', 'opt/run', 'proc/self', 'tmp', 'usr'])
    await mkdir(join(root, name), { recursive: true, mode: 0o755 })
  // Each dynamic loader searches one of these folders.
  for (const name of ['lib64', 'usr/lib', 'usr/lib64'])
    await symlink(name.startsWith('usr/') ? '../lib' : 'lib', join(root, name))

  // Mount points of the devices.
  for (const path of DEVICES) await writeFile(join(root, path), '')

  const target = join(root, INSIDE[kind])
  await mkdir(dirname(target), { recursive: true, mode: 0o755 })
  await copyFile(binary, target, constants.COPYFILE_FICLONE)
  await copyFile(prlimit, join(root, INSIDE.prlimit))
  const loaded = [binary, prlimit]
  if (library) loaded.push(...(await copyLibrary(library, join(root, 'opt', 'python', 'lib', library.name))))
  const libraries = await librariesOf(loaded)
  // Compiled packages expect these from the system, and Node brings them to every machine.
  for (const [name, path] of await librariesOf([process.execPath]))
    if (RUNTIME_LIBRARIES.test(name)) libraries.set(name, path)
  // Wheels that were built with an older C library also name its former parts.
  const libc = libraries.get('libc.so.6')
  for (const name of libc === undefined ? [] : FORMER_PARTS) {
    const path = join(dirname(libc!), name)
    if (existsSync(path)) libraries.set(name, await realpath(path))
  }
  for (const [name, path] of libraries) await copyFile(path, join(root, 'lib', name), constants.COPYFILE_FICLONE)
  for (const name of await readdir(guestFolder()))
    await copyFile(join(guestFolder(), name), join(root, 'opt', 'run', name))
  if (!existsSync(join(root, INSIDE.runner(runtime)))) throw new Error('the runners are not built: run "npm run build"')

  await mkdir(dirname(join(root, INSIDE.authorities)), { recursive: true, mode: 0o755 })
  await writeFile(join(root, INSIDE.authorities), `${rootCertificates.join('\n')}\n`)
  await writeFile(join(root, 'etc', 'passwd'), 'fn:x:1000:1000::/tmp:/nologin\n')
  await writeFile(join(root, 'etc', 'group'), 'fn:x:1000:\n')
  // Each instance has its own file.
  await symlink(join(INSIDE.network, HOSTS), join(root, 'etc', 'hosts'))
  await writeFile(join(root, 'etc', 'nsswitch.conf'), 'passwd: files\ngroup: files\nhosts: files\n')
  for (const [name, text] of Object.entries(FAKE_PROC)) await writeFile(join(root, 'proc', name), text)
  await makeReadable(root)
}

/** Copies Python's library to where the interpreter finds it. Returns the compiled modules, which load further libraries. */
async function copyLibrary({ pure, compiled }: NonNullable<Interpreter['library']>, target: string): Promise<string[]> {
  await cp(pure, target, {
    recursive: true,
    dereference: true,
    // With new timestamps, compiled files would count as outdated and be compiled again at every start.
    preserveTimestamps: true,
    filter: (path) => path === pure || !EXCLUDED.test(basename(path)),
  })
  const dynload = join(target, 'lib-dynload')
  if (!existsSync(dynload)) await cp(compiled, dynload, { recursive: true, dereference: true })
  return (await readdir(compiled)).filter((name) => name.endsWith('.so')).map((name) => join(compiled, name))
}

/** Returns name and path of the libraries that these files load, including the dynamic loader. */
async function librariesOf(files: readonly string[]): Promise<Map<string, string>> {
  const { stdout } = await promisify(execFile)('ldd', [...files], { maxBuffer: 64 * 1024 * 1024 }).catch(
    (error: { stdout?: string; message: string }) => {
      // ldd fails if one file is statically linked, but still lists the libraries of the others.
      if (error.stdout) return { stdout: error.stdout }
      throw new Error(`ldd cannot list the libraries of ${files[0]}: ${error.message}`)
    },
  )
  const found = new Map<string, string>()
  for (const [, path] of stdout.matchAll(/(?:=>\s+|^\s+)(\/\S+)\s+\(0x/gm))
    found.set(basename(path!), await realpath(path!))
  return found
}

/** Makes everything readable for all users, independent of the umask. */
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

/** Fixed contents of the files in /proc that the interpreters read. The real ones would reveal details of the machine. */
const FAKE_PROC: Record<string, string> = {
  'self/stat': `2 (fn) R 1 1 1 0 -1 4194304 ${Array(13).fill(0).join(' ')} 1 0 100 268435456 10000 18446744073709551615 ${Array(27).fill(0).join(' ')}\n`,
  meminfo: 'MemTotal:         262144 kB\nMemFree:          131072 kB\nMemAvailable:     131072 kB\n',
  cpuinfo: 'processor\t: 0\nmodel name\t: sandbox\ncpu MHz\t\t: 1000.000\n\n',
  stat: 'cpu  1 0 1 100 0 0 0 0 0 0\ncpu0 1 0 1 100 0 0 0 0 0 0\nbtime 0\n',
  uptime: '1.00 1.00\n',
  loadavg: '0.00 0.00 0.00 1/1 2\n',
}
