import type { InterpreterPlatform } from '../../sandbox/index.ts'
import type { WheelName } from './wheel.ts'

/** What wheels must fit: the tags of the packaging specifications, best first. */
export interface WheelTags {
  python_tags: string[]
  abi_tags: string[]
  platform_tags: string[]
}

/** First versions of glibc for which the legacy names of platforms stand. */
const LEGACY = [
  { name: 'manylinux2014', minor: 17 },
  { name: 'manylinux2010', minor: 12 },
  { name: 'manylinux1', minor: 5 },
] as const
const INTEL = ['x86_64', 'i686']
/** Other processors exist on PyPI from manylinux2014 on. */
const FIRST_MINOR = { intel: 5, other: 17 }

/** Returns the tags that fit this interpreter. */
export function tagsOf(version: string, { system, machine, libc }: InterpreterPlatform): WheelTags {
  const minor = minorOf(version)
  return {
    python_tags: [`cp3${minor}`, ...descending(minor, 0).map((each) => `py3${each}`), 'py3'],
    abi_tags: [`cp3${minor}`, 'abi3', 'none'],
    platform_tags: [...(system === 'linux' ? linuxTags(machine, libc) : []), 'any'],
  }
}

const minorOf = (version: string) => Number(version.split('.')[1])

function linuxTags(machine: string, libc: InterpreterPlatform['libc']): string[] {
  const own = `linux_${machine}`
  if (!libc) return [own]
  const minor = minorOf(libc.version)
  if (libc.name === 'musl') return [...descending(minor, 0).map((each) => `musllinux_1_${each}_${machine}`), own]
  const isIntel = INTEL.includes(machine)
  const first = isIntel ? FIRST_MINOR.intel : FIRST_MINOR.other
  const names = descending(minor, first).flatMap((each) => [
    `manylinux_2_${each}_${machine}`,
    ...LEGACY.filter((legacy) => legacy.minor === each).map(({ name }) => `${name}_${machine}`),
  ])
  return [...names, own]
}

const descending = (from: number, to: number) => Array.from({ length: Math.max(0, from - to + 1) }, (_, i) => from - i)

/** Returns why a wheel does not fit, as a clause after its name; null if it fits. */
export function misfit({ pythons, abis, platforms }: WheelName, tags: WheelTags, version: string): string | null {
  if (!platforms.some((platform) => tags.platform_tags.includes(platform)))
    return `is for ${platforms.join(', ')}; this server runs ${tags.platform_tags.slice(0, 2).join(' or ')}, or older of that kind`
  const minor = minorOf(version)
  const fits = abis.some((abi) =>
    pythons.some((python) => {
      if (abi === 'abi3') return /^cp3\d+$/.test(python) && Number(python.slice(3)) <= minor
      if (abi === 'none') return tags.python_tags.includes(python)
      return abi === tags.abi_tags[0] && python === tags.python_tags[0]
    }),
  )
  return fits ? null : `is for ${pythons.join(', ')} with ABI ${abis.join(', ')}; this server runs Python ${version}`
}
