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

test('a line of ten thousand marks is read in the time of any other', () => {
  for (const mark of ['*a ', '_a ', '[a', '![', '`', '<a', '> ', '- ', '|-', '~~a', '<!--'])
    expect(read(mark.repeat(Math.floor(9900 / mark.length)))).toBeDefined()
})
