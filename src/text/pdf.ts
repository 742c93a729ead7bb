import { type PdfItem, pageText } from './pdf-columns.ts'
import { Unreadable } from './unreadable.ts'

/** The trailer of a complete pdf is within this many bytes from the end; some senders append a little. */
const TAIL_BYTES = 2048

/** Flags of invisible annotations: hidden and no-view. */
const NOT_SHOWN = 2 | 32

/**
 * Yields the text of a pdf page by page, each followed by the values of its form fields. Throws `Unreadable` for a broken,
 * truncated or encrypted file. Takes ownership of `bytes`.
 */
export async function* pdfText(bytes: Uint8Array): AsyncGenerator<string> {
  // pdf.js repairs truncated files and would return half of the text as if it were complete.
  const tail = Buffer.from(bytes.subarray(-TAIL_BYTES)).toString('latin1')
  if (!/startxref\s+\d|%%EOF/.test(tail)) throw new Unreadable('is a broken pdf: its end is missing')

  // Loaded on demand because it takes 0.2 s and only pdf files need it.
  const { getDocumentProxy } = await import('unpdf')
  const pdf = await getDocumentProxy(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length), {
    verbosity: 0,
  }).catch((error: Error) => {
    if (error.name === 'PasswordException') throw new Unreadable('is encrypted with a password')
    throw broken(error)
  })
  const fields = new Set<string>()
  for (let number = 1; number <= pdf.numPages; number++) {
    const page = await pdf.getPage(number).catch((error: Error) => {
      throw broken(error)
    })
    const { items } = await page.getTextContent()
    yield `${pageText(items.filter((item): item is typeof item & PdfItem => 'str' in item))}\n\n`
    // A broken annotation must not lose the text of other pages.
    const annotations = await page.getAnnotations().catch(() => [])
    for (const line of annotations.map(annotationText)) {
      // A field on several pages, and each button of a group, repeats the same value.
      if (line !== undefined && !fields.has(line)) yield `${line}\n`
      if (line !== undefined) fields.add(line)
    }
    page.cleanup()
  }
}

interface Annotation {
  subtype?: string
  annotationFlags?: number
  contentsObj?: { str?: string }
  fieldType?: string
  fieldName?: string
  /** The description of the field that viewers show. */
  alternativeText?: string
  fieldValue?: unknown
  options?: { exportValue: string; displayValue: string }[]
  password?: boolean
  pushButton?: boolean
}

/** Returns `name: value` of a filled form field, or the text of a note on the page. */
function annotationText(annotation: Annotation): string | undefined {
  const { subtype, annotationFlags = 0, contentsObj, fieldType, password, pushButton } = annotation
  if ((annotationFlags & NOT_SHOWN) !== 0) return undefined
  if (subtype === 'FreeText') return contentsObj?.str?.trim() || undefined
  if (subtype !== 'Widget' || password || pushButton || !/^(Tx|Ch|Btn)$/.test(fieldType ?? '')) return undefined
  const values = [annotation.fieldValue].flat().filter((value) => typeof value === 'string')
  const shown = values.map(
    (value) => annotation.options?.find(({ exportValue }) => exportValue === value)?.displayValue ?? value,
  )
  const text = shown.join(', ').replace(/\s+/g, ' ').trim()
  if (text === '' || (fieldType === 'Btn' && text === 'Off')) return undefined
  const name =
    annotation.alternativeText?.trim() ||
    annotation.fieldName
      ?.split('.')
      .at(-1)
      ?.replace(/\[\d+\]/g, '')
  return name ? `${name.replace(/\s*:$/, '')}: ${text}` : text
}

function broken(error: Error): Unreadable {
  return new Unreadable(`is a broken pdf: ${error.message.replace(/\.$/, '')}`, { cause: error })
}
