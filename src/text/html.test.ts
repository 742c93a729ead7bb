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

test('a page yields its visible text, title first, without navigation, scripts and styles', () => {
  expect(read(PAGE)).toBe(TEXT)
})

test('a page that arrives character by character yields the same text', () => {
  expect(read(PAGE, 1)).toBe(read(PAGE))
})

test('broken markup loses no words', () => {
  expect(read('<p>one <b>two <i>three</b> four</div> < five > &unknown; <')).toBe(
    'one two three four < five > &unknown; <',
  )
})

test.each([
  [
    '<table><tr><td>a<td></td><td>c</tr><tr><td></td><td><p>d</p><p>e</p></td><td>f</td></tr></table>',
    'a\t\tc\n\td e\tf',
  ],
  [
    '<table><thead><tr><th></th><th>2025</th></tr></thead><tbody><tr><th>Oslo</th><td>1<br>2</td></tr></tbody></table>',
    '\t2025\nOslo\t1 2',
  ],
  ['<table><tr><td>one<p>two</p></td></tr></table>', 'one\n\ntwo'],
  [
    '<table><tr><td><p>menu</p></td><td><table><tr><td>a</td><td>b</td></tr><tr><td></td><td>c</td></tr></table>end</td></tr></table>',
    'menu\na\tb\n\tc\n\nend',
  ],
  ['<table><td>a</td><td></td><td>b</td></table>', 'a\t\tb'],
  ['<table><tr><td><b>a<td>b</b></td></tr><tr><td>c</td></tr>', 'a\tb\nc'],
  ['<td>a</td></td></tr></table><p>b', 'a\nb'],
  ['<table><tr><td>a</td><td style="display:none">never</td><td>b</td></tr><tr hidden><td>never</table>', 'a\tb'],
])('C: html: a table row is a line, and an empty cell keeps its place: %s', (html, text) => {
  const read = [...htmlText([html])]
    .join('')
    .replace(/[ \t]+$/gm, '')
    .replace(/\n{3,}/g, '\n\n')
  expect(read.replace(/^\n+|\s+$/g, '')).toBe(text)
})

test.each([
  '<p hidden>never</p>',
  '<p hidden="">never<b>never</b></p>',
  '<div style="color: red; DISPLAY : none !important"><p>never</p></div>',
  '<span style="visibility:hidden">never</span>',
  '<span aria-hidden="true">never</span>',
  '<template><p>never</p></template>',
  '<noscript><img src="x"><p>never</p></noscript>',
  '<script type="text/template"><p>never</p></script>',
  '<style>p::after { content: "never" }</style>',
  '<div hidden><br><input hidden><p>never<div>never</div></div>',
])('C: html: %s is left out', (html) => {
  expect(read(`<p>one${html}two</p>`).replace(/\s/g, '')).toBe('onetwo')
})

test.each([
  ['<p aria-hidden="false">shown', 'shown'],
  ['<p hidden="until-found">shown', 'shown'],
  ['<p style="--display:none; display: block">shown', 'shown'],
  ['<html style="visibility:hidden"><body style="display:none" hidden><p>shown', 'shown'],
  ['<p>a<input hidden>b<br aria-hidden="true">c', 'abc'],
  ['&lt;td&gt; &eacute;&#233;&#xe9; &nbsp;x &amp;amp; &copy;', '<td> ééé x &amp; ©'],
])('C: html: %s reads %s', (html, text) => {
  expect(read(html)).toBe(text)
})

test('C: html: unclosed rows take linear time', () => {
  const words = read(`<table><tr>${'<td>word <b>x</b>'.repeat(100_000)}`)
  expect(words.match(/word/g)).toHaveLength(100_000)
  expect(read(`${'<table>'.repeat(1000)}${'<b>x</b>'.repeat(100_000)}`).match(/x/g)).toHaveLength(100_000)
})

test('a page can be one long line', () => {
  expect(read(`<p>${'word '.repeat(100_000)}`, 1000)).toHaveLength(499_999)
})

test.each([
  ['<meta charset="windows-1252">', 'windows-1252'],
  ['<meta http-equiv=content-type content="text/html; charset=shift_jis">', 'shift_jis'],
  ['<p>charset=x', undefined],
])('%s names %s', (html, charset) => {
  expect(declaredCharset(Buffer.from(html))).toBe(charset)
})
