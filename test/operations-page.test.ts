import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { OPERATIONS } from '../src/operations/index.ts'
import { packageRoot } from '../src/platform/package.ts'

const PAGE = join(packageRoot(), 'docs', 'operations.md')
const STARTS = '<!-- The table is generated: npx vitest run test/operations-page.test.ts -u -->\n'

test('E: the page lists every operation, with its address, permission and summary', async () => {
  const page = readFileSync(PAGE, 'utf8')
  const rights = { any: 'any key', public: 'none' }
  const rows = OPERATIONS.map(({ name, route, permission, summary }) => {
    const right = rights[permission as 'any'] ?? `\`${permission}\``
    return `| \`${name}\` | \`${route}\` | ${right} | ${summary} |`
  })
  const table = `| operation | address | right | does |\n|---|---|---|---|\n${rows.join('\n')}\n`
  await expect(`${page.slice(0, page.indexOf(STARTS))}${STARTS}\n${table}`).toMatchFileSnapshot(PAGE)
  for (const { name } of OPERATIONS) expect(page).toContain(`| \`${name}\` |`)
})
