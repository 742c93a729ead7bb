// `node scripts/runtimes.mjs`: installs the JavaScript runtimes other than Node that the SDK is tested in, into .cache/runtimes.
// The npm packages contain the executables and are too large to be development dependencies.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from './install.mjs'

const folder = fileURLToPath(new URL('../.cache/runtimes', import.meta.url))
const PACKAGES = { deno: '2.9.6', bun: '1.4.5', '@edge-runtime/vm': '5.0.0' }

/** Returns the path of a runtime's executable or module, or undefined if it is not installed. */
export function runtimePath(name) {
  const candidates = {
    deno: ['@deno/linux-x64-glibc/deno', '@deno/linux-arm64-glibc/deno', '@deno/darwin-arm64/deno'],
    bun: ['@oven/bun-linux-x64/bin/bun', '@oven/bun-linux-aarch64/bin/bun', '@oven/bun-darwin-aarch64/bin/bun'],
    edge: ['@edge-runtime/vm/dist/index.js'],
  }[name]
  return candidates.map((path) => join(folder, 'node_modules', path)).find((path) => existsSync(path))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, dependencies: PACKAGES }))
  const { code } = await run('npm', [
    'install',
    '--prefix',
    folder,
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ])
  process.exit(code)
}
