import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { bundle } from './bundle.ts'

const one = (source: string) => bundle({ files: { 'index.ts': source }, entry: 'index.ts' })

test('TypeScript of several files becomes one module, with JSON and packages that were uploaded', async () => {
  const { code } = await bundle({
    files: {
      'index.ts': `
        import { shout } from './lib/text'
        import names from './names.json'
        import { createHash } from 'node:crypto'
        import tiny from 'tiny.js'
        export default async (event: { data: string }): Promise<string> => shout(names[0] + tiny + createHash('md5').digest('hex'))`,
      'lib/text.ts': 'export const shout = (text: string) => text.toUpperCase()',
      'names.json': '["Ada"]',
      'tiny.js': 'module.exports = require("node:path").sep',
    },
    entry: 'index.ts',
  })
  expect(code).toContain('toUpperCase')
  expect(code).toContain('Ada')
  expect(code).not.toContain(': string')
})

test('errors are reported with file, line and column', async () => {
  await expect(one('const a = 1\nexport default async () => {\n  return a +\n}\n')).rejects.toMatchObject({
    code: 'validation_failed',
    fields: [
      { type: 'syntax_error', loc: ['body', 'files', 'index.ts'], ctx: { file: 'index.ts', line: 4, column: 1 } },
    ],
  })
})

describe('no file of this machine can be read', () => {
  const folder = mkdtempSync(join(tmpdir(), 'zerodb-bundle-'))
  writeFileSync(join(folder, 'secret.ts'), 'export default "stolen"')
  writeFileSync(join(folder, 'tsconfig.json'), '{"compilerOptions": {"jsxFactory": "stolen"}}')
  writeFileSync(
    join(folder, 'secret.map'),
    JSON.stringify({ version: 3, sources: ['stolen.ts'], names: [], mappings: 'AAAA' }),
  )

  test.each([
    ['an absolute path', `import s from '${join(folder, 'secret.ts')}'; export default s`],
    ['a path that climbs', `import s from '../../../../../../..${join(folder, 'secret.ts')}'; export default s`],
    ['a file address', `import s from 'file://${join(folder, 'secret.ts')}'; export default s`],
    ['require', `export default require('${join(folder, 'secret.ts')}')`],
    ['an import at run time', `export default () => import('${join(folder, 'secret.ts')}')`],
    ['a package that was not uploaded', `import esbuild from 'esbuild'; export default esbuild`],
    ['a data address', `import s from 'data:text/javascript,export default 1'; export default s`],
    ['a web address', `import s from 'http://127.0.0.1:1/a.js'; export default s`],
    [
      'a new URL',
      `export default new URL('${join(folder, 'secret.ts')}', import.meta.url).href + require.resolve('${join(folder, 'x')}')`,
    ],
  ])('by %s', async (_, source) => {
    const outcome = await one(source).catch((error) => error)
    if (outcome instanceof Error) expect(outcome).toMatchObject({ code: 'validation_failed' })
    else expect(outcome.code + outcome.source_map).not.toContain('stolen')
  })

  test('by a tsconfig that is uploaded, or a comment that names a source map', async () => {
    const { code, source_map } = await bundle({
      files: {
        'index.tsx': `export default () => <a/>\n//# sourceMappingURL=${join(folder, 'secret.map')}\n`,
        'tsconfig.json': JSON.stringify({ extends: join(folder, 'tsconfig.json') }),
      },
      entry: 'index.tsx',
    })
    expect(code + source_map).not.toContain('stolen')
    expect(code + source_map).not.toContain(folder)
  })
})
