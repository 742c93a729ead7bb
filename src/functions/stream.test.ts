import { expect, test } from 'vitest'
import type { StreamHead, StreamItem } from '../schema/streamed-result.ts'
import { createStreamRequests } from './stream.ts'

const { signal } = new AbortController()

function receiving({ accepts = true } = {}) {
  const heads: StreamHead[] = []
  const items: StreamItem[] = []
  let release = () => {}
  const receiver = {
    left: new AbortController().signal,
    start(head: StreamHead) {
      heads.push(head)
      return accepts
    },
    write(item: StreamItem) {
      items.push(item)
      return new Promise<void>((resolve) => {
        release = resolve
      })
    },
  }
  const request = createStreamRequests(receiver, 'r1')
  return {
    heads,
    items,
    release: () => release(),
    ask: (name: string, body: unknown) => Promise.resolve(request(name, body, signal)),
  }
}

test('other requests are not handled', () => {
  expect(createStreamRequests(undefined, 'r1')('operation', {}, signal)).toBe(undefined)
  expect(createStreamRequests(undefined, 'r1')('stream.other', {}, signal)).toBe(undefined)
})

test('without a receiver, or with one that refuses, the result is collected', async () => {
  expect(await createStreamRequests(undefined, 'r1')('stream.start', { kind: 'items' }, signal)).toEqual({
    accepted: false,
  })
  const { ask } = receiving({ accepts: false })
  expect(await ask('stream.start', { kind: 'items' })).toEqual({ accepted: false })
  await expect(ask('stream.write', { text: 'a' })).rejects.toThrow('has not started')
})

test.each([
  [{}, 'a response must have a status from 200 to 599'],
  [{ kind: 'response', status: 99, headers: [] }, 'a response must have a status from 200 to 599'],
  [{ kind: 'response', status: 200, headers: [['a b', '1']] }, 'a response has a header with an invalid name'],
  [{ kind: 'response', status: 200, headers: [['a', '1\r\nb: 2']] }, 'the header a has characters'],
])('a wrong head is refused (%j)', async (head, message) => {
  const { ask, heads } = receiving()
  await expect(ask('stream.start', head)).rejects.toThrow(message)
  expect(heads).toEqual([])
})

test('a stream starts once', async () => {
  const { ask } = receiving()
  await ask('stream.start', { kind: 'items' })
  await expect(ask('stream.start', { kind: 'items' })).rejects.toThrow('has already started')
})

test('items wait for each other, and user code that does not wait is refused', async () => {
  const { ask, items, release } = receiving()
  await ask('stream.start', { kind: 'items' })
  const first = ask('stream.write', { text: 'a' })
  await expect(ask('stream.write', { json: 1 })).rejects.toThrow('one item at a time')
  release()
  expect(await first).toBe(null)
  const second = ask('stream.write', { json: undefined })
  release()
  await second
  expect(items).toEqual([{ text: 'a' }, { json: null }])
})

test('a body consists of bytes', async () => {
  const { ask, items, release } = receiving()
  await ask('stream.start', { kind: 'response', status: 200, headers: [['A', '1']] })
  await expect(ask('stream.write', { text: 'a' })).rejects.toThrow('consists of bytes')
  const written = ask('stream.write', { bytes: 'YQ==' })
  release()
  await written
  expect(items).toEqual([{ bytes: Buffer.from('a') }])
})

test.each(['x', 'é', '🍵'])('the size of a stream of %s is limited in bytes', async (character) => {
  const { ask, release } = receiving()
  await ask('stream.start', { kind: 'items' })
  const megabyte = character.repeat((1024 * 1024) / Buffer.byteLength(character))
  for (let i = 0; i < 100; i++) {
    const written = ask('stream.write', { text: megabyte })
    release()
    await written
  }
  await expect(ask('stream.write', { text: 'x' })).rejects.toThrow('at most 100 MB')
})
