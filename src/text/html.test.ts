import { expect, test } from 'vitest'
import { declaredCharset, htmlText } from './html.ts'

const read = (html: string, size = html.length) =>
  [...htmlText(html.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? [])]
    .join('')
    .trim()
    .replace(/[ \t]+$/gm, '')
    .replace(/\n{3,}/g, '\n\n')

const PAGE = `<!doctype html><html><head><title>Caf&eacute; &amp; bar</title><style>p { color: red }</style>
<script>if (1 < 2) document.write("<p>never</p>")</script></head>
<body><nav><ul><li>Home<li>About</ul></nav>
<h1>Opening   hours</h1><p>We open at <b>nine</b>
and close at&nbsp;six.<p>On&#32;Sundays we are closed.
<ul><li>Tea<li>Coffee</ul>
<table><tr><th>Drink<th>Price<tr><td>Tea<td>2 &euro;</table>
<pre>  one
    two</pre>First line<br>second line<noscript>Turn it on</noscript></body></html>`

const TEXT = `Café & bar

Opening hours

We open at nine and close at six.

On Sundays we are closed.

- Tea
- Coffee

Drink	Price
Tea	2 €

  one
    two

First line
second line`

test('a page becomes what its reader sees, with its title first and without navigation, scripts and styles', () => {
  expect(read(PAGE)).toBe(TEXT)
})

test('a page that comes letter by letter reads the same', () => {
  expect(read(PAGE, 1)).toBe(read(PAGE))
})

test('markup that is broken loses no words', () => {
  expect(read('<p>one <b>two <i>three</b> four</div> < five > &unknown; <')).toBe(
    'one two three four < five > &unknown; <',
  )
})

test('a page may be one long line', () => {
  expect(read(`<p>${'word '.repeat(100_000)}`, 1000)).toHaveLength(499_999)
})

test.each([
  ['<meta charset="windows-1252">', 'windows-1252'],
  ['<meta http-equiv=content-type content="text/html; charset=shift_jis">', 'shift_jis'],
  ['<p>charset=x', undefined],
])('%s names %s', (html, charset) => {
  expect(declaredCharset(Buffer.from(html))).toBe(charset)
})
