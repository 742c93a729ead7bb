// The rules that `npm run language` checks: words and openings of sentences that are not plain English in this field.
// A space in a pattern also matches a line break with the prefix of a comment, so a wrapped sentence is found as well.

const BREAK = '(?:[ \\t]+|[ \\t]*\\r?\\n[ \\t]*(?:(?://|--|[*#>|])[ \\t]*)?)'
const NOT_A_QUESTION = '(?![^.!:;?"`]{0,200}\\?)'
const VERBS =
  'is|are|was|were|has|have|had|can|cannot|may|must|will|would|could|should|did|does|do|goes|went|comes|came|gets|got|' +
  'becomes|became|sets|set|stands|stood|lies|lay|follows|differs|executes|runs|ran|holds|happens|makes|made|takes|took|' +
  'needs|asks|asked|looks|lacks|belongs|carries|emits|shows|protects|signs|seals|knows|passed|waits|weakens|listens|aborts'
const COMPARATIVES =
  'longer|more|less|fewer|later|earlier|sooner|greater|larger|bigger|smaller|shorter|higher|lower|better|worse|faster|' +
  'slower|older|newer|further|different'
const OPENINGS = [
  'The same',
  'The others?',
  'And',
  'Or',
  'Nor',
  'But',
  'Else',
  'It',
  'Its',
  'They',
  'Their',
  'Them',
  'Those',
  'Of',
  'So',
  'Then',
  'Until then',
  'That it',
  'That they',
  'As it',
  'With it',
  'Without it',
  'Again',
  'Likewise',
]
const OLD_FILES =
  'given|foreseen|every|things|capped|places|look-at-server|look-at-sandbox|known-server|patient-fetch|own-writes|' +
  'hook-trials|assignment|synthetic|shapes|first-start|changes|signals|membership|breaker|audience|announcements|' +
  'questions|housekeeping|hook-matches|judge|sink|stage|world|outside'

/** Rules in the order of the table. `inHeadings` false: a heading of a page may have the words, such as "Who may do what". */
export const RULES = [
  rule('who', `\\bWho(?:ever|soever|m|se)? (?=[a-z])${NOT_A_QUESTION}`, {
    say: 'name the person or program instead of "Who …"',
    inHeadings: false,
  }),
  rule('what', `\\bWhat (?:${VERBS}|of)\\b${NOT_A_QUESTION}`, {
    say: 'name the thing instead of "What is …"',
    inHeadings: false,
  }),
  rule('whatever', `\\bWhatever (?=[a-z])${NOT_A_QUESTION}`, {
    say: 'name the thing instead of "Whatever …"',
    inHeadings: false,
  }),
  rule(
    'is no',
    `(?<!\\b[Tt]here(?: [a-z]+){0,2} )\\b(?:[Ii]s|[Aa]re|[Ww]as|[Ww]ere|be|been|being) ` +
      `(?:no (?!(?:${COMPARATIVES})\\b)(?=["'\`]?[A-Za-z0-9])|none\\b)`,
    { say: 'write "is not a …"' },
  ),
  rule('shall', '\\bshall\\b', { say: 'write "must", "should" or "will"', flags: 'i' }),
  rule('anew', '\\banew\\b', { say: 'write "again"', flags: 'i' }),
  rule('once more', '\\bonce more\\b', { say: 'write "again"', flags: 'i' }),
  rule('meanwhile', '\\bmeanwhile\\b', { say: 'leave it out, or write "during …"', flags: 'i' }),
  rule('at work', '\\bat work\\b', { say: 'write "running"', flags: 'i' }),
  rule('under way', '\\bunder ?way\\b', { say: 'write "running" or "in progress"', flags: 'i' }),
  rule('of its own', "\\bof (?:its|their|my|our|your|one['’]s) own\\b", {
    say: 'write "its own …" or "separate"',
    flags: 'i',
  }),
  rule('nobody', '\\b(?:some|no)body\\b', {
    say: 'name the user, client or process, or write "someone" or "no one"',
    flags: 'i',
  }),
  rule('doc opening', `(?:/\\*\\*|""")\\s*(?:\\*\\s*)?(?:(?:${OPENINGS.join('|')})\\b|Null[:.(])`, {
    say: 'an editor shows a doc comment without its neighbours: start with the noun or the verb',
  }),
  rule(
    'constant',
    '\\b(?:USUAL|MOST|LONGEST|DEEPEST|LARGEST|HIGHEST|GREATEST|LEAST|SHORTEST|SMALLEST|OLDEST|LOWEST|FEWEST)_[A-Z0-9_]+',
    { say: 'start with DEFAULT_, MAX_ or MIN_' },
  ),
  rule(
    'identifier',
    '\\b(?:timesItself|in_turn|inTurn|takeBehind|Follower|follower|Ending|patientFetch|lookAt[A-Z]\\w*|ownWrites|foreseen|' +
      'say\\(|executes\\(|relaxed\\b|bury\\()',
    { say: 'use the term of the glossary' },
  ),
]

const FILE_RULE = {
  name: 'file name',
  say: 'name the file after its noun, with the term of the glossary',
  pattern: new RegExp(`(?:^|/)(?:${OLD_FILES})(?:\\.d)?(?:\\.test)?\\.[a-z]+$`),
}
export const RULE_NAMES = [...RULES, FILE_RULE].map(({ name }) => name)
const MAX_WORDS = 25

function rule(name, pattern, { say, flags = '', inHeadings = true }) {
  return { name, say, inHeadings, pattern: new RegExp(pattern.replaceAll(' ', BREAK), `g${flags}`) }
}

/** Finds all matches of the rules in one file: `[{ rule, line, text, say }]`, in the order of their lines. */
export function findDialect(text, file) {
  const found = []
  if (FILE_RULE.pattern.test(file)) found.push({ rule: FILE_RULE.name, line: 1, text: file, say: FILE_RULE.say })
  const starts = lineStarts(text)
  for (const { name, say, inHeadings, pattern } of RULES) {
    for (const match of text.matchAll(pattern)) {
      const line = lineAt(starts, match.index)
      const whole = text.slice(starts[line - 1], (starts[line] ?? text.length + 1) - 1).trim()
      if (!inHeadings && file.endsWith('.md') && whole.startsWith('#')) continue
      found.push({ rule: name, line, text: whole, say })
    }
  }
  return found.sort((a, b) => a.line - b.line)
}

/** Returns the sentences of doc comments that have more than 25 words: `[{ line, words, text }]`. */
export function findLongSentences(text) {
  const found = []
  const starts = lineStarts(text)
  for (const match of text.matchAll(/\/\*\*([\s\S]*?)\*\//g)) {
    const prose = match[1].replace(/^[ \t]*\*[ \t]?/gm, '').replace(/`[^`]*`/g, 'code')
    for (const sentence of prose.split(/(?<=[.!?])\s+|\n\s*\n|\n(?=\s*[-*] )/)) {
      const words = sentence.split(/\s+/).filter((word) => /[a-z0-9]/i.test(word)).length
      if (words > MAX_WORDS)
        found.push({ line: lineAt(starts, match.index), words, text: sentence.trim().replace(/\s+/g, ' ') })
    }
  }
  return found
}

function lineStarts(text) {
  const starts = [0]
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return starts
}

/** Counts lines from 1. */
function lineAt(starts, index) {
  let low = 0
  let high = starts.length
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (starts[middle] <= index) low = middle
    else high = middle
  }
  return low + 1
}
