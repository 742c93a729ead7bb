import { Unreadable } from './unreadable.ts'

/** Where a whole pdf says how it ends, in bytes from its end; some senders add a little behind it. */
const TAIL_BYTES = 2048

/** The text of a pdf page by page, in the order in which it was written. Throws `Unreadable` for a broken, cut off or encrypted one. Takes `bytes` over. */
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
  for (let number = 1; number <= pdf.numPages; number++) {
    const page = await pdf.getPage(number).catch((error: Error) => {
      throw broken(error)
    })
    const { items } = await page.getTextContent()
    yield `${items.map((item) => ('str' in item ? item.str + (item.hasEOL ? '\n' : '') : '')).join('')}\n\n`
    page.cleanup()
  }
}

function broken(error: Error): Unreadable {
  return new Unreadable(`is a broken pdf: ${error.message.replace(/\.$/, '')}`, { cause: error })
}
