import { isDeepStrictEqual } from 'node:util'
import { createTwoFilesPatch } from 'diff'
import type { z } from 'zod'
import type { FunctionConfig, FunctionVersion, NetworkChanges, versionDiff } from '../schema/function.ts'
import type { InstalledPackage, PackageChanges } from '../schema/package.ts'
import type { StoredFile } from '../store/automation/functions.ts'

type Version = FunctionVersion & { files: Record<string, StoredFile> }

/** Returns the differences between the files and configurations of two versions. */
export function diffOf(from: Version, to: Version): z.input<typeof versionDiff> {
  const paths = [...new Set([...Object.keys(from.files), ...Object.keys(to.files)])].sort()
  const files = paths.flatMap((path) => {
    const [before, after] = [from.files[path], to.files[path]]
    if (isDeepStrictEqual(before, after)) return []
    const change =
      before === undefined ? ('added' as const) : after === undefined ? ('removed' as const) : ('changed' as const)
    return [{ path, change, lines: linesOf(path, before ?? '', after ?? '') }]
  })
  const config = isDeepStrictEqual(from.config, to.config) ? null : { from: from.config, to: to.config }
  return {
    from: from.version,
    to: to.version,
    files,
    config,
    network: networkChanges(from.config as Networked, to.config as Networked),
    packages: packageChangesOf(from.packages, to.packages),
  }
}

type Networked = Pick<FunctionConfig, 'network'>

/** Returns the differences between the hosts that two configurations name. Null: the function is new. */
export function networkChanges(from: Networked | null, to: Networked): NetworkChanges {
  const [before, after] = [from?.network?.allow ?? [], to.network?.allow ?? []]
  const [had, has] = [injectionsOf(from), injectionsOf(to)]
  return {
    added: after.filter((host) => !before.includes(host)),
    removed: before.filter((host) => !after.includes(host)),
    injects: { added: has.filter((each) => !had.includes(each)), removed: had.filter((each) => !has.includes(each)) },
  }
}

/** Lists the injected headers: `host header: value`, with the names of secrets. */
function injectionsOf(config: Networked | null): string[] {
  return Object.entries(config?.network?.inject ?? {}).flatMap(([host, { headers }]) =>
    Object.entries(headers).map(([name, value]) => `${host} ${name}: ${value}`),
  )
}

/** Returns the differences between the packages of two versions. */
export function packageChangesOf(from: readonly InstalledPackage[], to: readonly InstalledPackage[]): PackageChanges {
  const before = new Map(from.map((each) => [each.name, each]))
  const after = new Map(to.map((each) => [each.name, each]))
  return [...new Set([...before.keys(), ...after.keys()])]
    .sort()
    .filter((name) => before.get(name)?.sha256 !== after.get(name)?.sha256)
    .map((name) => ({ name, from: before.get(name)?.version ?? null, to: after.get(name)?.version ?? null }))
}

function linesOf(path: string, before: StoredFile, after: StoredFile): string | null {
  if (typeof before !== 'string' || typeof after !== 'string') return null
  return createTwoFilesPatch(path, path, before, after, undefined, undefined, { context: 3, timeout: 2_000 }) ?? null
}
