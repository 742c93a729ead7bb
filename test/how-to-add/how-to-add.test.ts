import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { packageRoot } from '../../src/platform/package.ts'
import { addEventType, addHandler, addOperation } from './additions.ts'

const run = promisify(execFile)
const COPIED = ['src', 'test', 'docs', 'scripts', 'package.json', 'package-lock.json', 'tsconfig.json']
const GENERATED = ['src/client/generated.ts', 'src/client/function-events.ts']

const contributing = readFileSync(join(packageRoot(), 'CONTRIBUTING.md'), 'utf8')

/** Returns the files that the row `what` of the table "How to add" names, as patterns. */
function namedPlaces(what: string): RegExp[] {
  const section = contributing.slice(contributing.indexOf('## How to add'))
  const row = section.split('\n').find((line) => line.startsWith(`| ${what} |`))
  if (!row) throw new Error(`CONTRIBUTING.md does not say how to add: ${what}`)
  const names = [...row.split('|')[2]!.matchAll(/`([^`]+)`/g)].map(([, name]) => name!)
  const paths = names.flatMap((name) => (name === 'npm run generate' ? GENERATED : name.includes('/') ? [name] : []))
  return paths.map((path) => new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/<\w+>/g, '[\\w-]+')}$`))
}

describe('an event type, an operation and a handler, added to a copy of the repository', () => {
  let root: string

  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'zerodb-how-to-add-'))
    for (const name of COPIED) cpSync(join(packageRoot(), name), join(root, name), { recursive: true })
    symlinkSync(join(packageRoot(), 'node_modules'), join(root, 'node_modules'))
  })
  afterAll(() => rmSync(root, { recursive: true, force: true }))

  const node = (...args: string[]) => run(process.execPath, args, { cwd: root })

  /** Returns a hash of each file of the copy. */
  function contents(): Map<string, string> {
    const found = new Map<string, string>()
    const visit = (path: string) => {
      if (statSync(join(root, path)).isDirectory())
        for (const name of readdirSync(join(root, path))) visit(join(path, name))
      else
        found.set(
          path,
          createHash('sha256')
            .update(readFileSync(join(root, path)))
            .digest('hex'),
        )
    }
    for (const name of COPIED) visit(name)
    return found
  }

  test.each([
    ['event type', addEventType],
    ['operation', addOperation],
    ['built-in handler', addHandler],
  ])('touches for the %s only places that CONTRIBUTING.md names', async (what, add) => {
    const before = contents()
    add(root)
    await node('--import', 'tsx', 'scripts/client.ts')
    const touched = [...contents()].filter(([path, hash]) => before.get(path) !== hash).map(([path]) => path)
    expect(touched.length).toBeGreaterThan(0)
    const places = namedPlaces(what)
    expect(touched.filter((path) => !places.some((place) => place.test(path)))).toEqual([])
  })

  test('has the types of all parts', async () => {
    const files = [
      'src/main.ts',
      'src/client/index.ts',
      'src/client/functions.ts',
      'test/support/writes.ts',
      'test/how-to-add/program.ts',
    ]
    writeFileSync(join(root, 'tsconfig.copy.json'), JSON.stringify({ extends: './tsconfig.json', include: [], files }))
    await node('node_modules/typescript/bin/tsc', '--noEmit', '--project', 'tsconfig.copy.json')
    const client = readFileSync(join(root, GENERATED[0]!), 'utf8')
    expect(client).toContain("'notes.add': 'POST /api/v1/projects/:project_id/database/notes'")
    expect(readFileSync(join(root, GENERATED[1]!), 'utf8')).toContain('export type NoteAddedEvent')
  })

  test('is matched, executed, invoked, backfilled and guarded by the program', async () => {
    await node('scripts/build.mjs')
    const { stdout } = await node('--import', 'tsx', 'test/how-to-add/program.ts', join(root, 'data'))
    const result = { text: 'AFTER THE HOOK' }
    expect(JSON.parse(stdout.trim().split('\n').at(-1)!)).toMatchObject({
      runs: [
        { trigger: 'invoke', result },
        { trigger: 'event', result },
      ],
      backfill: { dry_run: true, total: 1 },
      warning: expect.stringContaining('notes.add emits zerodb.note.added'),
      isReserved: true,
    })
  })
})
