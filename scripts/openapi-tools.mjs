// `node scripts/openapi-tools.mjs`: installs the linters and client generators for OpenAPI into .cache/openapi. Together they have
// 270 npm packages and a Python environment, so they are not dependencies of the repository.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from './install.mjs'

const folder = fileURLToPath(new URL('../.cache/openapi', import.meta.url))
const PACKAGES = {
  '@redocly/cli': '2.77.0',
  '@stoplight/spectral-cli': '6.16.3',
  'openapi-fetch': '0.17.0',
  'openapi-typescript': '7.13.0',
  typescript: '5.9.3',
}
const PYTHON_PACKAGES = ['openapi-python-client==0.29.1']
const PROGRAMS = {
  redocly: 'node_modules/.bin/redocly',
  spectral: 'node_modules/.bin/spectral',
  'openapi-typescript': 'node_modules/.bin/openapi-typescript',
  tsc: 'node_modules/.bin/tsc',
  'openapi-python-client': 'venv/bin/openapi-python-client',
  python: 'venv/bin/python',
}

/** Folder of the tools. Programs in it find the npm packages. */
export const OPENAPI_TOOLS = folder

/** Path of a program; undefined when it is not installed. */
export function openapiTool(name) {
  const path = join(folder, PROGRAMS[name])
  return existsSync(path) ? path : undefined
}

async function install() {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module', dependencies: PACKAGES }))
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...PYTHON_PACKAGES]
  const commands = [
    ['npm', ['install', '--prefix', folder, ...flags]],
    ['python3', ['-m', 'venv', join(folder, 'venv')]],
    [join(folder, PROGRAMS.python), pip],
  ]
  for (const [program, args] of commands) {
    const { code } = await run(program, args)
    if (code !== 0) return code
  }
  return 0
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exit(await install())
