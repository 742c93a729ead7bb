import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { expect, test } from 'vitest'
import { packageRoot } from '../src/package.ts'

/** Imports go up this list only; what stands on one line does not import each other. */
const HOUSE = [
  ['errors', 'package'],
  ['config', 'crypto', 'metrics', 'exact-json', 'processes', 'capped', 'workers', 'log-lines'],
  ['schema'],
  ['db', 'net', 'client'],
  ['store', 'embedding', 'language', 'text', 'sandbox', 'blobs'],
  ['app', 'first-start'],
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

/** The room of the house that a file belongs to: its folder, or its own name. */
function roomOf(file: string): string {
  return file.split(/[\\/]/)[0]!.replace(/\.ts$/, '')
}

function floorOf(room: string): number {
  return HOUSE.findIndex((floor) => floor.includes(room))
}

function importsOf(file: string): string[] {
  const text = readFileSync(join(SRC, file), 'utf8')
  return [...text.matchAll(/(?:from |import\()'(\.[^']+)'/g)].map(([, path]) =>
    relative(SRC, join(SRC, dirname(file), path!)),
  )
}

test.each(files)('%s imports only from floors above its own', (file) => {
  const room = roomOf(file)
  expect(floorOf(room), `${room} has no place in the house`).toBeGreaterThanOrEqual(0)
  for (const imported of importsOf(file)) {
    const other = roomOf(imported)
    if (other !== room) expect(floorOf(other), `${file} imports ${imported}`).toBeLessThan(floorOf(room))
  }
})

test.each(files.filter((file) => !['store', 'db'].includes(roomOf(file))))('%s holds no SQL', (file) => {
  expect(readFileSync(join(SRC, file), 'utf8')).not.toMatch(/\bsql`|from zerodb_|insert into /)
})
