import { type PdfItem, pageText } from './pdf-columns.ts'
import { Unreadable } from './unreadable.ts'

/** Where a whole pdf says how it ends, in bytes from its end; some senders add a little behind it. */
const TAIL_BYTES = 2048

/** Flags of an annotation that is not shown: hidden, and no view. */
const NOT_SHOWN = 2 | 32

/**
 * The text of a pdf page by page, with the values of form fields behind the text of their page. Throws `Unreadable` for a
 * broken, cut off or encrypted one. Takes `bytes` over.
 */
export async function* pdfText(bytes: Uint8Array): AsyncGenerator<string> {
  // pdf.js makes up what is missing of a file that was cut off, and would pass half of it as the whole.
  const tail = Buffer.from(bytes.subarray(-TAIL_BYTES)).toString('latin1')
  if (!/startxref\s+\d|%%EOF/.test(tail)) throw new Unreadable('is a broken pdf: its end is missing')

  // Loaded here because it costs 0.2 s, and only pdf files need it.
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
    // A broken annotation must not cost the text of the other pages.
    const annotations = await page.getAnnotations().catch(() => [])
    for (const line of annotations.map(annotationText)) {
      // A field that stands on several pages, and each button of a group, has the same value.
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
  /** What a reader is told of the field. */
  alternativeText?: string
  fieldValue?: unknown
  options?: { exportValue: string; displayValue: string }[]
  password?: boolean
  pushButton?: boolean
}

/** `name: value` of a form field that has one, and the text of a note that is written on the page. */
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
