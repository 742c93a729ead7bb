import { expect, test } from 'vitest'
import { lines } from './lines.ts'
import { markdownText } from './markdown.ts'

const read = (markdown: string) => [...markdownText(lines([markdown]))].join('').trimEnd()

test.each([
  ['# Title #', 'Title'],
  ['#hashtag', '#hashtag'],
  ['Title\n=====', 'Title'],
  ['above\n\n* * *\n\nbelow', 'above\n\n\nbelow'],
  ['> > quoted', 'quoted'],
  ['- [x] done\n* open\n  + inner', '- done\n- open\n  - inner'],
  ['1. first', '1. first'],
  ['**bold** and *slanted* and ***both*** and ~~gone~~', 'bold and slanted and both and gone'],
  ['__bold__ and _slanted_ but snake_case_name and 2 * 3 * 4', 'bold and slanted but snake_case_name and 2 * 3 * 4'],
  ['see [the page](https://example.com "title") or [this][1]', 'see the page or this'],
  ['[1]: https://example.com "The title"', 'The title'],
  ['![a cat](cat.png) <https://example.com>', 'a cat https://example.com'],
  ['a note[^1] and `code *as it* is` and ``a `tick` ``', 'a note and code *as it* is and a `tick`'],
  ['\\*not slanted\\* &amp; R&D', '*not slanted* & R&D'],
  ['one<br>two <!-- never --> three', 'one two  three'],
  ['a < b and c > d', 'a < b and c > d'],
  ['| Drink | Price |\n|---|:-:|\n| Tea | 2 |', 'Drink, Price\nTea, 2'],
  ['**bold over\ntwo lines** and [a link\nover two](https://example.com)', 'bold over\ntwo lines and a link\nover two'],
  ['**bold with *slanted* words** and [`code` in a link](x (y))', 'bold with slanted words and code in a link'],
  ['see [the page]\n\n[the page]: https://example.com', 'see the page'],
  ['an array[0] of [x]', 'an array[0] of [x]'],
  ['&copy; &#8364; `&amp;` \\&amp;', '© € &amp; &amp;'],
  ['It holds[^a].\n\n[^a]: The *lease*.\n[^b]: More.', 'It holds.\n\nThe lease.\nMore.'],
  ['1. one\n   - inner\n\n     more\n10) other', '1. one\n   - inner\n\n     more\n10) other'],
  ['- [ ] one\n\n- [x] two', '- one\n\n- two'],
  ['> 1. one\n> 2. two\n>\n> | a \\| b | c |\n> |---|---|\n> | `d` | **e** |', '1. one\n2. two\n\na | b, c\nd, e'],
  ['<p align="center">\n<b>The</b> lease\n</p>\n\nTwo', 'The lease\n\nTwo'],
  ['<script>\nlet a = 1\n</script>\ntext', '\ntext'],
])('%j reads %j', (markdown, text) => {
  expect(read(markdown)).toBe(text)
})

test.each([
  [
    '---\ntitle: "The lease"\ntags:\n  - oslo\n  - office\ndraft: true\n# a comment\n---\nIt ends in June.',
    'The lease\nIt ends in June.',
  ],
  ['---\nlayout: post\ndate: 2026-06-10\n---\n\n# Title\n\nText', '\nTitle\n\nText'],
  ['--- \nsummary: >\n  Several\n  lines\n\n"quoted key": 1\n...\nText', 'Text'],
  [
    '+++\ntitle = \'The lease\'\ndate = 2026-06-10\ntags = [\n  "a",\n]\n[extra]\nx.y = 1\n+++\nText',
    'The lease\nText',
  ],
  ['---\ntitle: >\n  folded\n---\nText', 'Text'],
  ['---\n---\nText', 'Text'],
  ['---\r\ntitle: One\r\n---\r\nText', 'One\nText'],
])('C: markdown: front matter is left out but for its title: %j reads %j', (markdown, text) => {
  expect(read(markdown)).toBe(text)
})

test.each([
  ['---\nAbove: a line of text that goes on\nand on\n---\nbelow', 'Above: a line of text that goes on\nand on\nbelow'],
  ['---\ntitle: never closed', 'title: never closed'],
  ['Text\n\n---\nkey: value\n---\nmore', 'Text\n\nkey: value\nmore'],
  ['+++\nprose\n+++', '+++\nprose\n+++'],
])('C: markdown: what is not front matter is text: %j reads %j', (markdown, text) => {
  expect(read(markdown)).toBe(text)
})

test('C: markdown: front matter without an end is read in the time of any other text', () => {
  expect(read(`---\n${'key: value\n'.repeat(50_000)}`)).toMatch(/^key: value/)
})

test('C: markdown: a comment over several lines is left out', () => {
  expect(read('one\n<!-- two\nthree -->\nfour\n```\n<!-- code\n```\nfive')).toBe('one\n\nfour\n<!-- code\nfive')
})

test('code is kept as it stands, and a fence inside a longer one is code', () => {
  expect(read('````js\n# not a title\n```\nconst a = *b*\n````\n# Title')).toBe(
    '# not a title\n```\nconst a = *b*\nTitle',
  )
})

test('a fence that is never closed loses no words', () => {
  expect(read('```\none\ntwo')).toBe('one\ntwo')
})

/** Longer than what the lexer is given at once. */
const LONG = 300_000

test('a long text reads as its parts do', () => {
  const part = '# Title\n\nA *slanted* word\nand more.\n\n- one\n  - two\n\n```\n# code\n\n*more* code\n```\n\n'
  const count = Math.ceil(LONG / part.length)
  expect(read(part.repeat(count))).toBe(`${read(part)}\n\n`.repeat(count).trimEnd())
})

test('long code is kept as it stands, whatever lines it has', () => {
  const code = `# *a*\n\n\n    - b\n${'*c* '.repeat(3000)}\n${'> '.repeat(50)}\n\n`
  const all = code.repeat(Math.ceil(LONG / code.length))
  for (const fence of ['```', '~~~~ js']) {
    const end = fence.split(' ')[0]
    expect(read(`${fence}\n${all}${end}\n*text*`)).toBe(`${all}text`)
  }
})

test('a long comment is left out', () => {
  expect(read(`<!--\n${'a\n\nb\n'.repeat(LONG / 5)}${'c'.repeat(20_000)}\n-->\n*text*`)).toMatch(/^\n+text$/)
})

test('a long list and a long paragraph lose no words', () => {
  const numbers = Array.from({ length: LONG / 10 }, (_, n) => `word${n}`)
  const found = (markdown: string) => read(markdown).match(/word\d+/g)
  expect(found(numbers.map((word) => `- **${word}**\n  - inner\n`).join(''))).toEqual(numbers)
  expect(found(numbers.map((word) => `*${word}*\n`).join(''))).toEqual(numbers)
})

test('what is not prose is kept as it stands: a line of 10,001 characters, 201 marks, 16 quotes in one another', () => {
  const texts = ['*a* '.repeat(2501), '*a* '.repeat(101), `${'>'.repeat(16)} *a*`, `${'- '.repeat(16)}*a*`].map(
    (text) => text.trimEnd(),
  )
  for (const text of texts) expect(read(`*above*\n\n${text}\n\n*below*`)).toBe(`above\n\n${text}\n\nbelow`)
  expect(read('*a* '.repeat(100))).toBe('a '.repeat(100).trimEnd())
})

test('a text of ten thousand marks is read in the time of any other', () => {
  const marks = [
    '*a ',
    '_a ',
    '_*a ',
    '__a',
    '!',
    '[a',
    '![',
    '[a](',
    '[a][',
    '`',
    '<a',
    '> ',
    '1. ',
    '- ',
    '|-',
    '~~a',
    '<!--',
  ]
  for (const mark of marks) {
    const line = mark.repeat(Math.floor(9900 / mark.length))
    expect(read(line)).toBeDefined()
    expect(read(`${mark.repeat(16)}\n`.repeat(1000))).toBeDefined()
  }
  for (const [open, close] of [
    ['*a ', ' c*'],
    ['**a _b ', ' c_ d**'],
    ['[', '](b)'],
    ['![', '](b)'],
  ] as const)
    expect(read(`${open.repeat(900)}word${close.repeat(900)}`)).toContain('word')
})
