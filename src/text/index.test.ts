import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import iconv from 'iconv-lite'
import { afterAll, describe, expect, test } from 'vitest'
import { documentXml, docx, paragraph, pdf } from '../../test/support/documents.ts'
import { NeverRetry } from '../errors.ts'
import { createTextExtractor } from './index.ts'

const folder = mkdtempSync(join(tmpdir(), 'zerodb-text-'))
const extractor = createTextExtractor()
afterAll(async () => {
  await extractor.close()
  rmSync(folder, { recursive: true })
})

function extract(file_name: string, content: string | Uint8Array, content_type: string | null = null) {
  return extractor.extract({ content: Buffer.from(content), content_type, file_name })
}

describe('the type of a file', () => {
  const markdown = '# Hello'
  test.each([
    ['its content before all', 'a.txt', pdf([['Hello']]), 'text/plain', 'pdf'],
    ['its content before all', 'a.bin', docx(paragraph('Hello')), 'application/zip', 'docx'],
    ['its content before all', 'a', '<!DOCTYPE html><p>Hello', 'text/plain', 'html'],
    ['its content in any charset', 'a', iconv.encode('<html><p>Hello', 'utf-16le', { addBOM: true }), null, 'html'],
    ['its content type', 'a.txt', markdown, 'text/markdown; charset=utf-8', 'markdown'],
    ['its content type', 'a.md', 'a,b', 'text/csv', 'csv'],
    ['its content type', 'a', '{"a": 1}', 'application/ld+json', 'json'],
    ['its content type', 'a', 'a: 1', 'application/yaml', 'plain'],
    ['its ending where the content type says little', 'a.MD', markdown, 'text/plain', 'markdown'],
    ['its ending where the content type says nothing', 'a.csv', 'a,b', 'application/octet-stream', 'csv'],
    ['its ending where there is no content type', 'a.html', '<p>Hello', null, 'html'],
    ['its content type', 'a', '<a>Hello</a>', 'application/problem+xml', 'xml'],
    ['its content type', 'a', '<svg><title>Hello</title></svg>', 'image/svg+xml', 'xml'],
    ['its content type', 'a', '<html><p>Hello</p></html>', 'application/xhtml+xml', 'html'],
    ['its ending where there is no content type', 'a.rss', '<rss><title>Hello</title></rss>', null, 'xml'],
    ['its content before all', 'a.txt', '<?xml version="1.0"?><a>Hello</a>', 'text/plain', 'xml'],
    ['its content before all', 'a', '<?xml version="1.0"?><!DOCTYPE html><p>Hello</p>', 'text/xml', 'html'],
    ['being text', 'a', 'Hello', null, 'plain'],
  ])('is told by %s: %s', async (_, file_name, content, content_type, type) => {
    expect((await extract(file_name, content, content_type)).type).toBe(type)
  })
})

test('a pdf is read line by line and page by page', async () => {
  expect(await extract('a.pdf', pdf([['Hello (world)', 'Second line'], ['Page two']]))).toEqual({
    text: 'Hello (world)\nSecond line\n\nPage two',
    type: 'pdf',
    characters: 35,
    truncated: false,
  })
})

test('a pdf of 100 pages is read to its end', async () => {
  const line = (page: number, n: number) =>
    `Page ${page}, line ${n}: the ships of that year came late into the harbour, or not at all.`
  const pages = Array.from({ length: 100 }, (_, page) => Array.from({ length: 60 }, (_, n) => line(page, n)))
  const { text, truncated } = await extract('long.pdf', pdf(pages))
  expect(truncated).toBe(false)
  expect(text.split('\n').filter(Boolean)).toEqual(pages.flat())
})

test('a docx is read after its tracked changes, with its notes', async () => {
  const body = [
    paragraph('One &amp; two'),
    '<w:p><w:r><w:t>Three</w:t><w:tab/><w:t>four</w:t><w:br/><w:t>five</w:t></w:r></w:p>',
    '<w:p><w:del><w:r><w:delText>deleted</w:delText></w:r></w:del><w:ins><w:r><w:t>inserted</w:t></w:r></w:ins></w:p>',
    '<w:p><w:moveFrom><w:r><w:t>moved</w:t></w:r></w:moveFrom><w:r><w:instrText>PAGE</w:instrText></w:r></w:p>',
    `<mc:AlternateContent><mc:Choice>${paragraph('box')}</mc:Choice><mc:Fallback>${paragraph('box')}</mc:Fallback></mc:AlternateContent>`,
    `<w:tbl><w:tr><w:tc>${paragraph('a cell')}</w:tc></w:tr></w:tbl>`,
  ]
  const notes = Buffer.from(documentXml(paragraph('A footnote')))
  const { text } = await extract('a.docx', docx(body.join(''), { 'word/footnotes.xml': notes }))
  expect(text).toBe('One & two\n\nThree\tfour\nfive\n\ninserted\n\nbox\n\na cell\n\nA footnote')
})

test.each([
  ['a.json', '\ufeff{"city": "Troms\\u00f8", "id": 9007199254740993}', 'city: Tromsø\nid: 9007199254740993'],
  ['a.ndjson', '{"a": 1}\n{"a": 2}\n', 'a: 1\n\na: 2'],
  ['a.json', '{"a": 1} // no JSON', '{"a": 1} // no JSON'],
  ['a.ndjson', '{"a": 1}\n{"a": "cut o', '{"a": 1}\n{"a": "cut o'],
  ['a.csv', '\ufeffsep=;\rname;city\rAda;\r;Oslo', 'name, city\nname: Ada, city:\nname:, city: Oslo'],
  ['a.md', '---\rtitle: One\r---\rText', 'One\nText'],
  ['a.html', '<table><tr><td></td><td>x</td></tr></table>', '\tx'],
  [
    'a.xml',
    iconv.encode('<?xml version="1.0" encoding="windows-1252"?><a>Tromsø naïve</a>', 'windows-1252'),
    'Tromsø naïve',
  ],
])('C: %s with %j reads %j', async (name, content, text) => {
  expect((await extract(name, content)).text).toBe(text)
})

test('C: a json document of 20 MB on one line is read up to the limit of text', async () => {
  const json = `[${'{"name":"Ada","city":"London"},'.repeat(700_000)}null]`
  const { text, truncated } = await extract('a.json', json)
  expect(truncated).toBe(true)
  expect(text.split('\n').slice(0, 3)).toEqual(['[0].name: Ada', '[0].city: London', '[1].name: Ada'])
})

test('a docx with photographs larger than the limits for text is read', async () => {
  const photograph = Buffer.from(Uint8Array.from({ length: 1_000_000 }, (_, i) => (i * i * 31) >> 7))
  const photographs = Object.fromEntries(
    Array.from({ length: 52 }, (_, i) => [`word/media/image${i}.jpeg`, [photograph, { level: 0 as const }] as const]),
  )
  expect((await extract('a.docx', docx(paragraph('Hello'), { ...photographs } as never))).text).toBe('Hello')
})

test('page breaks become line breaks, and characters that cannot be stored are left out', async () => {
  const { text } = await extract('a.txt', 'one\r\ntwo\fthree\x1b[0m\rfour  \n\n\n\nfive')
  expect(text).toBe('one\ntwo\nthree[0m\nfour\n\nfive')
})

test('at most 2 MB of text are returned, cut between two characters', async () => {
  const line = 'äöüß'.repeat(20)
  const { text, characters, truncated } = await extract('a.txt', `x${line}\n`.repeat(20_000))
  expect(truncated).toBe(true)
  expect(characters).toBe(text.length)
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(2 * 1024 * 1024)
  expect(Buffer.byteLength(text)).toBeGreaterThan(2 * 1024 * 1024 - 4)
  expect(text).not.toContain('\ufffd')
})

test('a file can be bytes, a stream of bytes or a path', async () => {
  const path = join(folder, 'a.txt')
  writeFileSync(path, 'Hello')
  async function* stream() {
    yield Buffer.from('Hel')
    yield Buffer.from('lo')
  }
  for (const content of [path, stream(), Buffer.from('Hello')]) {
    const { text } = await extractor.extract({ content, content_type: null, file_name: 'a.txt' })
    expect(text).toBe('Hello')
  }
})

test('a file that cannot be opened is retried', async () => {
  const file = { content: join(folder, 'missing'), content_type: null, file_name: 'missing' }
  const error = await extractor.extract(file).catch((error) => error)
  expect(error).not.toBeInstanceOf(NeverRetry)
  expect(error).toMatchObject({ code: 'ENOENT' })
})

test('bytes over the size limit are rejected', async () => {
  const small = createTextExtractor({ maxFileBytes: 1024 * 1024 })
  const file = { content: Buffer.alloc(1024 * 1024 + 1, 'a\n'), content_type: null, file_name: 'a.txt' }
  await expect(small.extract(file)).rejects.toThrow('"a.txt" is larger than 1 MB, the maximum size of a file to read')
  await small.close()
})

test('an aborted call rejects with the reason, and the next one succeeds', async () => {
  const controller = new AbortController()
  const reason = new Error('the run was cancelled')
  const endless = {
    async *[Symbol.asyncIterator]() {
      yield Buffer.from('Hello')
      controller.abort(reason)
      await new Promise(() => {})
    },
  }
  const aborted = extractor.extract({ content: endless, content_type: null, file_name: 'a' }, controller.signal)
  const next = extract('b.txt', 'Hello')
  await expect(aborted).rejects.toBe(reason)
  expect((await next).text).toBe('Hello')
  await expect(
    extractor.extract({ content: 'nowhere', content_type: null, file_name: 'c' }, AbortSignal.abort(reason)),
  ).rejects.toBe(reason)
})

test('close ends running calls and rejects later ones', async () => {
  const closing = createTextExtractor()
  const file = { content: Buffer.from('Hello'), content_type: null, file_name: 'a.txt' }
  const outcomes = Promise.allSettled([closing.extract(file), closing.extract(file)])
  await closing.close()
  for (const outcome of await outcomes)
    expect(outcome).toMatchObject({ reason: { message: 'the text extractor is closed' } })
  await expect(closing.extract(file)).rejects.toThrow('the text extractor is closed')
})
