import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { OPERATIONS } from '../src/operations/index.ts'
import { packageRoot } from '../src/platform/package.ts'
import { operationsPage } from './support/operations-page.ts'

const PAGE = join(packageRoot(), 'docs', 'operations.md')
const STARTS = '<!-- Generated from here: npx vitest run test/operations-page.test.ts -u -->\n'

test('E: the page lists every operation with its address, permission, summary and fields', async () => {
  const page = readFileSync(PAGE, 'utf8')
  await expect(`${page.slice(0, page.indexOf(STARTS))}${STARTS}\n${operationsPage()}`).toMatchFileSnapshot(PAGE)
  for (const { name, input } of OPERATIONS) {
    const section = page.split(`\n## ${name}\n`)[1]?.split('\n## ')[0]
    for (const field of Object.keys(input.shape)) expect(section, name).toContain(`| \`${field}\` |`)
  }
  expect(page).not.toContain('undefined')
})
