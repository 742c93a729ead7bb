import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readEvents, type StreamPart } from './sse.ts'

const encoder = new TextEncoder()

async function read(chunks: readonly Uint8Array[], onBytes = () => {}): Promise<StreamPart[]> {
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk)
      controller.close()
    },
  })
  const parts: StreamPart[] = []
  for await (const part of readEvents(body, JSON, onBytes)) parts.push(part)
  return parts
}

const message = (event: string, data: unknown, id?: string): StreamPart => ({
  kind: 'message',
  message: { event, data },
  id,
})

const STREAM = `: still here

retry: 1500

id: 7
event: log
data: {"message": "ünï 😀"}

event:status
data:{"status":
data: "running"}

data: 1

`
const PARTS: StreamPart[] = [
  { kind: 'retry', ms: 1500 },
  message('log', { message: 'ünï 😀' }, '7'),
  message('status', { status: 'running' }),
  message('message', 1),
]

test.each([
  ['LF', '\n'],
  ['CRLF', '\r\n'],
  ['CR', '\r'],
])('lines may end with %s', async (_, lineEnd) => {
  // The LF behind a last CR shows that this CR is not half of a CRLF.
  const text = STREAM.replaceAll('\n', lineEnd)
  expect(await read([encoder.encode(`${text}:\n`)])).toEqual(PARTS)
})

test('chunks may split a stream anywhere, within a line end and a character too', async () => {
  const bytes = encoder.encode(STREAM.replaceAll('\n', '\r\n'))
  for (let at = 0; at <= bytes.length; at++)
    expect(await read([bytes.slice(0, at), bytes.slice(at)]), `split at ${at}`).toEqual(PARTS)
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(bytes.length)), async (places) => {
      const cuts = [0, ...places.sort((a, b) => a - b), bytes.length]
      expect(await read(cuts.slice(1).map((end, n) => bytes.slice(cuts[n], end)))).toEqual(PARTS)
    }),
  )
})

test('the lines of a message’s data are joined with line feeds', async () => {
  const data = JSON.stringify({ rows: [1, { text: 'a\nb' }] }, null, 2)
  const text = `data: ${data.replaceAll('\n', '\ndata: ')}\n\n`
  expect(await read([encoder.encode(text)])).toEqual([message('message', JSON.parse(data))])
})

test('each chunk is reported, comments included; comments and unknown fields are not messages', async () => {
  let count = 0
  const chunks = [': open\n\n', ': still here\n', 'colour: red\nretry: soon\ndata: 1\n\n', ':\n'].map((text) =>
    encoder.encode(text),
  )
  expect(await read(chunks, () => count++)).toEqual([message('message', 1)])
  expect(count).toBe(chunks.length)
})

test('an event without data is not a message, and neither is one that the connection cut off', async () => {
  expect(await read([encoder.encode('id: 1\ndata:\n\nevent: log\n\nid: 2\ndata: 2\n\nid: 3\ndata: 3\n')])).toEqual([
    message('message', 2, '2'),
  ])
})

test('messages before one that is not JSON arrive, then reading fails', async () => {
  const body = new Response('data: 1\n\ndata: {\n\n').body!
  const parts = readEvents(body, JSON, () => {})
  expect((await parts.next()).value).toEqual(message('message', 1))
  await expect(parts.next()).rejects.toThrow(SyntaxError)
})
