import { listZip } from './docx.ts'
import { Unreadable } from './unreadable.ts'

export type TextType = 'pdf' | 'docx' | 'html' | 'markdown' | 'csv' | 'plain' | 'json' | 'xml'

/** What the sender declares about a file. The content takes precedence. */
export interface Claim {
  content_type: string | null
  /** File extension in lower case without the dot; empty if there is none. */
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

/** First bytes in hexadecimal of known types that are not supported. */
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

/** Types whose content is text with encoded parts, which are not readable without decoding. */
const ENCODED: readonly (readonly [type: RegExp, ending: RegExp, name: string])[] = [
  [/^(message\/rfc822|application\/mbox)$/, /^(eml|mbox)$/, 'an e-mail message'],
  [/^multipart\/related$/, /^(mht|mhtml)$/, 'a web archive'],
  [/^(application|text)\/rtf$/, /^rtf$/, 'an rtf document'],
]

const ENCRYPTED = Buffer.from('EncryptedPackage', 'utf16le')

const READ = 'pdf, docx, html, markdown, csv, json, xml and plain text are read'

/**
 * Returns the reader for a file, by its content, its content type or the ending of its name, in this order. Throws
 * `Unreadable` for unsupported types, and for a declared pdf or docx with other content.
 */
export function sniff(bytes: Uint8Array, claim: Claim): TextType {
  if (bytes.length === 0) throw new Unreadable('is empty')
  rejectEncoded(claim)
  const claimed = claimedType(claim)
  const found = typeOfContent(bytes, claimed)
  if (found) return found
  if (claimed === 'pdf' || claimed === 'docx')
    throw new Unreadable(`is declared as a ${claimed}, but its content is not one`)
  if (claimed) return claimed
  throw new Unreadable(`has an unsupported type: ${claim.content_type?.slice(0, 100)}; ${READ}`)
}

function rejectEncoded({ content_type, ending }: Claim): void {
  const type = (content_type ?? '').split(';')[0]!.trim().toLowerCase()
  for (const [types, endings, name] of ENCODED)
    if (types.test(type) || (SAYS_NOTHING.test(type) && endings.test(ending)))
      throw new Unreadable(`has an unsupported type: it is ${name}; ${READ}`)
}

/** Returns undefined for content that may be text. */
function typeOfContent(bytes: Uint8Array, claimed: TextType | undefined): TextType | undefined {
  const start = Buffer.from(bytes.subarray(0, 1024))
  const head = start.toString('latin1')
  const magic = start.toString('hex', 0, 32)
  const claimsContainer = claimed === 'pdf' || claimed === 'docx'
  const unreadable = (name: string) =>
    new Unreadable(
      `${claimsContainer ? `is declared as a ${claimed}, but its content` : 'has an unsupported type: it'} is ${name}; ${READ}`,
    )

  // Some writers put bytes before the mark, but in a text about pdf files the same letters have no meaning.
  if (/^(\xef\xbb\xbf)?\s{0,8}%PDF-/.test(head) || (claimed === 'pdf' && head.includes('%PDF-'))) {
    if (claimed === 'docx') throw unreadable('a pdf')
    return 'pdf'
  }
  if (/^504b(0304|0506)/.test(magic)) {
    const archive = archiveName(bytes)
    if (archive !== 'docx' || claimed === 'pdf') throw unreadable(archive === 'docx' ? 'a docx' : archive)
    return 'docx'
  }
  if (magic.startsWith('d0cf11e0')) {
    // Office stores an encrypted document in a container of its old format.
    if (Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(ENCRYPTED))
      throw new Unreadable('is encrypted with a password')
    throw unreadable('an Office document in the format used before 2007')
  }
  for (const [pattern, name] of KNOWN) if (pattern.test(magic)) throw unreadable(name)
  if (claimsContainer) return undefined
  if (isHtml(head)) return 'html'
  return isXml(head) ? 'xml' : undefined
}

/** Returns the start as ASCII, without zero bytes so that UTF-16 works as well. */
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

/** Returns undefined for an unsupported type. */
function claimedType({ content_type, ending }: Claim): TextType | undefined {
  const type = (content_type ?? '').split(';')[0]!.trim().toLowerCase()
  const byEnding = Object.hasOwn(ENDINGS, ending) ? ENDINGS[ending] : undefined
  // Senders that do not know an ending declare text/plain or application/octet-stream.
  if (SAYS_NOTHING.test(type)) return byEnding ?? 'plain'
  const byType = Object.hasOwn(CLAIMED, type) ? CLAIMED[type] : undefined
  if (byType) return byType
  if (/\+json$/.test(type)) return 'json'
  if (/\+xml$/.test(type)) return 'xml'
  if (TEXTUAL.test(type)) return 'plain'
  return byEnding
}
