import { expect, test } from 'vitest'
import { Unreadable } from './unreadable.ts'
import { xmlCharset, xmlText } from './xml.ts'

const read = (xml: string, size = xml.length) =>
  [...xmlText(xml.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? [])]
    .join('')
    .replace(/[ \t]+$/gm, '')
    .replace(/\n{3,}/g, '\n\n')
    .trim()

test.each([
  [
    'data',
    '<people><person><name>Ada</name><city>London</city></person>\n  <person>\n    <name>Lin</name>\n  </person></people>',
    'Ada\nLondon\nLin',
  ],
  [
    'running text',
    '<doc><p>Hello <b>big</b> world</p><p><i>Small</i> news &amp; more, B<sub>12</sub>.</p></doc>',
    'Hello big world\nSmall news & more, B12.',
  ],
  ['blocks within text', '<div>Intro <p>One</p><p>Two</p>\n<p>Three</p></div>', 'Intro One\nTwo\nThree'],
  [
    'CDATA, comments and instructions',
    '<?xml version="1.0"?><!-- never --><a><?php never ?><![CDATA[1 < 2 <kept>]]><!-- never --></a>',
    '1 < 2 <kept>',
  ],
  [
    'attributes for people',
    '<opml><outline text="News" type="rss"><outline title=" A\n feed " xmlUrl="https://x"/></outline></opml>',
    'News\nA feed',
  ],
  [
    'its own entities',
    '<!DOCTYPE a [<!ENTITY x "never"><!ENTITY y SYSTEM "file:///etc/passwd">]><a>&x; &y; &#233;</a>',
    '&x; &y; é',
  ],
  ['data in elements that hide nothing', '<beer><style>IPA</style><script>Latin</script></beer>', 'IPA\nLatin'],
  ['nothing that is closed', '<a><b>one<c>two', 'onetwo'],
])('C: xml: %s', (_, xml, text) => {
  for (const size of [xml.length, 1, 7]) expect(read(xml, size)).toBe(text)
})

test('C: rss: titles and texts are read without their markup', () => {
  const rss = `<?xml version="1.0"?><rss version="2.0" xmlns:content="c"><channel><title>Caf&amp;eacute; news</title>
    <item><title>Tea &amp;amp; coffee</title><description>&lt;p&gt;Now &lt;b&gt;open&lt;/b&gt;&lt;/p&gt;</description>
    <content:encoded><![CDATA[<p>We open at <b>nine</b>.</p><script>never()</script><p>Come &amp; see.</p>]]></content:encoded></item>
    <item><title>1 &lt; 2</title></item></channel></rss>`
  expect(read(rss)).toBe('Café news\nTea & coffee\nNow open\nWe open at nine.\n\nCome & see.\n1 < 2')
})

test('C: atom: html and xhtml texts are read without their markup', () => {
  const atom = `<feed xmlns="http://www.w3.org/2005/Atom"><title type="text">News</title><entry><title type="html">A &lt;i&gt;b&lt;/i&gt;</title>
    <content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>One <em>two</em></p><p>three</p></div></content></entry></feed>`
  expect(read(atom)).toBe('News\nA b\nOne two\nthree')
})

test('C: svg: title, description and visible texts are read', () => {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" aria-label="Chart"><title>Sales</title><desc>By year</desc>
    <style>.a { fill: red }</style><script>never()</script><metadata><x>never</x></metadata>
    <path d="M0 0h1"/><g display="none"><text>never</text></g><text style="display: none">never</text>
    <text x="1">2025: <tspan>12</tspan></text><text><tspan x="0">First line</tspan><tspan x="0" dy="1em">second</tspan></text></svg>`
  expect(read(svg)).toBe('Chart\nSales\nBy year\n2025: 12\nFirst line\nsecond')
})

test('C: xml: more than 1,000 levels are rejected', () => {
  expect(() => read('<a>'.repeat(1001))).toThrow(new Unreadable('nests its elements more than 1000 deep'))
})

test.each([
  ['<?xml version="1.0" encoding="windows-1252"?><a/>', 'windows-1252'],
  ["<?xml version='1.0' encoding='Shift_JIS' standalone='yes'?>", 'Shift_JIS'],
  ['<?xml version="1.0"?><a encoding="x"/>', undefined],
])('C: xml: %s names %s', (xml, charset) => {
  expect(xmlCharset(Buffer.from(xml))).toBe(charset)
})
