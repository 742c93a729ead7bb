import { verifyWebhook, ZeroDB, ZeroDBError } from '../../src/client/index.ts'

/** A program that uses the SDK in any runtime. Returns its observations, which are the same everywhere. */
export async function exercise(url: string, apiKey: string): Promise<Record<string, unknown>> {
  const zerodb = new ZeroDB({ url, apiKey })
  const seen: Record<string, unknown> = {}

  const events = zerodb.event_log.stream({ event_type: 'zeromemory.remembered' })
  seen['opened'] = (await events.next()).value?.event
  const { memory_id } = await zerodb.memory.remember({ content: 'Maria leads the Apollo project in Oslo' })
  const { value: told } = await events.next()
  seen['heard of it'] =
    told?.event === 'event' && told.data.event === 'zeromemory.remembered' && told.data.data.memory_id === memory_id
  await events.return()

  const { results } = await zerodb.memory.recall({ query: 'who leads Apollo?' })
  seen['recalled'] = results.map(({ content }) => content)

  await zerodb.tables.create({ table_name: 'numbers' })
  await zerodb.rows.insert({ table: 'numbers', rows: [1, 2, 3, 4, 5].map((n) => ({ n })) })
  const numbers: unknown[] = []
  for await (const row of zerodb.rows.list({ table: 'numbers', limit: 2 })) numbers.push(row.row_data['n'])
  seen['all pages'] = numbers

  const text = 'first line\nsecond line, with ünïcode\n'
  const file = await zerodb.files.upload({ file_name: 'notes.txt', content: new Blob([text], { type: 'text/plain' }) })
  seen['uploaded'] = [file.file_name, file.content_type, file.size_bytes]
  seen['downloaded'] = (await (await zerodb.files.download({ file_id: file.file_id })).text()) === text
  const part = await zerodb.files.download({ file_id: file.file_id }, { range: { start: 6, end: 10 } })
  seen['a part'] = await part.text()

  const refused = await zerodb.vectors.upsert({}).catch((error: unknown) => error)
  seen['refused'] = refused instanceof ZeroDBError && [refused.status, refused.code, refused.message]

  const message = await verifyWebhook({
    secrets: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    headers: {
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    },
    body: '{"test": 2432232314}',
    toleranceSeconds: Number.POSITIVE_INFINITY,
  })
  seen['verified'] = message
  return seen
}

export const EXPECTED = {
  opened: 'open',
  'heard of it': true,
  recalled: ['Maria leads the Apollo project in Oslo'],
  'all pages': [1, 2, 3, 4, 5],
  uploaded: ['notes.txt', 'text/plain', 39],
  downloaded: true,
  'a part': 'line',
  refused: [
    422,
    'validation_failed',
    'vector_embedding: Field required: send vector_embedding, or a document with text to be embedded',
  ],
  verified: { test: 2432232314 },
}
