import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { mcpClient } from '../../scripts/mcp-clients.mjs'
import { packageRoot } from '../../src/platform/package.ts'
import type { TestUser } from '../support/app.ts'
import { run } from '../support/commands.ts'
import { type KeyedProxy, openKeyedProxy } from '../support/keyed-proxy.ts'
import { type McpApp, openMcpApp } from '../support/mcp-app.ts'
import { deployFixtures } from './fixtures.ts'

/** In CI a missing client is a failure. */
function there(name: 'conformance' | 'inspector'): boolean {
  if (mcpClient(name)) return true
  if (process.env['CI']) throw new Error(`CI needs the MCP ${name}: node scripts/mcp-clients.mjs`)
  console.log(`skipped: MCP ${name} (node scripts/mcp-clients.mjs fetches it)`)
  return false
}

const QUICK = /^test_(streaming|logging|trigger|missing)_/

let app: McpApp
let user: TestUser
let tools: string[]
let proxy: KeyedProxy
beforeAll(async () => {
  app = await openMcpApp()
  user = await app.newUser()
  tools = await deployFixtures(user)
  // Some checks wait for only half a second, less than a busy machine needs for the first call of a function.
  for (const name of tools.filter((each) => QUICK.test(each)))
    await app.ask(user.key, 'tools/call', { name, arguments: {} })
  proxy = await openKeyedProxy(app.mcpUrl, user.key)
})
afterAll(async () => {
  proxy.close()
  await app.close()
})

interface Check {
  id: string
  status: 'SUCCESS' | 'FAILURE' | 'WARNING' | 'SKIPPED' | 'INFO'
}

/** Returns the checks that the suite has written into `folder`, by scenario. */
async function checksIn(folder: string): Promise<Check[]> {
  const names = await readdir(folder, { recursive: true })
  const files = names.filter((name) => name.endsWith('checks.json'))
  return (await Promise.all(files.map(async (name) => JSON.parse(await readFile(join(folder, name), 'utf8'))))).flat()
}

describe.runIf(there('conformance'))('the official conformance suite, its tools deployed as functions', () => {
  test.each(['2025-11-25', '2026-07-28'])('what revision %s requires, but for what is explained', async (revision) => {
    const folder = await mkdtemp(join(tmpdir(), 'zerodb-conformance-'))
    const [node, script] = mcpClient('conformance')!
    const expected = join(packageRoot(), 'test', 'mcp', `expected-failures-${revision}.yml`)
    try {
      const output = await run(node, [
        ...[script, 'server', '--url', `${proxy.url}/mcp`, '--requirements', revision],
        ...['--expected-failures', expected, '-o', folder],
      ])
      const checks = await checksIn(folder)
      const count = (status: Check['status']) => checks.filter((check) => check.status === status).length
      console.log(
        `MCP conformance ${revision}: ${count('SUCCESS')} checks passed, ${count('FAILURE')} failed as explained`,
      )
      expect(output).toContain('=== SUMMARY ===')
      const page = await readFile(join(packageRoot(), 'docs', 'mcp.md'), 'utf8')
      expect(page).toContain(`| ${revision} | ${count('SUCCESS')} | ${count('FAILURE')} |`)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })
})

describe.runIf(there('inspector'))('the MCP Inspector, strict', () => {
  let home: string
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'zerodb-inspector-'))
  })
  afterAll(() => rm(home, { recursive: true, force: true }))

  async function inspect(era: string, ...args: string[]) {
    const [node, script] = mcpClient('inspector')!
    const key = ['--header', `Authorization: Bearer ${user.key}`]
    const flags = ['--format', 'json', '--protocol-era', era]
    // The inspector stores a catalogue of servers in the home folder.
    const env = { ...process.env, HOME: home, MCP_CATALOG_PATH: join(home, 'mcp.json') }
    return JSON.parse(await run(node, [script, '--cli', app.mcpUrl, ...key, ...flags, ...args], { env }))
  }

  test.each(['legacy', 'auto', 'modern'])('finds nothing wrong with the tools, and calls them: %s', async (era) => {
    const listed = await inspect(era, '--method', 'tools/list', '--strict')
    const names = (listed.tools ?? listed.result.tools).map(({ name }: { name: string }) => name)
    expect(names.slice(-tools.length)).toEqual(tools)
    const called = await inspect(era, '--method', 'tools/call', '--tool-name', 'test_simple_text')
    expect(JSON.stringify(called)).toContain('This is a simple text response for testing.')
  })
})
