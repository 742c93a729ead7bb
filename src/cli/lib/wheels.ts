import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { promisify } from 'node:util'
import type { PackageTarget } from '../../client/index.ts'
import { UsageError } from './failure.ts'
import { note } from './output.ts'

const TIMEOUT_MS = 600_000
const MAX_ERROR_LINES = 12

/** The file in which Python projects list their packages. */
export const REQUIREMENTS = 'requirements.txt'

/** A wheel on this machine. */
export interface Wheel {
  file_name: string
  sha256: string
  bytes: Buffer
}

/** Downloaded wheels by the requirements and the target, so that `zerodb dev` downloads them once. */
const downloaded = new Map<string, Promise<Wheel[]>>()

/** Returns the path of the requirements of a Python function; null if it lists none. */
export async function requirementsOf(entry: string): Promise<string | null> {
  const path = join(dirname(entry), REQUIREMENTS)
  if (!existsSync(path)) return null
  return /^\s*[^\s#]/m.test(await readFile(path, 'utf8')) ? path : null
}

/** Downloads the wheels of a requirements file, with all packages that they need, for this target. Throws `UsageError` with what pip says. */
export async function downloadWheels(path: string, target: PackageTarget): Promise<Wheel[]> {
  const key = JSON.stringify([path, await readFile(path, 'utf8'), target])
  const found = downloaded.get(key) ?? download(path, target)
  downloaded.set(key, found)
  found.catch(() => downloaded.delete(key))
  return found
}

async function download(path: string, target: PackageTarget): Promise<Wheel[]> {
  const python = await findPip(target)
  const folder = await mkdtemp(join(tmpdir(), 'zerodb-wheels-'))
  try {
    await promisify(execFile)(python, pipArguments(path, folder, target), {
      cwd: dirname(path),
      timeout: TIMEOUT_MS,
      maxBuffer: 64 * 1024 * 1024,
    }).catch((error: { stderr?: string; message: string }) => {
      throw new UsageError(refusal(path, target, error.stderr || error.message))
    })
    const names = (await readdir(folder)).sort()
    const wheels = await Promise.all(
      names.map(async (file_name) => {
        const bytes = await readFile(join(folder, file_name))
        return { file_name, bytes, sha256: createHash('sha256').update(bytes).digest('hex') }
      }),
    )
    checkLimits(path, wheels, target)
    return wheels
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Wheels only: pip would otherwise execute the set-up of packages on this machine, for this machine. */
function pipArguments(path: string, folder: string, target: PackageTarget): string[] {
  const version = target.python_version.split('.').slice(0, 2).join('.')
  return [
    ...['-m', 'pip', 'download', '--disable-pip-version-check', '--no-input', '--only-binary=:all:'],
    ...['--implementation', 'cp', '--python-version', version],
    ...target.abi_tags.flatMap((tag) => ['--abi', tag]),
    ...target.platform_tags.filter((tag) => tag !== 'any').flatMap((tag) => ['--platform', tag]),
    ...(target.platform_tags.length === 1 ? ['--platform', 'any'] : []),
    ...['--dest', folder, '--requirement', path],
  ]
}

const DESCRIBE = 'import sys, pip; print("%d.%d %s" % (*sys.version_info[:2], sys.platform))'

/** Returns a Python of this machine that has pip. Prints a warning if it differs from that of the server. */
async function findPip(target: PackageTarget): Promise<string> {
  const version = target.python_version.split('.').slice(0, 2).join('.')
  for (const name of [`python${version}`, 'python3', 'python']) {
    const described = await promisify(execFile)(name, ['-c', DESCRIBE], { timeout: 20_000 }).catch(() => undefined)
    if (!described) continue
    const [own, platform] = described.stdout.trim().split(' ')
    const isLinux = target.platform_tags.some((tag) => tag.includes('linux'))
    if (own !== version || (platform === 'linux') !== isLinux)
      note(
        `pip of Python ${own} on ${platform} chooses the packages, but the server runs Python ${version}${isLinux ? ' on Linux' : ''}: ` +
          'packages that are only needed there may be missing',
      )
    return name
  }
  throw new UsageError(
    `${REQUIREMENTS} needs pip on this machine: install Python ${version} with pip, or upload wheels with the API (packages.upload)`,
  )
}

function refusal(path: string, target: PackageTarget, output: string): string {
  const lines = output.split('\n').filter((line) => line.trim() !== '' && !/^(WARNING|\[notice\])/.test(line))
  const first = Math.max(
    0,
    lines.findIndex((line) => line.startsWith('ERROR')),
  )
  const shown = lines.slice(first).slice(0, MAX_ERROR_LINES)
  return [
    `${relative('.', path)}: no set of wheels for Python ${target.python_version} on ${target.platform_tags[0]} was found:`,
    ...shown.map((line) => `  ${line.replace(/^ERROR: /, '')}`),
    'Functions only use wheels: choose versions that have one for this platform, or build a wheel and upload it (packages.upload)',
  ].join('\n')
}

function checkLimits(path: string, wheels: readonly Wheel[], target: PackageTarget): void {
  const bytes = wheels.reduce((sum, wheel) => sum + wheel.bytes.length, 0)
  const tooMany =
    wheels.length > target.max_packages
      ? `${wheels.length} packages; at most ${target.max_packages} are allowed`
      : bytes > target.max_wheels_bytes
        ? `${Math.ceil(bytes / 1024 / 1024)} MB of wheels; at most ${Math.floor(target.max_wheels_bytes / 1024 / 1024)} MB are allowed`
        : null
  if (tooMany === null) return
  const [largest] = [...wheels].sort((a, b) => b.bytes.length - a.bytes.length)
  throw new UsageError(`${relative('.', path)} needs ${tooMany}. The largest is ${largest!.file_name}`)
}
