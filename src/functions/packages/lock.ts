import { createHash } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import type { App } from '../../app.ts'
import type { Blobs } from '../../blobs/index.ts'
import { type FieldError, ZeroError } from '../../errors.ts'
import { type ProgramPackages, unavailable } from '../../sandbox/index.ts'
import type { Runtime } from '../../schema/function.ts'
import {
  type InstalledPackage,
  type LockedPackage,
  MAX_PACKAGES,
  MAX_UNPACKED_BYTES,
  MAX_UNPACKED_FILES,
  MAX_WHEELS_BYTES,
  type PackageTarget,
} from '../../schema/package.ts'
import type { Scope } from '../../store/context.ts'
import type { Tables } from '../../store/index.ts'
import type { Code } from '../files.ts'
import { misfit, tagsOf } from './tags.ts'
import { checkSize, unpackWheel, wheelName } from './wheel.ts'
import { BadZip } from './zip.ts'

const PYTHON = 'python3.11'

/** The file in which Python projects list their packages. */
export const REQUIREMENTS = 'requirements.txt'

/** Returns what wheels must fit on this server. Throws `sandbox_unavailable` if there is no Python, or none that can have packages. */
export async function packageTargetOf({ sandbox }: Pick<App, 'sandbox'>): Promise<PackageTarget> {
  const report = await sandbox.ready()
  const found = report.runtimes[PYTHON]
  if (!found.available) throw unavailable(report, PYTHON)!
  if (!found.platform)
    throw new ZeroError('sandbox_unavailable', `The sandbox driver ${report.driver} does not support Python packages`)
  return {
    python_version: found.version,
    ...tagsOf(found.version, found.platform),
    max_packages: MAX_PACKAGES,
    max_wheels_bytes: MAX_WHEELS_BYTES,
    max_unpacked_bytes: MAX_UNPACKED_BYTES,
    max_unpacked_files: MAX_UNPACKED_FILES,
  }
}

/**
 * Returns the packages of a deployment, by name. Throws `validation_failed` with each one that is missing, that differs from its hash, that does not
 * fit the interpreter, or that is there twice.
 */
export async function checkPackages(
  app: App,
  scope: Scope,
  runtime: Runtime,
  locked: readonly LockedPackage[],
): Promise<InstalledPackage[]> {
  if (locked.length === 0) return []
  if (runtime !== PYTHON)
    throw new ZeroError('invalid', 'packages: only Python functions have them; JavaScript packages are bundled')
  const target = await packageTargetOf(app)
  const stored = await app.store.wheels.find(
    scope,
    locked.map(({ sha256 }) => sha256),
    locked.map(({ file_name }) => file_name),
  )
  const names = new Set<string>()
  const fields: FieldError[] = []
  const packages = locked.map(({ file_name, sha256 }, at) => {
    const wheel = wheelName(file_name)
    const refuse = (type: string, msg: string) =>
      fields.push({ type, loc: ['body', 'packages', at], msg: `${wheel.name} ${wheel.version}: ${msg}` })
    if (names.has(wheel.name)) refuse('value_error', `the package is listed twice: send one wheel of ${wheel.name}`)
    names.add(wheel.name)
    const why = misfit(wheel, target, target.python_version)
    if (why !== null) refuse('value_error', `${file_name} ${why}`)
    const same = stored.find(({ blob }) => blob === sha256)
    const other = stored.find((each) => each.file_name === file_name)
    if (same && same.file_name !== file_name)
      refuse('value_error', `the content with the SHA-256 ${sha256} was uploaded as ${same.file_name}`)
    if (!same && why === null)
      refuse(
        'package_missing',
        other
          ? `${file_name} was uploaded with the SHA-256 ${other.blob}, which differs from ${sha256}: upload the wheel with that hash`
          : `${file_name} with the SHA-256 ${sha256} has not been uploaded to this project: send it to /api/v1/packages`,
      )
    return { name: wheel.name, version: wheel.version, file_name, sha256, size_bytes: same?.size_bytes ?? 0 }
  })
  if (fields.length > 0) throw new ZeroError('validation_failed', 'The packages cannot be used', { fields })
  const bytes = packages.reduce((sum, { size_bytes }) => sum + size_bytes, 0)
  if (bytes > MAX_WHEELS_BYTES)
    throw new ZeroError(
      'too_large',
      `packages: the wheels have ${Math.ceil(bytes / 1024 / 1024)} MB in total; at most ${MAX_WHEELS_BYTES / 1024 / 1024} MB are allowed. The largest is ${largest(packages)}`,
    )
  return packages.sort((a, b) => (a.name < b.name ? -1 : 1))
}

function largest(packages: readonly InstalledPackage[]): string {
  const [first] = [...packages].sort((a, b) => b.size_bytes - a.size_bytes)
  return first!.file_name
}

/** Keeps the wheels of a new version. Throws `unavailable` if one was deleted since it was checked. */
export async function renewWheels(tx: Tables, scope: Scope, packages: readonly InstalledPackage[]): Promise<void> {
  if (packages.length === 0) return
  const hashes = packages.map(({ sha256 }) => sha256)
  const kept = new Set(await tx.wheels.renew(scope, hashes))
  if (hashes.some((hash) => !kept.has(hash)))
    throw new ZeroError('unavailable', 'An uploaded package expired during the deployment: deploy again')
}

/** Returns a warning if the code lists packages, but the deployment has none. */
export function requirementsWarnings({ files, runtime }: Code, packages: readonly InstalledPackage[]): string[] {
  const text = files[REQUIREMENTS]
  const isListed = typeof text === 'string' && /^\s*[^\s#]/m.test(text)
  if (runtime !== PYTHON || packages.length > 0 || !isListed) return []
  return [`${REQUIREMENTS} lists packages, but the deployment has none: "zerodb deploy" downloads and sends them`]
}

/** Returns the packages in the form that the sandbox unpacks; null without packages. */
export function programPackages(blobs: Blobs, packages: readonly InstalledPackage[]): ProgramPackages | null {
  if (packages.length === 0) return null
  const hash = createHash('sha256')
  for (const { sha256 } of packages) hash.update(sha256)
  return {
    key: hash.digest('hex'),
    async unpack(folder) {
      const size = { files: 0, bytes: 0 }
      for (const { name, version, file_name, sha256 } of packages)
        try {
          const bytes = await buffer(await blobs.open(sha256))
          if (createHash('sha256').update(bytes).digest('hex') !== sha256)
            throw new BadZip('the stored content does not match its SHA-256')
          const added = await unpackWheel(bytes, folder)
          size.files += added.files
          size.bytes += added.bytes
          checkSize(size)
        } catch (error) {
          throw new ZeroError(
            error instanceof BadZip ? 'invalid' : 'sandbox_unavailable',
            `The package ${name} ${version} (${file_name}) cannot be unpacked: ${(error as Error).message}`,
            { cause: error },
          )
        }
    },
  }
}
