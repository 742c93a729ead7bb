import { strToU8 } from 'fflate'
import { describe, expect, test } from 'vitest'
import { documentXml, docx, paragraph } from '../../test/support/documents.ts'
import { docxText } from './docx.ts'

const read = (body: string, parts: Record<string, string> = {}) => {
  const more = Object.fromEntries(Object.entries(parts).map(([name, xml]) => [name, strToU8(xml)]))
  return [...docxText(docx(body, more))]
    .join('')
    .replace(/\n{3,}/g, '\n\n')
    .trim()
}

const run = (text: string, properties = '') => `<w:r><w:rPr>${properties}</w:rPr><w:t>${text}</w:t></w:r>`
const cell = (content: string, properties = '') => `<w:tc><w:tcPr>${properties}</w:tcPr>${content}</w:tc>`
const cells = (...texts: string[]) => texts.map((text) => cell(paragraph(text))).join('')
const row = (content: string, properties = '') => `<w:tr><w:trPr>${properties}</w:trPr>${content}</w:tr>`
const table = (...rows: string[]) => `<w:tbl>${rows.join('')}</w:tbl>`

describe('C: docx tables', () => {
  test('a row is a line whose cells are separated by tabs, and an empty cell keeps its place', () => {
    const rows = [row(cells('Drink', 'Size', 'Price')), row(cells('Tea', '', '2')), row(cells('', 'large', '3'))]
    expect(read(`${paragraph('Before')}${table(...rows)}${paragraph('After')}`)).toBe(
      'Before\n\nDrink\tSize\tPrice\nTea\t\t2\n\tlarge\t3\n\nAfter',
    )
  })

  test('paragraphs, line breaks and tabs in a cell become spaces', () => {
    const content = `${paragraph('one')}<w:p><w:r><w:t>two</w:t><w:tab/><w:t>three</w:t><w:br/><w:t>four</w:t></w:r></w:p>`
    expect(read(table(row(cell(content) + cells('five'))))).toBe('one two three four\tfive')
  })

  test('a merged cell keeps the positions of the cells that it covers', () => {
    const wide = cell(paragraph('a'), '<w:gridSpan w:val="2"/>')
    const rows = [row(wide + cells('b')), row(cells('c', 'd', 'e')), row(cells('f'), '<w:gridBefore w:val="2"/>')]
    expect(read(table(...rows))).toBe('a\t\tb\nc\td\te\n\t\tf')
  })

  test('a table that only frames text keeps its paragraphs', () => {
    expect(read(table(row(cell(paragraph('one') + paragraph('two')))))).toBe('one\n\ntwo')
    const inner = table(row(cells('a', 'b')), row(cells('c', 'd')))
    expect(read(table(row(cell(paragraph('left')) + cell(paragraph('right') + inner))))).toBe(
      'left\nright\n\na\tb\nc\td',
    )
  })

  test('a deleted or hidden row is left out', () => {
    const rows = [
      row(cells('a', 'b')),
      row(cells('c', 'd'), '<w:del w:id="1"/>'),
      row(cells('e', 'f'), '<w:hidden/>'),
      row(cells('g', 'h'), '<w:ins w:id="2"/><w:hidden w:val="0"/>'),
    ]
    expect(read(table(...rows))).toBe('a\tb\ng\th')
  })
})

describe('C: docx hidden text', () => {
  test.each([
    ['a hidden run', run('secret', '<w:vanish/>'), ''],
    ['a run that is not hidden', run('shown', '<w:vanish w:val="0"/>'), 'shown'],
    [
      'a run that was hidden before a tracked change',
      run('shown', '<w:rPrChange><w:rPr><w:vanish/></w:rPr></w:rPrChange>'),
      'shown',
    ],
    ['a run in a style that hides', run('secret', '<w:rStyle w:val="Hidden"/>'), ''],
    ['a run in a style that is based on it', run('secret', '<w:rStyle w:val="AlsoHidden"/>'), ''],
    ['a run in a style that shows again', run('shown', '<w:rStyle w:val="Shown"/>'), 'shown'],
    [
      'a run that is shown against its style',
      run('shown', '<w:rStyle w:val="Hidden"/><w:vanish w:val="false"/>'),
      'shown',
    ],
  ])('%s', (_, content, text) => {
    const styles = `<w:styles>
      <w:style w:styleId="Hidden"><w:rPr><w:vanish/></w:rPr></w:style>
      <w:style w:styleId="AlsoHidden"><w:basedOn w:val="Hidden"/></w:style>
      <w:style w:styleId="Shown"><w:basedOn w:val="Hidden"/><w:rPr><w:vanish w:val="0"/></w:rPr></w:style>
      <w:style w:styleId="Circle"><w:basedOn w:val="Circle"/></w:style></w:styles>`
    const body = `<w:p>${run('one')}${content}${run(' two')}</w:p>`
    expect(read(body, { 'word/styles.xml': styles })).toBe(`one${text} two`)
  })

  test('a paragraph in a hidden style is left out with its breaks and boxes', () => {
    const styles = '<w:styles><w:style w:styleId="Hidden"><w:rPr><w:vanish/></w:rPr></w:style></w:styles>'
    const box = `<w:r><w:pict><w:txbxContent>${paragraph('boxed')}</w:txbxContent></w:pict></w:r>`
    const hidden = `<w:p><w:pPr><w:pStyle w:val="Hidden"/></w:pPr><w:r><w:tab/><w:t>secret</w:t></w:r>${box}</w:p>`
    expect(read(`${paragraph('one')}${hidden}${paragraph('two')}`, { 'word/styles.xml': styles })).toBe('one\n\ntwo')
  })
})

test('C: docx headers and footers are read once each, before and after the text', () => {
  const parts = {
    'word/header1.xml': documentXml(paragraph('Initech Ltd.')),
    'word/header2.xml': documentXml(paragraph('Initech Ltd.')),
    'word/header3.xml': documentXml(paragraph('Annual report')),
    'word/footer1.xml': documentXml(paragraph('Confidential')),
    'word/footer2.xml': documentXml(paragraph('')),
    'word/footnotes.xml': documentXml(paragraph('A footnote')),
    'word/endnotes.xml': documentXml(paragraph('An endnote')),
  }
  expect(read(paragraph('The text'), parts)).toBe(
    'Initech Ltd.\n\nAnnual report\n\nThe text\n\nA footnote\n\nAn endnote\n\nConfidential',
  )
})

test('C: docx text boxes are read once, after the paragraph of their anchor', () => {
  const box = `<w:txbxContent>${paragraph('In a box')}${table(row(cells('a', 'b')))}</w:txbxContent>`
  const anchor = `<w:r><mc:AlternateContent><mc:Choice><w:drawing><wps:txbx>${box}</wps:txbx></w:drawing></mc:Choice><mc:Fallback><w:pict><v:textbox>${box}</v:textbox></w:pict></mc:Fallback></mc:AlternateContent></w:r>`
  expect(read(`<w:p>${run('The first half ')}${anchor}${run('and the second.')}</w:p>${paragraph('Next')}`)).toBe(
    'The first half and the second.\n\nIn a box\n\na\tb\n\nNext',
  )
})

test('C: docx tracked changes: deleted text is left out with its breaks, inserted text is kept', () => {
  const deleted = '<w:del><w:r><w:t>gone</w:t><w:tab/><w:br/><w:delText>gone</w:delText></w:r></w:del>'
  const inserted = `<w:ins>${run('new')}</w:ins>`
  const joined = `<w:p><w:pPr><w:rPr><w:del/></w:rPr></w:pPr>${run('one ')}</w:p>${paragraph('line')}`
  expect(read(`<w:p>${run('a ')}${deleted}${inserted}</w:p>${joined}`)).toBe('a new\n\none line')
})

test('C: docx tab stops are not tabs, and ruby characters are read once', () => {
  const stops = '<w:pPr><w:tabs><w:tab w:val="left" w:pos="720"/></w:tabs></w:pPr>'
  const ruby = `<w:r><w:ruby><w:rt>${run('とうきょう')}</w:rt><w:rubyBase>${run('東京')}</w:rubyBase></w:ruby></w:r>`
  expect(read(`<w:p>${stops}${run('Hello ')}${ruby}</w:p>`)).toBe('Hello 東京')
})

test('C: docx elements named like properties of Object.prototype are ordinary elements', () => {
  expect(read(`<w:constructor><w:tbl><w:toString/></w:tbl></w:constructor>${paragraph('Hello')}`)).toBe('Hello')
})
