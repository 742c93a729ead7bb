import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../../src/platform/package.ts'
import type { TestUser } from '../support/app.ts'

const FOLDER = join(packageRoot(), 'test', 'mcp', 'functions')

/** Tools that the suite calls under another name, too: it tests something else with them, and they behave the same. */
const ALSO: Record<string, string> = {
  test_input_required_result_request_state: 'test_input_required_result_tampered_state',
  test_input_required_result_elicitation: 'test_streaming_elicitation',
  test_tool_with_logging: 'test_logging_tool',
}

/** Deploys each tool of the conformance suite as a separate function, and returns their names. */
export async function deployFixtures(user: TestUser): Promise<string[]> {
  const deployed: string[] = []
  for (const file of readdirSync(FOLDER).sort()) {
    const source = readFileSync(join(FOLDER, file), 'utf8')
    const own = file.replace('.mjs', '')
    for (const name of own in ALSO ? [own, ALSO[own]!] : [own]) {
      const { status, body } = await user.post('/api/v1/functions', { name, runtime: 'nodejs', source })
      if (status !== 201) throw new Error(`${name} is not deployed: ${status} ${JSON.stringify(body)}`)
      deployed.push(name)
    }
  }
  return deployed.sort()
}
