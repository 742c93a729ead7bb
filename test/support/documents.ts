import { Readable } from 'node:stream'
import { createDeflate, createDeflateRaw, deflateRawSync, deflateSync } from 'node:zlib'
import { strToU8, type Zippable, zipSync } from 'fflate'

/** Returns a PDF of these objects with a correct cross-reference table. The first object is the catalog. */
export function pdfOf(objects: readonly (string | Uint8Array)[], trailer = ''): Buffer {
  const parts: Buffer[] = [Buffer.from('%PDF-1.7\n')]
  const places: number[] = []
  let size = parts[0]!.length
  for (const [i, object] of objects.entries()) {
    const part = Buffer.concat([Buffer.from(`${i + 1} 0 obj\n`), Buffer.from(object), Buffer.from('\nendobj\n')])
    places.push(size)
    size += part.length
    parts.push(part)
  }
  const table = places.map((place) => `${String(place).padStart(10, '0')} 00000 n \n`).join('')
  const count = objects.length + 1
  parts.push(
    Buffer.from(
      `xref\n0 ${count}\n0000000000 65535 f \n${table}trailer\n<< /Size ${count} /Root 1 0 R ${trailer} >>\nstartxref\n${size}\n%%EOF\n`,
    ),
  )
  return Buffer.concat(parts)
}

/** Returns a PDF stream. `packed`: the content is already deflated. */
export function pdfStream(
  content: string | Uint8Array,
  options: { deflate?: boolean; packed?: boolean; length?: number } = {},
): Buffer {
  const body = options.deflate ? deflateSync(content) : Buffer.from(content)
  const filter = options.deflate || options.packed ? '/Filter /FlateDecode' : ''
  return Buffer.concat([
    Buffer.from(`<< /Length ${options.length ?? body.length} ${filter} >>\nstream\n`),
    body,
    Buffer.from('\nendstream'),
  ])
}

/** Returns a PDF with one page for each content stream. */
export function pdfOfPages(streams: readonly Uint8Array[], catalog = '', trailer = ''): Buffer {
  const kids = streams.map((_, i) => `${4 + 2 * i} 0 R`).join(' ')
  return pdfOf(
    [
      `<< /Type /Catalog /Pages 2 0 R ${catalog} >>`,
      `<< /Type /Pages /Kids [${kids}] /Count ${streams.length} /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >> >>`,
      '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
      ...streams.flatMap((stream, i) => [`<< /Type /Page /Parent 2 0 R /Contents ${5 + 2 * i} 0 R >>`, stream]),
    ],
    trailer,
  )
}

/** Returns a PDF with one page for each list of lines. */
export function pdf(pages: readonly (readonly string[])[]): Buffer {
  const show = (line: string) => `(${line.replace(/[\\()]/g, '\\$&')}) Tj T*`
  return pdfOfPages(
    pages.map((lines) =>
      pdfStream(`BT /F1 10 Tf 12 TL 50 800 Td\n${lines.map(show).join('\n')}\nET`, { deflate: true }),
    ),
  )
}

const TYPES =
  '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="xml" ContentType="application/xml"/></Types>'

export function documentXml(body: string, doctype = ''): string {
  return `<?xml version="1.0" encoding="UTF-8"?>${doctype}<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>${body}</w:body></w:document>`
}

/** Returns a DOCX with this body, in WordprocessingML, and further entries. */
export function docx(body: string, more: Zippable = {}, doctype = ''): Uint8Array {
  return zipSync({
    '[Content_Types].xml': strToU8(TYPES),
    'word/document.xml': strToU8(documentXml(body, doctype)),
    ...more,
  })
}

export function paragraph(text: string): string {
  return `<w:p><w:r><w:t xml:space="preserve">${text}</w:t></w:r></w:p>`
}

/** Returns a zip archive of entries that are already deflated. The sizes that the archive states can be wrong. */
export function forgedZip(
  entries: readonly {
    name: string
    packed: Uint8Array
    inflated: number
    compressed?: number
    isEncrypted?: boolean
  }[],
  claim: { count?: number; shareFirst?: boolean } = {},
): Buffer {
  const locals: Buffer[] = []
  const directory: Buffer[] = []
  let offset = 0
  for (const [i, { name, packed, inflated, compressed = packed.length, isEncrypted }] of entries.entries()) {
    const fields = Buffer.alloc(26)
    fields.writeUInt16LE(20, 0)
    fields.writeUInt16LE(isEncrypted ? 1 : 0, 2)
    fields.writeUInt16LE(8, 4)
    fields.writeUInt32LE(compressed, 14)
    fields.writeUInt32LE(inflated, 18)
    fields.writeUInt16LE(name.length, 22)
    const place = Buffer.alloc(14)
    place.writeUInt32LE(claim.shareFirst ? 0 : offset, 10)
    directory.push(Buffer.from('PK\x01\x02\x14\0'), fields, place, Buffer.from(name))
    if (claim.shareFirst && i > 0) continue
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), fields, Buffer.from(name), packed])
    locals.push(local)
    offset += local.length
  }
  const body = Buffer.concat(directory)
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 'latin1')
  end.writeUInt16LE(claim.count ?? entries.length, 8)
  end.writeUInt16LE(claim.count ?? entries.length, 10)
  end.writeUInt32LE(body.length, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...locals, body, end])
}

/** Deflates an entry for `forgedZip`. */
export function deflated(content: string | Uint8Array): Buffer {
  return deflateRawSync(content, { level: 9 })
}

/**
 * Deflates `start`, then `unit` repeated up to about `bytes`, then `end`, as a zip entry or a PDF stream. The text is never in memory as a
 * whole.
 */
export async function deflatedFill(
  format: 'zip' | 'pdf',
  bytes: number,
  unit: string,
  start = '',
  end = '',
): Promise<Buffer> {
  const block = Buffer.from(unit.repeat(Math.ceil(64_000 / unit.length)))
  function* blocks(): Generator<Buffer> {
    yield Buffer.from(start)
    for (let size = 0; size < bytes; size += block.length) yield block
    yield Buffer.from(end)
  }
  const packer = format === 'zip' ? createDeflateRaw({ level: 9 }) : createDeflate({ level: 9 })
  const chunks: Buffer[] = []
  for await (const chunk of Readable.from(blocks(), { objectMode: false }).pipe(packer)) chunks.push(chunk)
  return Buffer.concat(chunks)
}
