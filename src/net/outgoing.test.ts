import type { LookupAddress } from 'node:dns'
import { inspect } from 'node:util'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startReceiver } from '../../test/support/receiver.ts'
import { createOutgoing, type Outgoing, OutgoingError, type OutgoingOptions } from './outgoing.ts'

const receiver = await startReceiver()
afterAll(() => receiver.close())

let open: Outgoing[] = []
afterEach(async () => {
  for (const outgoing of open) await outgoing.close()
  open = []
})
beforeEach(() => {
  receiver.messages.length = 0
  receiver.answers = [{ status: 200 }]
})

const LOOPBACK = ['127.0.0.0/8']

function outgoing(options: Partial<OutgoingOptions> = {}): Outgoing {
  const made = createOutgoing({ allowNetworks: LOOPBACK, ...options })
  open.push(made)
  return made
}

const request = { method: 'POST', url: receiver.url, headers: {}, body: '{}', timeoutSeconds: 10 } as const
const send = (from: Outgoing, rest: object = {}) => from.send({ ...request, ...rest })

/** Returns the error of a request. */
async function thrown(answer: Promise<unknown>): Promise<OutgoingError> {
  return answer.then(
    () => expect.unreachable(),
    (error) => error,
  )
}

/** Creates a resolver that returns these address lists in turn, and the last one from then on. */
function names(...answers: string[][]) {
  const asked: string[] = []
  const lookup: OutgoingOptions['lookup'] = (name, _, done) => {
    asked.push(name)
    const addresses = answers.length > 1 ? answers.shift()! : answers[0]!
    const found = addresses.map((address): LookupAddress => ({ address, family: address.includes(':') ? 6 : 4 }))
    setImmediate(() => done(null, found))
  }
  return { asked, lookup }
}

test('the answer has status, headers and body', async () => {
  receiver.answers = [{ status: 418, headers: { 'X-Tea': 'green' }, body: 'short and stout' }]
  const answer = await send(outgoing(), { headers: { 'x-given': 'yes' }, body: '{"a":1}' })
  expect(answer).toMatchObject({ status: 418, headers: { 'x-tea': 'green' }, truncated: false })
  expect(answer.body.toString()).toBe('short and stout')
  expect(receiver.messages).toMatchObject([{ method: 'POST', body: { a: 1 }, headers: { 'x-given': 'yes' } }])
})

test('a redirect is an answer and is not followed', async () => {
  receiver.answers = [{ status: 307, headers: { location: receiver.url } }]
  expect((await send(outgoing())).status).toBe(307)
  expect(receiver.messages).toHaveLength(1)
})

test('a proxy that the environment names is not used', async () => {
  const before = { ...process.env }
  Object.assign(process.env, { http_proxy: 'http://127.0.0.1:1', HTTP_PROXY: 'http://127.0.0.1:1' })
  try {
    expect((await send(outgoing())).status).toBe(200)
  } finally {
    process.env = before
  }
})

describe('an answer that is', () => {
  test.each([
    ['gzip', gzipSync],
    ['br', brotliCompressSync],
  ])('%s is read', async (encoding, compress) => {
    receiver.answers = [{ status: 200, headers: { 'content-encoding': encoding }, body: compress('a text') }]
    expect((await send(outgoing())).body.toString()).toBe('a text')
  })

  test('endless is read to 1 MB', async () => {
    receiver.answers = ['endless']
    const answer = await send(outgoing())
    expect(answer).toMatchObject({ status: 200, truncated: true })
    expect(answer.body).toHaveLength(1024 * 1024)
  })

  test('a decompression bomb is read to 1 MB', async () => {
    const body = gzipSync(Buffer.alloc(64 * 1024 * 1024))
    receiver.answers = [{ status: 200, headers: { 'content-encoding': 'gzip' }, body }]
    const answer = await send(outgoing())
    expect(answer.truncated).toBe(true)
    expect(answer.body).toHaveLength(1024 * 1024)
  })

  test('not in its declared encoding is an error', async () => {
    receiver.answers = [{ status: 200, headers: { 'content-encoding': 'gzip' }, body: 'plain' }]
    expect(await thrown(send(outgoing()))).toMatchObject({ reason: 'unreachable' })
  })
})

test.each(['hang', 'drip'] as const)('a server that makes it %s is given up', async (answer) => {
  receiver.answers = [answer]
  const error = await thrown(send(outgoing(), { timeoutSeconds: 0.1 }))
  expect(error).toMatchObject({ reason: 'timeout', message: 'took longer than 0.1 s' })
})

test('a name that is not resolved in time is a timeout', async () => {
  const error = await thrown(send(outgoing({ lookup: () => {} }), { url: 'http://slow.example/', timeoutSeconds: 0.1 }))
  expect(error.reason).toBe('timeout')
})

test('a request that timed out while waiting for its connection is not sent later', async () => {
  const lookups: (() => void)[] = []
  const from = outgoing({
    lookup: (_, __, done) => {
      lookups.push(() => done(null, [{ address: '127.0.0.1', family: 4 }]))
      if (lookups.length > 1) for (const resolve of lookups) resolve()
    },
  })
  const url = `http://slow.example:${receiver.port}/`
  expect(await thrown(send(from, { url, timeoutSeconds: 0.1 }))).toMatchObject({ reason: 'timeout' })
  expect((await send(from, { url: `http://slow.example:${receiver.port}/second` })).status).toBe(200)
  expect(receiver.messages.map(({ path }) => path)).toEqual(['/second'])
})

test('a refused and a broken connection are reported with their codes', async () => {
  const gone = await startReceiver()
  await gone.close()
  expect(await thrown(send(outgoing(), { url: gone.url }))).toMatchObject({
    reason: 'unreachable',
    message: 'cannot be reached, or broke off (ECONNREFUSED)',
  })
  receiver.answers = ['reset']
  expect(await thrown(send(outgoing()))).toMatchObject({ reason: 'unreachable' })
})

test('an abort throws its reason, and sends nothing when it came before', async () => {
  receiver.answers = ['hang']
  const controller = new AbortController()
  const reason = new Error('the process stops')
  const answer = send(outgoing(), { signal: controller.signal })
  await receiver.received(1)
  controller.abort(reason)
  expect(await thrown(answer)).toBe(reason)
  expect(await thrown(send(outgoing(), { signal: controller.signal }))).toBe(reason)
  expect(receiver.messages).toHaveLength(1)
})

/** This machine, and what it can reach inside, in the spellings that parsers of addresses know. */
const INWARD = [
  '127.0.0.1',
  '2130706433',
  '0177.0.0.1',
  '0x7f.1',
  '0x7f000001',
  '127.1',
  '127.0.0.1.',
  '１２７.0.0.1',
  '127。0。0。1',
  '%31%32%37.0.0.1',
  '0',
  '0.0.0.0',
  '[::1]',
  '[::]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  '[0:0:0:0:0:ffff:7f00:0001]',
  '[::127.0.0.1]',
  '[64:ff9b::7f00:1]',
  '[2002:7f00:1::]',
  '[fe80::1]',
  '[fd00:ec2::254]',
  '169.254.169.254',
  '10.0.0.1',
  '100.64.0.1',
  '192.168.1.1',
  '224.0.0.1',
  'localhost',
  'localhost.',
  'LOCALHOST',
  'a.localhost',
]

describe('without allowed networks nothing inward is sent', () => {
  test.each(INWARD)('to %s', async (host) => {
    const url = `http://${host}:${receiver.port}/`
    const error = await thrown(send(outgoing({ allowNetworks: [] }), { url }))
    expect(error).toBeInstanceOf(OutgoingError)
    expect(error).toMatchObject({ reason: 'blocked', message: expect.stringContaining('ZERODB_ALLOW_NETWORKS') })
    expect(outgoing({ allowNetworks: [] }).refusal(url)).toBe(error.message)
    expect(receiver.messages).toEqual([])
  })

  test.each([
    ['loopback', ['127.0.0.1']],
    ['loopback of IPv6', ['::1']],
    ['a mapped address', ['::ffff:127.0.0.1']],
    ['the metadata of a cloud', ['169.254.169.254']],
    ['several', ['10.0.0.1', '192.168.0.1', 'fd00::1']],
    ['nothing', []],
  ])('to a name that leads to %s', async (_, addresses) => {
    const { lookup } = names(addresses)
    const error = await thrown(
      send(outgoing({ allowNetworks: [], lookup }), { url: `http://inside.example:${receiver.port}/` }),
    )
    expect(error).toMatchObject({ reason: 'blocked', message: expect.stringContaining('inside.example') })
    for (const address of addresses) expect(inspect(error)).not.toContain(address)
    expect(receiver.messages).toEqual([])
  })
})

test('only the allowed addresses of a name are tried', async () => {
  const { lookup } = names(['10.255.255.1', '::1', '127.0.0.1'])
  const answer = await send(outgoing({ lookup }), { url: `http://mixed.example:${receiver.port}/` })
  expect(answer.status).toBe(200)
})

test('a name is checked for each connection, and the connection goes to the checked address', async () => {
  const { lookup, asked } = names(['127.0.0.1'], ['169.254.169.254'])
  receiver.answers = [{ status: 200, headers: { connection: 'close' } }]
  const from = outgoing({ lookup })
  const url = `http://rebinding.example:${receiver.port}/`
  expect((await send(from, { url })).status).toBe(200)
  expect(await thrown(send(from, { url }))).toMatchObject({ reason: 'blocked' })
  expect(asked).toEqual(['rebinding.example', 'rebinding.example'])
  expect(receiver.messages).toHaveLength(1)
})

test('only http and https are spoken', async () => {
  for (const url of ['ftp://example.com/', 'file:///etc/passwd', 'unix:/run/socket'])
    expect(await thrown(send(outgoing(), { url }))).toMatchObject({ reason: 'blocked' })
})

test('a public address, and a name, are refused only when something is sent', () => {
  for (const url of ['https://example.com/', 'http://8.8.8.8/', 'http://[2606:4700::1111]/'])
    expect(outgoing({ allowNetworks: [] }).refusal(url)).toBeNull()
})
