import { Inflate } from 'fflate'
import { Unreadable } from './unreadable.ts'
import { readHidingStyles, wordText } from './word-xml.ts'

const MAX_ENTRIES = 2000
const MAX_RATIO = 100
const MAX_PART_BYTES = 50 * 1024 * 1024
/** Deflate expands a byte to at most 1,032 bytes, so one step yields at most 17 MB. */
const STEP_BYTES = 16 * 1024

const DOCUMENT = /^word\/document\d*\.xml$/
/** The parts that are read, in this order. */
const PARTS = [
  { name: /^word\/header\d*\.xml$/, max: Number.POSITIVE_INFINITY },
  { name: DOCUMENT, max: 1 },
  { name: /^word\/footnotes\.xml$/, max: 1 },
  { name: /^word\/endnotes\.xml$/, max: 1 },
  { name: /^word\/footer\d*\.xml$/, max: Number.POSITIVE_INFINITY },
]
const STYLES = 'word/styles.xml'

interface ZipEntry {
  name: string
  method: number
  isEncrypted: boolean
  compressed: number
  /** Size that the archive declares. Not trusted. */
  inflated: number
  /** Offset of the local header. */
  offset: number
}

/**
 * Yields the text of a Word document with headers, footers, footnotes and endnotes, after all tracked changes and without
 * hidden text. Only these parts and the styles are inflated, lazily, and not beyond their declared size of at most 50 MB.
 * Throws `Unreadable` for archives with more than 2,000 entries or a compression ratio over 100, and for broken or
 * encrypted ones.
 */
export function* docxText(bytes: Uint8Array): Generator<string> {
  const entries = listZip(bytes)
  const inflated = entries.reduce((sum, entry) => sum + entry.inflated, 0)
  if (inflated > MAX_RATIO * bytes.length)
    throw new Unreadable(`would inflate to more than ${MAX_RATIO} times its size`)
  const parts = PARTS.flatMap((part) => entries.filter(({ name }) => part.name.test(name)).slice(0, part.max))
  const styles = entries.filter(({ name }) => name === STYLES).slice(0, 1)
  if ([...parts, ...styles].reduce((sum, part) => sum + part.inflated, 0) > MAX_PART_BYTES)
    throw new Unreadable(`would inflate to more than ${MAX_PART_BYTES / 1024 / 1024} MB`)

  const hidingStyles = new Set(styles.flatMap((part) => readHidingStyles(inflate(bytes, part))))
  const read = new Set<string>()
  for (const part of parts) {
    const pieces = wordText(inflate(bytes, part), hidingStyles)
    if (DOCUMENT.test(part.name)) yield* pieces
    else {
      // Sections, and first, odd and even pages, often repeat the same header.
      const text = [...pieces].join('')
      if (!read.has(text.trim())) yield text
      read.add(text.trim())
    }
  }
}

/** Reads the directory of a zip archive. Throws `Unreadable` if it is broken or has more than 2,000 entries. */
export function listZip(bytes: Uint8Array): ZipEntry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  try {
    const end = endOfDirectory(view)
    const count = view.getUint16(end + 10, true)
    if (count > MAX_ENTRIES) throw new Unreadable(`is an archive of more than ${MAX_ENTRIES} entries`)
    const entries: ZipEntry[] = []
    let at = view.getUint32(end + 16, true)
    for (let i = 0; i < count; i++) {
      if (view.getUint32(at, true) !== 0x02014b50) throw broken()
      const nameLength = view.getUint16(at + 28, true)
      entries.push({
        isEncrypted: (view.getUint16(at + 8, true) & 1) === 1,
        method: view.getUint16(at + 10, true),
        compressed: view.getUint32(at + 20, true),
        inflated: view.getUint32(at + 24, true),
        offset: view.getUint32(at + 42, true),
        name: Buffer.from(bytes.subarray(at + 46, at + 46 + nameLength)).toString(),
      })
      at += 46 + nameLength + view.getUint16(at + 30, true) + view.getUint16(at + 32, true)
    }
    return entries
  } catch (error) {
    // Wrong offsets or lengths cause reads past the end.
    if (error instanceof RangeError) throw broken(error)
    throw error
  }
}

function endOfDirectory(view: DataView): number {
  const first = Math.max(0, view.byteLength - 22 - 0xffff)
  for (let at = view.byteLength - 22; at >= first; at--) if (view.getUint32(at, true) === 0x06054b50) return at
  throw new Unreadable('is a broken archive: its end is missing')
}

function* inflate(
  bytes: Uint8Array,
  { name, method, isEncrypted, compressed, ...entry }: ZipEntry,
): Generator<Uint8Array> {
  if (isEncrypted) throw new Unreadable('is encrypted with a password')
  if (method !== 0 && method !== 8) throw broken(`"${name}" has an unknown compression method`)
  if (entry.offset + 30 > bytes.length) throw broken()
  const header = new DataView(bytes.buffer, bytes.byteOffset + entry.offset, 30)
  const start = entry.offset + 30 + header.getUint16(26, true) + header.getUint16(28, true)
  if (header.getUint32(0, true) !== 0x04034b50 || start + compressed > bytes.length) throw broken()

  const chunks: Uint8Array[] = []
  const inflater = new Inflate((chunk) => chunks.push(chunk))
  let total = 0
  for (let at = 0; at < compressed; at += STEP_BYTES) {
    const step = bytes.subarray(start + at, start + Math.min(at + STEP_BYTES, compressed))
    if (method === 0) chunks.push(step)
    else push(inflater, step, at + STEP_BYTES >= compressed)
    for (const chunk of chunks.splice(0)) {
      total += chunk.length
      if (total > entry.inflated) throw broken(`"${name}" inflates to more than it declares`)
      yield chunk
    }
  }
  if (total < entry.inflated) throw broken(`"${name}" is shorter than it declares`)
}

function push(inflater: Inflate, step: Uint8Array, isLast: boolean): void {
  try {
    inflater.push(step, isLast)
  } catch (error) {
    throw broken(error instanceof Error ? error.message : undefined)
  }
}

function broken(cause?: unknown): Unreadable {
  return new Unreadable(`is a broken archive${typeof cause === 'string' ? `: ${cause}` : ''}`, { cause })
}
