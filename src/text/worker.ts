import { decode, detectCharset } from './charset.ts'
import { csvText } from './csv.ts'
import { docxText } from './docx.ts'
import { declaredCharset, htmlText } from './html.ts'
import { jsonText, NotJson } from './json.ts'
import { lines } from './lines.ts'
import { markdownText } from './markdown.ts'
import { pdfText } from './pdf.ts'
import { type Claim, sniff, type TextType } from './sniff.ts'
import { Unreadable } from './unreadable.ts'
import { xmlCharset, xmlText } from './xml.ts'

/** First argument of the process as JSON. The file is sent to standard input. */
export interface TextJob extends Claim {
  /** Maximum size of the extracted text in UTF-8. */
  max_text_bytes: number
}

/** The only message of the process, sent before it ends. */
export type TextAnswer = { text: string; type: TextType; truncated: boolean } | { unreadable: string }

async function answer(job: TextJob): Promise<TextAnswer> {
  const bytes = await standardInput()
  let type: TextType | undefined
  try {
    type = sniff(bytes, job)
    const { text, truncated } = await read(type, bytes, job)
    if (text === '')
      throw new Unreadable(
        type === 'pdf' ? 'holds no text; it may be a scan, and pictures are not read' : 'holds no text',
      )
    return { text, type, truncated }
  } catch (error) {
    if (error instanceof Unreadable) return { unreadable: error.message }
    // Parsers throw various errors for unexpected input.
    return { unreadable: `cannot be read${type ? ` as ${type}` : ''}: ${(error as Error).message}` }
  }
}

async function read(type: TextType, bytes: Uint8Array, job: TextJob): Promise<{ text: string; truncated: boolean }> {
  try {
    return await collect(pieces(type, bytes, job), job.max_text_bytes)
  } catch (error) {
    // Truncated logs and JSON with comments are more useful as plain text than not at all.
    if (error instanceof NotJson) return await collect(pieces('plain', bytes, job), job.max_text_bytes)
    throw error
  }
}

async function standardInput(): Promise<Uint8Array> {
  const chunks: Buffer[] = []
  for await (const chunk of process.stdin) chunks.push(chunk)
  return Buffer.concat(chunks)
}

function pieces(type: TextType, bytes: Uint8Array, job: TextJob): Iterable<string> | AsyncIterable<string> {
  if (type === 'pdf') return pdfText(bytes)
  if (type === 'docx') return docxText(bytes)
  const declared = /charset\s*=\s*"?([\w-]{1,40})/i.exec(job.content_type ?? '')?.[1]
  const named =
    type === 'html' ? (declaredCharset(bytes) ?? xmlCharset(bytes)) : type === 'xml' ? xmlCharset(bytes) : undefined
  const text = decode(bytes, detectCharset(bytes, declared ?? named))
  if (type === 'html') return htmlText(text)
  if (type === 'xml') return xmlText(text)
  if (type === 'json') return jsonText(text)
  if (type === 'markdown') return markdownText(lines(text))
  if (type === 'csv') return csvText(lines(text), bytes.length)
  return plainText(lines(text))
}

function* plainText(lines: Iterable<string>): Generator<string> {
  for (const line of lines) yield `${line}\n`
}

/** Collects at most `maxBytes` of text and does not read further. */
async function collect(pieces: Iterable<string> | AsyncIterable<string>, maxBytes: number) {
  const kept: string[] = []
  let bytes = 0
  for await (const piece of pieces) {
    const clean = printable(piece)
    kept.push(clean)
    bytes += Buffer.byteLength(clean)
    if (bytes > maxBytes) break
  }
  // The conversion through UTF-8 replaces lone surrogates, which databases reject.
  const all = Buffer.from(kept.join(''))
  let end = Math.min(all.length, maxBytes)
  while (end < all.length && (all[end]! & 0xc0) === 0x80) end--
  const text = all
    .toString('utf8', 0, end)
    .replace(/[ \t]+$/gm, '')
    .replace(/\n{3,}/g, '\n\n')
    // A tab before the first line is an empty cell.
    .replace(/^[\n ]+/, '')
    .trimEnd()
  return { text, truncated: bytes > maxBytes }
}

/** Removes control characters: databases reject the null character, and the others carry no text. */
function printable(piece: string): string {
  return piece
    .replace(/\r\n?/g, '\n')
    .replace(/(?![\t\n\f])[\p{Cc}\ufeff]/gu, '')
    .replaceAll('\f', '\n')
}

// pdf.js rejects promises without a handler; relevant errors reach `answer`.
process.on('unhandledRejection', () => {})
const result = await answer(JSON.parse(process.argv[2]!))
process.send!(result, () => process.exit())
