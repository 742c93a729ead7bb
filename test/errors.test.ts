import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ERRORS } from '../src/errors.ts'
import { packageRoot } from '../src/platform/package.ts'
import { errorsPage } from './support/errors-page.ts'

const PAGE = join(packageRoot(), 'docs', 'errors.md')
const page = readFileSync(PAGE, 'utf8')

const src = join(packageRoot(), 'src')
const sources = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts') && name !== 'errors.ts')
  .map((name) => readFileSync(join(src, name), 'utf8'))

test('every error is on the page with its status, and nothing else is', () => {
  const onPage = [...page.matchAll(/^\| `(\w+)` \| (\d+) \|/gm)].map(([, code, status]) => [code, Number(status)])
  expect(new Set(onPage.map(([code]) => code)).size).toBe(onPage.length)
  expect(Object.fromEntries(onPage)).toEqual(
    Object.fromEntries(Object.entries(ERRORS).map(([code, { status }]) => [code, status])),
  )
})

test('the page has the generated table of errors', async () => {
  await expect(errorsPage(page)).toMatchFileSnapshot(PAGE)
})

test('every code on the page exists', () => {
  const spoken = [...page.matchAll(/"code": "(\w+)"|urn:zerodb:error:(\w+)/g)].map(([, code, urn]) => code ?? urn)
  expect(spoken.length).toBeGreaterThan(0)
  for (const code of spoken) expect(Object.keys(ERRORS)).toContain(code)
})

test.each(Object.keys(ERRORS))('%s is thrown somewhere', (code) => {
  // The code may be chosen by a condition, or be on the next line.
  const thrown = new RegExp(`new ZeroError\\([^;]{0,120}?'${code}'`)
  expect(sources.filter((source) => thrown.test(source)).length).toBeGreaterThan(0)
})
