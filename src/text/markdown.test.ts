import { expect, test } from 'vitest'
import { markdownText } from './markdown.ts'

const read = (markdown: string) => [...markdownText(markdown.split('\n'))].join('').trimEnd()

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
