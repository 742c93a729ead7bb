import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../../src/package.ts'
import type { TestUser } from '../support/app.ts'

const FOLDER = join(packageRoot(), 'test', 'mcp', 'functions')

/** Deploys the tools that the conformance suite calls, each a function of its own. */
export async function deployFixtures(user: TestUser): Promise<string[]> {
  const files = readdirSync(FOLDER).sort()
  for (const file of files) {
    const source = readFileSync(join(FOLDER, file), 'utf8')
    const { status, body } = await user.post('/api/v1/functions', {
      name: file.replace('.mjs', ''),
      runtime: 'nodejs',
      source,
    })
    if (status !== 201) throw new Error(`${file} is not deployed: ${status} ${JSON.stringify(body)}`)
  }
  return files.map((file) => file.replace('.mjs', ''))
}
