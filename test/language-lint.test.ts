import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { findDialect, findLongSentences, RULE_NAMES } from '../scripts/language-rules.mjs'

const SCRIPT = fileURLToPath(new URL('../scripts/language.mjs', import.meta.url))

/** Returns the names of the rules that `text` breaks, as a line of a TypeScript file unless `file` says otherwise. */
const broken = (text: string, file = 'src/a.ts') => findDialect(text, file).map(({ rule }) => rule)

const REFUSED: [rule: string, text: string][] = [
  ['who', '// Who has gone away can be told nothing.'],
  ['who', '// It ends. Whoever waits is told.'],
  ['who', "throw new Error('Whose hook it is, is for the caller to check')"],
  ['what', '/** What has been stored. */'],
  ['what', '// What is not sent is kept.'],
  ['what', "summary: 'What differs between two versions'"],
  ['what', '// What of a row is left goes.'],
  ['whatever', '// Whatever is wrong with it, the answer is 401.'],
  ['is no', "'This is no JSON'"],
  ['is no', '// A signal that is no second wish.'],
  ['is no', '// looks like a setting and is none'],
  ['is no', '// The answers are no\n  // proof of anything.'],
  ['is no', '// That would be no change.'],
  ['shall', '// The client shall wait.'],
  ['anew', '// Begins anew.'],
  ['once more', '// Sends it once more.'],
  ['once more', '// Sends it once\n// more.'],
  ['meanwhile', 'const meanwhile = await search()'],
  ['at work', '// The calls at work finish.'],
  ['under way', '// A call under way ends.'],
  ['under way', 'let underWay = 0'],
  ['of its own', '// In a process of its own.'],
  ['of its own', '// Bring a server of your own.'],
  ['nobody', "'The thing belongs to somebody else'"],
  ['nobody', '// Nobody waits for it.'],
  ['doc opening', '/** The same for rows. */'],
  ['doc opening', '/** And ends it. */'],
  ['doc opening', '/** Else null. */'],
  ['doc opening', '/** It never ends. */'],
  ['doc opening', '/**\n * Of the newest version.\n */'],
  ['doc opening', '/** Null: by words alone. */'],
  ['constant', 'const USUAL_RETRY = 1'],
  ['constant', 'const MOST_PART_BYTES = 1'],
  ['constant', 'const LONGEST_NAME = 1'],
  ['identifier', "say('done')"],
]

const ALLOWED = [
  "'There is no such hook'",
  '// There are no rows. There will be none. Is there no row?',
  '// Null when there is none.',
  '// The token is no longer valid, and the batch is no larger than 10.',
  '// Who may import whom? What is it for?',
  '/** What it does with a row. */',
  '/** Null when the hook is off. */',
  '/** Items of the page. */',
  '/** Thenable. */',
  'const whoever = shallow(marshalled)',
  '// The process has its own pool.',
  'const MAX_NAME_LENGTH = 1; const DEFAULT_RETRY = 1; const MIN_AGE_MS = 1; const ALMOST_ALL = 1',
]

test.each(REFUSED)('the rule "%s" finds %j', (rule, text) => {
  expect(broken(text)).toEqual([rule])
})

test.each(ALLOWED)('no rule finds anything in %j', (text) => {
  expect(broken(text)).toEqual([])
})

test('a comparison with None in Python is not a finding, a docstring that needs its neighbours is one', () => {
  expect(broken('if memory is None:\n  return', 'a.py')).toEqual([])
  expect(broken('def f():\n  """The same without limits."""', 'a.py')).toEqual(['doc opening'])
})

test('a heading of a page may begin with who or what, a sentence of the page may not', () => {
  expect(broken('## What is kept for how long', 'docs/a.md')).toEqual([])
  expect(broken('What is kept is listed.', 'docs/a.md')).toEqual(['what'])
})

test('a file with an old name is found by its path', () => {
  expect(broken('', 'src/cli/given.ts')).toEqual(['file name'])
  expect(broken('', 'src/cli/given.test.ts')).toEqual(['file name'])
  expect(broken('', 'src/cli/forgiven.ts')).toEqual([])
})

test('every rule has an example above', () => {
  const shown = new Set([...REFUSED.map(([rule]) => rule), 'file name'])
  expect([...shown].sort()).toEqual([...RULE_NAMES].sort())
})

test('a finding has the line of its first word', () => {
  expect(findDialect('// one\n\n// is once\n// more\n', 'a.ts')).toMatchObject([{ line: 3, text: '// is once' }])
})

test('only sentences of doc comments with more than 25 words are long', () => {
  const sentence = (words: number) => `${Array(words).fill('word').join(' ')}.`
  expect(findLongSentences(`/** ${sentence(25)} ${sentence(25)} */\n// ${sentence(40)}`)).toEqual([])
  expect(findLongSentences(`\n/**\n * ${sentence(26)}\n */`)).toEqual([{ line: 2, words: 26, text: sentence(26) }])
})

describe('the program', () => {
  let folder: string

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'zerodb-language-'))
    git('init', '--quiet')
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  function git(...args: string[]) {
    execFileSync('git', ['-c', 'user.name=test', '-c', 'user.email=test@example.com', ...args], { cwd: folder })
  }

  function write(file: string, text: string) {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    writeFileSync(join(folder, file), text)
  }

  function lint(...args: string[]) {
    const { status, stdout, stderr } = spawnSync(process.execPath, [SCRIPT, ...args], { cwd: folder, encoding: 'utf8' })
    if (stderr) throw new Error(stderr)
    return { status, lines: stdout.trimEnd().split('\n') }
  }

  test('prints file and line of each finding and fails; a clean tree passes', () => {
    write('src/a.ts', '// Reads rows.\n// Begins anew.\n')
    const failed = lint()
    expect(failed.status).toBe(1)
    expect(failed.lines[0]).toBe('src/a.ts:2: anew: // Begins anew.')
    expect(failed.lines.at(-1)).toMatch(/^Findings: 1\. /)
    expect(lint('docs').status).toBe(0)
    write('src/a.ts', '// Reads rows.\n// Begins again.\n')
    expect(lint().status).toBe(0)
  })

  test('an exception allows a line, and is a finding where it matches nothing', () => {
    write('test/texts/a.ts', "export const text = 'We shall see'\n")
    const exception = { file: 'test/texts', text: 'We shall see', rules: ['shall'], why: 'text of a test' }
    write('scripts/language-exceptions.json', JSON.stringify([exception]))
    expect(lint().status).toBe(0)
    write('test/texts/a.ts', "export const text = 'We will see'\n")
    const { status, lines } = lint()
    expect(status).toBe(1)
    expect(lines[0]).toContain('matches nothing')
  })

  test('counts by folder and rule, and compares with a commit', () => {
    write('src/engine/a.ts', '// Begins anew, anew.\n')
    write('docs/a.md', 'It shall begin anew.\n')
    git('add', '.')
    git('commit', '--quiet', '--message', 'Begin')
    write('docs/a.md', 'It begins.\n')
    const { status, lines } = lint('--counts')
    expect(status).toBe(0)
    expect(lines.slice(0, 3).map((line) => line.split(/\s+/))).toEqual([
      ['folder', 'anew', 'all'],
      ['src/engine', '2', '2'],
      ['all', '2', '2'],
    ])
    const compared = lint('--base', 'HEAD').lines.map((line) => line.split(/\s+/))
    expect(compared).toContainEqual(['anew', '3', '2'])
    expect(compared).toContainEqual(['shall', '1', '·'])
    expect(compared).toContainEqual(['docs', '2', '·'])
    expect(compared).toContainEqual(['all', '4', '2'])
  })
})
