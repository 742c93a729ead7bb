// `npm run language`: looks in all tracked text files for language that a reader from the field has to decode (language-rules.mjs).
// Prints each finding as file:line and a count per rule; exit code 1 if there are any.
// `npm run language -- --help` prints its options.
//
// language-exceptions.json lists what is allowed, with the reason: { "file": file or folder, "text": part of the line (absent: all),
// "rules": names of rules (absent: all), "why" }. An exception that matches nothing is a finding.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { findDialect, findLongSentences, RULE_NAMES } from './language-rules.mjs'

const EXCEPTIONS_FILE = 'scripts/language-exceptions.json'
// Generated from the texts of others, not ours to change, or the rules themselves.
const UNCHECKED = [
  'package-lock.json',
  'LICENSE',
  'src/client/generated.ts',
  'src/client/function-events.ts',
  'scripts/language-rules.mjs',
  EXCEPTIONS_FILE,
]
const USAGE = `npm run language                       all findings
npm run language -- PATH …             only files in these folders, or these files
npm run language -- --counts           only the table of counts, a folder per row and a rule per column
npm run language -- --base REVISION    counts of that commit beside those of the working tree`
const MAX_OUTPUT_BYTES = 256 * 1024 * 1024

const { values: options, positionals: paths } = parseArgs({
  options: { counts: { type: 'boolean' }, base: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
  allowPositionals: true,
})
if (options.help) {
  console.log(USAGE)
  process.exit()
}
const exceptions = existsSync(EXCEPTIONS_FILE) ? JSON.parse(readFileSync(EXCEPTIONS_FILE, 'utf8')) : []
const now = check(workingTree())

if (options.base !== undefined) compare(check(committedTree(options.base)), now)
else if (options.counts) printCounts(now)
else printFindings(now)

/** Reads the tracked files, and those that would be tracked by the next `git add`. */
function workingTree() {
  const listed = git('ls-files', '-z', '--cached', '--others', '--exclude-standard').toString().split('\0')
  return listed
    .filter((file) => isWanted(file) && existsSync(file))
    .map((file) => ({ file, content: readFileSync(file) }))
}

function committedTree(revision) {
  const files = git('ls-tree', '-r', '-z', '--name-only', revision).toString().split('\0').filter(isWanted)
  const output = execFileSync('git', ['cat-file', '--batch'], {
    input: files.map((file) => `${revision}:${file}\n`).join(''),
    maxBuffer: MAX_OUTPUT_BYTES,
  })
  // Each object comes as a line `<id> <type> <size>`, its bytes and a line break.
  let at = 0
  return files.map((file) => {
    const header = output.indexOf('\n', at)
    const size = Number(output.toString('utf8', at, header).split(' ')[2])
    at = header + 1 + size + 1
    return { file, content: output.subarray(header + 1, header + 1 + size) }
  })
}

function git(...args) {
  return execFileSync('git', args, { maxBuffer: MAX_OUTPUT_BYTES })
}

function isWanted(file) {
  const isInside = (path) => file === path || file.startsWith(`${path.replace(/\/$/, '')}/`)
  return file !== '' && !UNCHECKED.includes(file) && (paths.length === 0 || paths.some(isInside))
}

function check(files) {
  const findings = []
  const used = new Set()
  let longSentences = 0
  for (const { file, content } of files) {
    if (content.includes(0)) continue
    const text = content.toString()
    longSentences += findLongSentences(text).length
    for (const finding of findDialect(text, file)) {
      const exception = exceptions.find((each) => excuses(each, file, finding))
      if (exception) used.add(exception)
      else findings.push({ file, ...finding })
    }
  }
  return { findings, longSentences, unused: exceptions.filter((each) => !used.has(each)) }
}

function excuses({ file: place, text, rules }, file, finding) {
  const isThere = file === place || file.startsWith(`${place}/`)
  return isThere && (text === undefined || finding.text.includes(text)) && (rules?.includes(finding.rule) ?? true)
}

function printFindings({ findings, longSentences, unused }) {
  for (const { file, line, rule, text, say } of findings) {
    console.log(`${file}:${line}: ${rule}: ${text.slice(0, 160)}\n    ${say}`)
  }
  const stale = paths.length === 0 ? unused : []
  for (const { file, text } of stale) {
    console.log(`${EXCEPTIONS_FILE}: matches nothing, remove it: ${JSON.stringify({ file, text })}`)
  }
  for (const rule of RULE_NAMES) {
    const count = findings.filter((each) => each.rule === rule).length
    if (count > 0) console.log(`${String(count).padStart(5)}  ${rule}`)
  }
  console.log(
    `Findings: ${findings.length}. Sentences of doc comments with more than 25 words (for information): ${longSentences}`,
  )
  if (findings.length + stale.length > 0) process.exitCode = 1
}

function printCounts({ findings, longSentences }) {
  const rules = RULE_NAMES.filter((rule) => findings.some((each) => each.rule === rule))
  const rows = [...new Set(findings.map(folderOf))].sort().map((folder) => {
    const inside = findings.filter((each) => folderOf(each) === folder)
    return [folder, ...rules.map((rule) => inside.filter((each) => each.rule === rule).length), inside.length]
  })
  const totals = rules.map((rule) => findings.filter((each) => each.rule === rule).length)
  printTable([['folder', ...rules, 'all'], ...rows, ['all', ...totals, findings.length]])
  console.log(`Sentences of doc comments with more than 25 words (for information): ${longSentences}`)
}

function compare(before, after) {
  const count = ({ findings }, key, value) => findings.filter((each) => key(each) === value).length
  const all = [...before.findings, ...after.findings]
  const table = (title, key, values) =>
    printTable([
      [title, options.base, 'now'],
      ...values.map((value) => [value, count(before, key, value), count(after, key, value)]),
      ['all', before.findings.length, after.findings.length],
    ])
  table('rule', (each) => each.rule, RULE_NAMES)
  console.log('')
  table('folder', folderOf, [...new Set(all.map(folderOf))].sort())
  const [was, is] = [before.longSentences, after.longSentences]
  console.log(`\nSentences of doc comments with more than 25 words (for information): ${was}, now ${is}`)
}

function folderOf({ file }) {
  const parts = file.split('/')
  const depth = ['src', 'test', 'bench'].includes(parts[0]) ? 2 : 1
  return parts.slice(0, Math.min(depth, parts.length - 1)).join('/') || '.'
}

function printTable(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => String(row[column]).length)))
  const cell = (value, column) =>
    column === 0 ? String(value).padEnd(widths[0]) : String(value === 0 ? '·' : value).padStart(widths[column])
  for (const row of rows) console.log(row.map(cell).join('  '))
}
