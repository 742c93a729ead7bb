// `node scripts/mcp-clients.mjs`: installs the MCP Inspector and the official conformance suite, with the Node that they need, into
// .cache/mcp-clients. The packages are too large to be development dependencies.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from './install.mjs'

const folder = fileURLToPath(new URL('../.cache/mcp-clients', import.meta.url))
const PACKAGES = {
  '@modelcontextprotocol/conformance': '0.2.0-alpha.12',
  '@modelcontextprotocol/inspector': '2.12.0',
}
const NODE = '24.21.0'
const IS_NODE_NEW_ENOUGH = Number(process.versions.node.split('.')[0]) >= 24

/** Returns the executable and first argument that start a client, or undefined if it is not installed. */
export function mcpClient(name) {
  const script = join(folder, 'node_modules/.bin', { conformance: 'conformance', inspector: 'mcp-inspector' }[name])
  const node = IS_NODE_NEW_ENOUGH
    ? process.execPath
    : join(folder, `node_modules/node-${process.platform}-${process.arch}/bin/node`)
  return existsSync(script) && existsSync(node) ? [node, script] : undefined
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  mkdirSync(folder, { recursive: true })
  const node = IS_NODE_NEW_ENOUGH ? {} : { [`node-${process.platform}-${process.arch}`]: NODE }
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, dependencies: { ...PACKAGES, ...node } }))
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', '--engine-strict=false']
  const { code } = await run('npm', ['install', '--prefix', folder, ...flags])
  process.exit(code)
}
