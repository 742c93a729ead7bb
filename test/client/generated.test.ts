import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { expect, test } from 'vitest'
import { GENERATED, GENERATED_EVENTS, generatedClient, generatedEvents } from '../../scripts/client.ts'
import { packageRoot } from '../../src/platform/package.ts'

const MAX_KILOBYTES = 9

test('the types and routes of the SDK match the operations', async () => {
  expect(readFileSync(GENERATED, 'utf8'), 'npm run generate').toBe(generatedClient())
})

test('the event types of functions are those of the program', () => {
  expect(readFileSync(GENERATED_EVENTS, 'utf8'), 'npm run generate').toBe(generatedEvents())
})

test(`the SDK is small: at most ${MAX_KILOBYTES} KB for a browser`, async () => {
  const { outputFiles } = await build({
    entryPoints: [join(packageRoot(), 'src', 'client', 'index.ts')],
    bundle: true,
    minify: true,
    platform: 'browser',
    format: 'esm',
    write: false,
  })
  const bytes = outputFiles[0]!.contents
  const packed = gzipSync(bytes).length
  console.log(`SDK: ${(bytes.length / 1000).toFixed(1)} KB minified, ${(packed / 1000).toFixed(1)} KB with gzip`)
  expect(packed).toBeLessThanOrEqual(MAX_KILOBYTES * 1000)
})
