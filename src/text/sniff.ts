import { listZip } from './docx.ts'
import { Unreadable } from './unreadable.ts'

export type TextType = 'pdf' | 'docx' | 'html' | 'markdown' | 'csv' | 'plain' | 'json' | 'xml'

/** What the sender says of a file; nothing of it is taken for true against the content. */
export interface Claim {
  content_type: string | null
  /** In lower case and without the dot, empty when there is none. */
  ending: string
}

const CLAIMED: Record<string, TextType> = {
  'application/pdf': 'pdf',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document': 'docx',
  'text/html': 'html',
  'application/xhtml+xml': 'html',
  'text/markdown': 'markdown',
  'text/x-markdown': 'markdown',
  'text/csv': 'csv',
  'application/csv': 'csv',
  'text/tab-separated-values': 'csv',
  'application/json': 'json',
  'application/x-ndjson': 'json',
  'application/ndjson': 'json',
  'application/xml': 'xml',
  'text/xml': 'xml',
}

const ENDINGS: Record<string, TextType> = {
  pdf: 'pdf',
  docx: 'docx',
  html: 'html',
  htm: 'html',
  xhtml: 'html',
  md: 'markdown',
  markdown: 'markdown',
  csv: 'csv',
  tsv: 'csv',
  json: 'json',
  jsonl: 'json',
  ndjson: 'json',
  geojson: 'json',
  xml: 'xml',
  rss: 'xml',
  atom: 'xml',
  svg: 'xml',
  kml: 'xml',
  opml: 'xml',
  txt: 'plain',
  text: 'plain',
  log: 'plain',
}

const TEXTUAL = /^(text\/.+|application\/(javascript|ecmascript|yaml|x-yaml|toml|sql|x-sh)|.+\+yaml)$/
const SAYS_NOTHING = /^(text\/plain|application\/octet-stream|binary\/octet-stream|application\/x-unknown)?$/

/** First bytes of what we know and do not read, in hexadecimal. */
const KNOWN: readonly (readonly [magic: RegExp, name: string])[] = [
  [/^89504e470d0a/, 'a PNG picture'],
  [/^ffd8ff/, 'a JPEG picture'],
  [/^474946383[79]61/, 'a GIF picture'],
  [/^52494646.{8}57454250/, 'a WebP picture'],
  [/^(49492a00|4d4d002a)/, 'a TIFF picture'],
  [/^1f8b/, 'a gzip archive'],
  [/^425a683[1-9]/, 'a bzip2 archive'],
  [/^fd377a585a00/, 'an xz archive'],
  [/^377abcaf271c/, 'a 7z archive'],
  [/^526172211a07/, 'a rar archive'],
  [/^28b52ffd/, 'a zstd archive'],
  [/^(7f454c46|0061736d|4d5a9000)/, 'a program'],
  [/^53514c69746520666f726d6174203300/, 'an SQLite database'],
  [/^7b5c727466/, 'an rtf document'],
  [/^25215053/, 'a PostScript document'],
  [/^(4944330[2-4]|fffb)/, 'an mp3 recording'],
  [/^000000.{2}66747970/, 'an mp4 recording'],
  [/^4f67675300/, 'an ogg recording'],
]

/** Types whose content is text that holds encoded parts, which nobody can read as it stands. */
const ENCODED: readonly (readonly [type: RegExp, ending: RegExp, name: string])[] = [
  [/^(message\/rfc822|application\/mbox)$/, /^(eml|mbox)$/, 'an e-mail message'],
  [/^multipart\/related$/, /^(mht|mhtml)$/, 'a web archive'],
  [/^(application|text)\/rtf$/, /^rtf$/, 'an rtf document'],
]

const ENCRYPTED = Buffer.from('EncryptedPackage', 'utf16le')

const READ = 'pdf, docx, html, markdown, csv, json, xml and plain text are read'

/** Which reader a file needs: by its content, else its content type, else its name's ending. Throws `Unreadable` for what has none, and for a pdf or docx that is something else. */
export function sniff(bytes: Uint8Array, claim: Claim): TextType {
  if (bytes.length === 0) throw new Unreadable('is empty')
  refuseEncoded(claim)
  const claimed = claimedType(claim)
  const found = typeOfContent(bytes, claimed)
  if (found) return found
  if (claimed === 'pdf' || claimed === 'docx')
    throw new Unreadable(`is said to be a ${claimed}, but its content is not one`)
  if (claimed) return claimed
  throw new Unreadable(`is of a type that is not read: ${claim.content_type?.slice(0, 100)}; ${READ}`)
}

function refuseEncoded({ content_type, ending }: Claim): void {
  const type = (content_type ?? '').split(';')[0]!.trim().toLowerCase()
  for (const [types, endings, name] of ENCODED)
    if (types.test(type) || (SAYS_NOTHING.test(type) && endings.test(ending)))
      throw new Unreadable(`is of a type that is not read: it is ${name}; ${READ}`)
}

/** Undefined for what may be text. */
function typeOfContent(bytes: Uint8Array, claimed: TextType | undefined): TextType | undefined {
  const start = Buffer.from(bytes.subarray(0, 1024))
  const head = start.toString('latin1')
  const magic = start.toString('hex', 0, 32)
  const claimsContainer = claimed === 'pdf' || claimed === 'docx'
  const refuse = (name: string) =>
    new Unreadable(
      `${claimsContainer ? `is said to be a ${claimed}, but its content` : 'is of a type that is not read: it'} is ${name}; ${READ}`,
    )

  // Some writers put bytes before the mark; in a text that speaks of pdf files the same letters mean nothing.
  if (/^(\xef\xbb\xbf)?\s{0,8}%PDF-/.test(head) || (claimed === 'pdf' && head.includes('%PDF-'))) {
    if (claimed === 'docx') throw refuse('a pdf')
    return 'pdf'
  }
  if (/^504b(0304|0506)/.test(magic)) {
    const archive = archiveName(bytes)
    if (archive !== 'docx' || claimed === 'pdf') throw refuse(archive === 'docx' ? 'a docx' : archive)
    return 'docx'
  }
  if (magic.startsWith('d0cf11e0')) {
    // Office puts an encrypted document into a container of its old format.
    if (Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(ENCRYPTED))
      throw new Unreadable('is encrypted with a password')
    throw refuse('an Office document in the format used before 2007')
  }
  for (const [pattern, name] of KNOWN) if (pattern.test(magic)) throw refuse(name)
  if (claimsContainer) return undefined
  if (isHtml(head)) return 'html'
  return isXml(head) ? 'xml' : undefined
}

/** Without its zero bytes UTF-16 reads as ASCII here. */
function asciiStart(head: string): string {
  return head.replace(/^(\xef\xbb\xbf|\xff\xfe|\xfe\xff)/, '').replaceAll('\0', '')
}

function isHtml(head: string): boolean {
  const start = asciiStart(head)
  return /^\s*(<\?xml[^>]{0,200}\?>\s*)?(<!--.{0,500}?-->\s*)?(<!doctype html|<html)\b/is.test(start)
}

function isXml(head: string): boolean {
  return /^\s*(<\?xml\s|<(rss|feed|svg)\s[^>]{0,500}(xmlns|version)\s*=)/i.test(asciiStart(head))
}

function archiveName(bytes: Uint8Array): string {
  const names = listZip(bytes).map(({ name }) => name)
  if (names.some((name) => /^word\/document\d*\.xml$/.test(name))) return 'docx'
  if (names.includes('xl/workbook.xml')) return 'an Excel workbook'
  if (names.includes('ppt/presentation.xml')) return 'a PowerPoint presentation'
  if (names.includes('META-INF/container.xml') && names.includes('mimetype')) return 'an EPUB book'
  if (names.includes('content.xml')) return 'an OpenDocument file'
  return 'a zip archive'
}

/** Undefined when it is a type that is not read. */
function claimedType({ content_type, ending }: Claim): TextType | undefined {
  const type = (content_type ?? '').split(';')[0]!.trim().toLowerCase()
  const byEnding = Object.hasOwn(ENDINGS, ending) ? ENDINGS[ending] : undefined
  // Senders that do not know an ending call the file text/plain or a stream of bytes.
  if (SAYS_NOTHING.test(type)) return byEnding ?? 'plain'
  const byType = Object.hasOwn(CLAIMED, type) ? CLAIMED[type] : undefined
  if (byType) return byType
  if (/\+json$/.test(type)) return 'json'
  if (/\+xml$/.test(type)) return 'xml'
  if (TEXTUAL.test(type)) return 'plain'
  return byEnding
}
