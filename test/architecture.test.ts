import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { expect, test } from 'vitest'
import { packageRoot } from '../src/platform/package.ts'

/** Imports go up this list only; folders and files on one line do not import each other. */
const LAYERS = [
  ['errors', 'platform'],
  ['config', 'crypto', 'metrics', 'exact-json', 'log-lines'],
  ['schema'],
  ['db', 'net', 'client'],
  ['store', 'embedding', 'language', 'text', 'sandbox', 'blobs'],
  ['app', 'bootstrap'],
  ['auth', 'memory', 'functions', 'transfer'],
  ['handlers'],
  ['engine', 'operations'],
  ['http', 'mcp'],
  ['main'],
  ['cli'],
]

const SRC = join(packageRoot(), 'src')
const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter(
  (name) => name.endsWith('.ts') && !name.endsWith('.test.ts'),
)

/** The name under which LAYERS lists a file: its folder of `src/`, or the file itself without its extension. */
function moduleOf(file: string): string {
  return file.split(sep)[0]!.replace(/\.ts$/, '')
}

function layerOf(module: string): number {
  return LAYERS.findIndex((layer) => layer.includes(module))
}

/** The relative imports in `text`, as paths from `src/`: of values and types, for side effects, dynamic, and re-exports. */
function importsIn(text: string, file: string): string[] {
  return [...text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*['"`](\.[^'"`]*)['"`]/g)].map(([, path]) =>
    relative(SRC, join(SRC, dirname(file), path!)),
  )
}

/** Why `file` may not import the path `imported` from `src/`; null when it may. */
function violation(file: string, imported: string): string | null {
  if (imported.startsWith('..')) return `${file} imports ${imported}, which is outside src/`
  const [from, to] = [moduleOf(file), moduleOf(imported)]
  if (layerOf(to) < 0) return `${to} is in no layer`
  return from === to || layerOf(to) < layerOf(from)
    ? null
    : `${file} imports ${imported}, which is not in a layer above`
}

test.each(files)('%s imports only from layers above its own', (file) => {
  expect(layerOf(moduleOf(file)), `${moduleOf(file)} is in no layer`).toBeGreaterThanOrEqual(0)
  const text = readFileSync(join(SRC, file), 'utf8')
  expect(importsIn(text, file).map((imported) => violation(file, imported))).toEqual(
    importsIn(text, file).map(() => null),
  )
})

test('the architecture page lists the same layers', () => {
  const page = readFileSync(join(packageRoot(), 'docs', 'architecture.md'), 'utf8')
  const rows = [...page.matchAll(/^\| \d+ \| (.*?) \|/gm)].map(([, modules]) =>
    [...modules!.matchAll(/`([^`]+)`/g)].map(([, name]) => name),
  )
  expect(rows).toEqual(LAYERS)
})

test.each([
  ["import { main } from '../main.ts'", 'which is not in a layer above'],
  ["import type { Handler } from '../handlers/handler.ts'", 'which is not in a layer above'],
  ["export * from '../http/server.ts'", 'which is not in a layer above'],
  ["import '../cli/index.ts'", 'which is not in a layer above'],
  ["await import('../engine/index.ts')", 'which is not in a layer above'],
  ["import { build } from '../../scripts/build.mjs'", 'which is outside src/'],
  ["import '../../test/support/build.ts'", 'which is outside src/'],
  ["import { sql } from '../db/sql.ts'", null],
  ["import { outbox } from './outbox.ts'", null],
])('the rule judges %s in store/index.ts', (text, expected) => {
  const file = join('store', 'index.ts')
  const found = importsIn(text, file).map((imported) => violation(file, imported))
  expect(found).toEqual([expected === null ? null : expect.stringContaining(expected)])
})

test.each(files.filter((file) => !['store', 'db'].includes(moduleOf(file))))('%s holds no SQL', (file) => {
  expect(readFileSync(join(SRC, file), 'utf8')).not.toMatch(/\bsql`|from zerodb_|insert into /)
})
