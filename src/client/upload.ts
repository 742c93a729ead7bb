import type { JsonCodec, UploadContent } from './transport.ts'

/** The type of a request body of fetch. */
export type Body = NonNullable<RequestInit['body']>

interface UploadBody {
  body: Body
  headers: Record<string, string>
  /** Whether the body is a stream, which can only be sent once. */
  isStream: boolean
}

/** Creates a multipart body with the fields followed by the content. */
export function uploadBody(
  { content, ...fields }: UploadContent & Record<string, unknown>,
  json: JsonCodec,
): UploadBody {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined && value !== null)
  const texts = given.map(
    ([name, value]) => [name, typeof value === 'object' ? json.stringify(value) : String(value)] as const,
  )
  const name = typeof fields['file_name'] === 'string' ? fields['file_name'] : 'file'
  if (content instanceof Blob || content instanceof Uint8Array) {
    const form = new FormData()
    for (const [field, text] of texts) form.set(field, text)
    form.set('file', content instanceof Blob ? content : new Blob([content as Uint8Array<ArrayBuffer>]), name)
    return { body: form, headers: {}, isStream: false }
  }
  const boundary = `zerodb-${crypto.randomUUID()}`
  const source = multipart(boundary, texts, name, content!)
  return {
    body: streamOf(source),
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
    isStream: true,
  }
}

async function* multipart(
  boundary: string,
  texts: readonly (readonly [string, string])[],
  fileName: string,
  content: AsyncIterable<Uint8Array> | ReadableStream<Uint8Array>,
): AsyncGenerator<Uint8Array, void> {
  const encoder = new TextEncoder()
  const head = (name: string, more = '') =>
    `--${boundary}\r\nContent-Disposition: form-data; name="${quoted(name)}"${more}\r\n`
  for (const [name, text] of texts) yield encoder.encode(`${head(name)}\r\n${text}\r\n`)
  yield encoder.encode(
    `${head('file', `; filename="${quoted(fileName)}"`)}Content-Type: application/octet-stream\r\n\r\n`,
  )
  yield* Symbol.asyncIterator in content ? (content as AsyncIterable<Uint8Array>) : chunks(content)
  yield encoder.encode(`\r\n--${boundary}--\r\n`)
}

/** Escapes a name as browsers do: https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data */
function quoted(name: string): string {
  return name.replace(/\r\n?|\n/g, '%0D%0A').replace(/"/g, '%22')
}

function streamOf(source: AsyncGenerator<Uint8Array, void>): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await source.next()
      if (done) controller.close()
      else controller.enqueue(value)
    },
    async cancel() {
      await source.return()
    },
  })
}

/** Iterates over a stream. Streams are not async iterable in every browser. */
export async function* chunks(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  const reader = stream.getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      yield value
    }
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}
