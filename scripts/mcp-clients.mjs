// `node scripts/mcp-clients.mjs`: puts the MCP Inspector and the official conformance suite, with the Node that they need, into
// .cache/mcp-clients. Too large to come with every installation.
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
const OWN = Number(process.versions.node.split('.')[0]) >= 24

/** Program and first argument with which a client is started; undefined when it has not been fetched. */
export function mcpClient(name) {
  const script = join(folder, 'node_modules/.bin', { conformance: 'conformance', inspector: 'mcp-inspector' }[name])
  const node = OWN ? process.execPath : join(folder, `node_modules/node-${process.platform}-${process.arch}/bin/node`)
  return existsSync(script) && existsSync(node) ? [node, script] : undefined
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  mkdirSync(folder, { recursive: true })
  const node = OWN ? {} : { [`node-${process.platform}-${process.arch}`]: NODE }
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, dependencies: { ...PACKAGES, ...node } }))
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', '--engine-strict=false']
  const { code } = await run('npm', ['install', '--prefix', folder, ...flags])
  process.exit(code)
}
