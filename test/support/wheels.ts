import { createHash } from 'node:crypto'
import { zipSync } from 'fflate'

export interface TestWheel {
  file_name: string
  bytes: Buffer
  sha256: string
}

/** Builds a wheel with these files, by path. `tags` are those of its file name; the default is a pure Python wheel. */
export function wheelOf(
  name: string,
  version: string,
  files: Record<string, string | Uint8Array>,
  { tags = 'py3-none-any', requires = [] }: { tags?: string; requires?: readonly string[] } = {},
): TestWheel {
  const info = `${name}-${version}.dist-info`
  const metadata = ['Metadata-Version: 2.1', `Name: ${name}`, `Version: ${version}`]
  const all: Record<string, string | Uint8Array> = {
    ...files,
    [`${info}/METADATA`]: [...metadata, ...requires.map((each) => `Requires-Dist: ${each}`), ''].join('\n'),
    [`${info}/WHEEL`]: `Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: ${tags}\n`,
  }
  all[`${info}/RECORD`] = [...Object.keys(all), `${info}/RECORD`].map((path) => `${path},,\n`).join('')
  return asWheel(`${name}-${version}-${tags}.whl`, zipOf(all))
}

export function zipOf(files: Record<string, string | Uint8Array>): Buffer {
  const entries = Object.entries(files).map(([path, content]) => [
    path,
    typeof content === 'string' ? Buffer.from(content) : content,
  ])
  return Buffer.from(zipSync(Object.fromEntries(entries), { mtime: '2020-01-01' }))
}

/** Returns bytes as a wheel, whatever they are. */
export function asWheel(file_name: string, bytes: Buffer): TestWheel {
  return { file_name, bytes, sha256: createHash('sha256').update(bytes).digest('hex') }
}
