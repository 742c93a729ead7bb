import { createWriteStream, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  deflated,
  deflatedFill,
  documentXml,
  docx,
  forgedZip,
  paragraph,
  pdf,
  pdfOfPages,
  pdfStream,
} from '../../test/support/documents.ts'
import { NeverRetry } from '../errors.ts'
import { createTextExtractor } from './index.ts'

const MB = 1024 * 1024

const folder = mkdtempSync(join(tmpdir(), 'zerodb-text-'))
const extractor = createTextExtractor()
let sampler: NodeJS.Timeout
let before = 0
let peak = 0

beforeAll(() => {
  before = peak = process.memoryUsage.rss()
  sampler = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss())
  }, 10)
})
afterAll(async () => {
  clearInterval(sampler)
  await extractor.close()
  rmSync(folder, { recursive: true })
})

/** Extracts a file that must be rejected. Returns the reason, which follows the name of the file in the message. */
async function refusal(
  file_name: string,
  content: Uint8Array | string,
  content_type: string | null = null,
  of = extractor,
) {
  const error = await of.extract({ content, content_type, file_name }).catch((error) => error)
  expect(error).toBeInstanceOf(NeverRetry)
  expect(error.message.startsWith(`"${file_name}" `)).toBe(true)
  expect(error.message).not.toContain('\n')
  return error.message.slice(file_name.length + 3)
}

const BODY = documentXml(paragraph('Hello'))
const part = (content: string, inflated = content.length) => ({
  name: 'word/document.xml',
  packed: deflated(content),
  inflated,
})

test('a zip bomb of 600 MB in less than 1 MB is rejected before anything is inflated', async () => {
  const packed = await deflatedFill('zip', 600 * MB, '\0')
  const bomb = forgedZip([part(BODY), { name: 'word/media/image1.png', packed, inflated: 600 * MB }])
  expect(bomb.length).toBeLessThan(MB)
  expect(await refusal('bomb.docx', bomb)).toBe('would inflate to more than 100 times its size')
})

test('a zip bomb with a false declared size is rejected as soon as it exceeds that size', async () => {
  const packed = await deflatedFill('zip', 600 * MB, ' ', documentXml('').slice(0, -12))
  const bomb = forgedZip([{ name: 'word/document.xml', packed, inflated: 4000 }])
  expect(await refusal('bomb.docx', bomb)).toBe(
    'is a broken archive: "word/document.xml" inflates to more than it declares',
  )
})

test('a part that declares more than 50 MB is rejected', async () => {
  const large = { ...part(BODY, 60 * MB), packed: Buffer.alloc(MB) }
  expect(await refusal('large.docx', forgedZip([large]))).toBe('would inflate to more than 50 MB')
})

test.each([
  ['more entries than a document has', 2500, 'is an archive of more than 2000 entries'],
  ['entries that all inflate the same bytes', 1500, 'would inflate to more than 100 times its size'],
])('an archive with %s is rejected', async (_, entries, reason) => {
  const quine = Array.from({ length: entries }, (_, i) => ({
    name: i === 0 ? 'word/document.xml' : `word/document${i}.xml`,
    packed: deflated(BODY),
    inflated: 20 * 1024,
  }))
  expect(await refusal('quine.docx', forgedZip(quine, { shareFirst: true }))).toBe(reason)
})

test.each([
  ['counts more entries than it has', forgedZip([part(BODY)], { count: 1999 })],
  ['claims a size of 2 GB for a packed part', forgedZip([{ ...part(BODY), compressed: 2 ** 31 }])],
  ['claims to inflate to more than it does', forgedZip([part(BODY, BODY.length + 1)])],
  ['holds bytes that do not inflate', forgedZip([{ ...part(BODY), packed: Buffer.alloc(100, 0xff) }])],
  ['is cut off', docx(paragraph('Hello')).subarray(0, 400)],
])('an archive that %s is broken', async (_, archive) => {
  expect(await refusal('a.docx', archive)).toMatch(/^is a broken archive/)
})

test('an encrypted part is reported as encrypted', async () => {
  expect(await refusal('a.docx', forgedZip([{ ...part(BODY), isEncrypted: true }]))).toBe(
    'is encrypted with a password',
  )
})

test('external entities of a docx are not read', async () => {
  const secret = join(folder, 'secret.txt')
  writeFileSync(secret, 'the secret')
  const doctype = `<!DOCTYPE w:document [<!ENTITY stolen SYSTEM "file://${secret}">]>`
  const reason = await refusal('xxe.docx', docx(paragraph('&stolen;'), {}, doctype))
  expect(reason).toBe('is a broken docx: it defines its own document type')
})

test('a docx with elements nested 100,000 deep is rejected', async () => {
  expect(await refusal('deep.docx', docx(Array.from({ length: 100_000 }, (_, i) => `<w:p${i}>`).join('')))).toBe(
    'nests its elements more than 1000 deep',
  )
})

const WHOLE = pdf([['The first page'], ['The second page'], ['The third page']])

test.each([0.1, 0.3, 0.5, 0.7, 0.9, 0.97])(
  'a pdf truncated at %d of its length is reported as broken',
  async (share) => {
    expect(await refusal('cut.pdf', WHOLE.subarray(0, Math.floor(share * WHOLE.length)))).toMatch(/^is a broken pdf/)
  },
)

test('junk that starts and ends like a pdf is rejected', async () => {
  const junk = Buffer.from(Array.from({ length: 50_000 }, (_, i) => (i * i * 31 + i) % 251))
  const file = Buffer.concat([Buffer.from('%PDF-1.7\n'), junk, Buffer.from('\nstartxref\n17\n%%EOF\n')])
  expect(await refusal('junk.pdf', file)).toMatch(/^is a broken pdf/)
})

test.each([
  ['arrays', '['],
  ['dictionaries', '<< /a '],
])('a pdf of %s five million deep is rejected', async (_, open) => {
  const file = pdfOfPages([pdfStream('BT (Hello) Tj ET')], `/X ${open.repeat(5e6)}`)
  expect(await refusal('deep.pdf', file)).toMatch(/^is a broken pdf|^takes more than/)
})

test('a pdf that claims a length of 2 GB and has no text is rejected', async () => {
  expect(await refusal('length.pdf', pdfOfPages([pdfStream('BT ET', { length: 2 ** 31 })]))).toMatch(/^holds no text/)
})

test('a pdf that claims 2,000,000,000 pages is rejected', async () => {
  const file = Buffer.from(
    pdfOfPages([pdfStream('BT ET')])
      .toString('latin1')
      .replace('/Count 1', '/Count 2000000000'),
    'latin1',
  )
  expect(await refusal('count.pdf', file)).toMatch(/^(is a broken pdf|holds no text)/)
})

test('a pdf whose page inflates to 600 MB is rejected', async () => {
  const file = pdfOfPages([pdfStream(await deflatedFill('pdf', 600 * MB, ' '), { packed: true })])
  expect(file.length).toBeLessThan(MB)
  expect(await refusal('bomb.pdf', file)).toMatch(/^(takes more than 200 MB|holds no text)/)
})

test('a small pdf that crashes V8 only ends its own process, and the next file is read', async () => {
  const operands = await deflatedFill('pdf', 120 * MB, '(a) ', 'BT /F1 12 Tf [', '] TJ ET')
  const reason = refusal('fatal.pdf', pdfOfPages([pdfStream(operands, { packed: true })]))
  const next = extractor.extract({ content: WHOLE, content_type: null, file_name: 'whole.pdf' })
  expect(await reason).toBe('takes more than 200 MB of memory to read')
  expect((await next).text).toBe('The first page\n\nThe second page\n\nThe third page')
})

test('a file that takes too long is rejected', async () => {
  const impatient = createTextExtractor({ timeoutSeconds: 1 })
  const operators = await deflatedFill('pdf', 100 * MB, '(a) Tj\n', 'BT /F1 12 Tf ', 'ET')
  const reason = await refusal('slow.pdf', pdfOfPages([pdfStream(operators, { packed: true })]), null, impatient)
  expect(reason).toBe('takes longer than 1 seconds to read')
  await impatient.close()
})

test('html with a million nested tags is rejected', async () => {
  expect(await refusal('deep.html', Buffer.from(`<html>${'<div>'.repeat(1e6)}`))).toBe(
    'nests its elements more than 5000 deep',
  )
})

test.each([
  ['json', '['.repeat(1e6), 'nests its values more than 1000 deep'],
  ['json', `"${'\\n'.repeat(9e6)}"`, 'has a string of more than 8 million characters, which is data and not text'],
  ['xml', '<a>'.repeat(1e6), 'nests its elements more than 1000 deep'],
])('C: a hostile %s is rejected', async (ending, content, reason) => {
  expect(await refusal(`deep.${ending}`, Buffer.from(content))).toBe(reason)
})

test.each([
  [
    'a book',
    'a.epub',
    forgedZip([
      { ...part('application/epub+zip'), name: 'mimetype' },
      { ...part('x'), name: 'META-INF/container.xml' },
    ]),
    null,
    'an EPUB book',
  ],
  ['an OpenDocument text', 'a.odt', forgedZip([{ ...part(BODY), name: 'content.xml' }]), null, 'an OpenDocument file'],
  ['an rtf document', 'a.rtf', Buffer.from('{\\rtf1\\ansi Hello}'), 'text/rtf', 'an rtf document'],
  [
    'an rtf document that is declared as a doc',
    'a.doc',
    Buffer.from('{\\rtf1\\ansi Hello}'),
    'application/msword',
    'an rtf document',
  ],
  ['an e-mail', 'a.eml', Buffer.from('From: a@b\n\nSGVsbG8='), null, 'an e-mail message'],
  ['an e-mail by its type', 'a', Buffer.from('From: a@b\n\nSGVsbG8='), 'message/rfc822', 'an e-mail message'],
  [
    'a web archive',
    'a.mhtml',
    Buffer.from('MIME-Version: 1.0\n\nSGVsbG8='),
    'multipart/related; boundary=x',
    'a web archive',
  ],
])('C: %s is rejected by its name, and not read as text', async (_, file_name, content, content_type, name) => {
  expect(await refusal(file_name, content, content_type)).toMatch(
    new RegExp(`^has an unsupported type: it is ${name}; `),
  )
})

test('50 MB on one line are rejected', async () => {
  const path = join(folder, 'line.txt')
  const block = Buffer.alloc(MB, 'a line without an end ')
  await pipeline(Readable.from(Array(50).fill(block)), createWriteStream(path))
  expect(await refusal('line.txt', path)).toBe(
    'has a line of more than 8 million characters, which is data and not text',
  )
})

test('markdown of nothing but marks is read within the time limit', async () => {
  const marks = ['_*a ', '__a', '[a][', '[a](', '![', 'a*b_', '**a _b ', '> ', '- ', '1. ', '<a ', '`']
  const content = marks.flatMap((mark) =>
    [20, 100, 3000].map((count) => `${mark.repeat(count)}\n\n`.repeat(Math.ceil(40_000 / (mark.length * count)))),
  )
  const file = { content: Buffer.from(`${content.join('')}# The end`), content_type: null, file_name: 'marks.md' }
  const { text, truncated } = await extractor.extract(file)
  expect({ end: text.slice(-8), truncated }).toEqual({ end: '\nThe end', truncated: false })
})

test('of a file of 2 GB only the limit is read, for any type', async () => {
  const path = join(folder, 'huge.html')
  writeFileSync(path, '<html>')
  truncateSync(path, 2 * 1024 * MB)
  expect(await refusal('huge.html', path)).toBe('is larger than 64 MB, the maximum size of a file to read')
})

const OLE = Buffer.from('d0cf11e0a1b11ae1', 'hex')

test.each([
  ['an empty file', 'a.txt', Buffer.alloc(0), 'text/plain', 'is empty'],
  ['a blank file', 'a.txt', Buffer.from(' \n\t \n'), 'text/plain', 'holds no text'],
  [
    'a text that is declared as a pdf',
    'a.pdf',
    Buffer.from('Hello'),
    null,
    'is declared as a pdf, but its content is not one',
  ],
  ['a pdf that is declared as a docx', 'a.docx', WHOLE, null, 'is declared as a docx, but its content is a pdf; '],
  [
    'a docx that is declared as a pdf',
    'a',
    docx(paragraph('Hi')),
    'application/pdf',
    'is declared as a pdf, but its content is a docx; ',
  ],
  [
    'a zip archive that is declared as a docx',
    'a.docx',
    forgedZip([{ ...part(BODY), name: 'a.txt' }]),
    null,
    'is declared as a docx, but its content is a zip archive; ',
  ],
  [
    'a workbook',
    'a.xlsx',
    forgedZip([{ ...part(BODY), name: 'xl/workbook.xml' }]),
    null,
    'has an unsupported type: it is an Excel workbook; ',
  ],
  [
    'a picture that is declared as text',
    'a.txt',
    Buffer.from('89504e470d0a1a0a00', 'hex'),
    'text/plain',
    'has an unsupported type: it is a PNG picture; ',
  ],
  [
    'a declared type that is not supported',
    'a.mp4',
    Buffer.from('Hello'),
    'video/mp4',
    'has an unsupported type: video/mp4; ',
  ],
  [
    'bytes that are said to be text',
    'a.md',
    Buffer.from([1, 2, 0, 4, 5, 200]),
    null,
    'is declared as text, but its content is not',
  ],
  [
    'an old Word document',
    'a.doc',
    OLE,
    'application/msword',
    'has an unsupported type: it is an Office document in the format used before 2007; ',
  ],
  [
    'an encrypted docx',
    'a.docx',
    Buffer.concat([OLE, Buffer.from('EncryptedPackage', 'utf16le')]),
    null,
    'is encrypted with a password',
  ],
])('%s is rejected with the reason', async (_, file_name, content, content_type, reason) => {
  expect(await refusal(file_name, content, content_type)).toMatch(new RegExp(`^${reason}`))
})

test('an encrypted pdf is rejected as encrypted', async () => {
  const key = '<'.concat('ab'.repeat(32), '>')
  const encrypt = `/ID [<00> <00>] /Encrypt << /Filter /Standard /V 1 /R 2 /Length 40 /P -44 /O ${key} /U ${key} >>`
  expect(await refusal('locked.pdf', pdfOfPages([pdfStream('BT (Hello) Tj ET')], '', encrypt))).toBe(
    'is encrypted with a password',
  )
})

test('a pdf without text, such as a scan, is rejected with this reason', async () => {
  expect(await refusal('scan.pdf', pdfOfPages([pdfStream('0 0 100 100 re f')]))).toBe(
    'holds no text; it may be a scan, and pictures are not read',
  )
})

test('all hostile files together take less than 300 MB of the server', () => {
  const grown = Math.round((peak - before) / MB)
  console.log(`hostile files: the server's memory grew by ${grown} MB at its peak, from ${Math.round(before / MB)} MB`)
  expect(grown).toBeLessThan(300)
})
