import { expect, test, vi } from 'vitest'
import type { App } from '../app.ts'
import { createBatchWriter } from './batch-writer.ts'

class ItemError extends Error {}

/** Creates a writer of texts. The database of the test rejects `bad`, and the first `outages` batches. */
function setUp({ maxItems = 10, outages = 0 } = {}) {
  const batches: string[][] = []
  const reduced: string[] = []
  const log = { error: vi.fn() }
  const writer = createBatchWriter<string>({
    log: log as unknown as App['log'],
    waitMs: 0,
    maxItems,
    async write(batch) {
      if (outages-- > 0) throw new Error('connection lost')
      if (batch.includes('bad')) throw new ItemError('bad value')
      batches.push([...batch])
    },
    isItemError: (error) => error instanceof ItemError,
    async writeReduced(item) {
      reduced.push(item)
    },
    onWritten() {},
  })
  return { writer, batches, reduced, log }
}

test('writes items together, in batches of a maximum size', async () => {
  const { writer, batches } = setUp({ maxItems: 2 })
  for (const item of ['a', 'b', 'c']) writer.add(item)
  expect(writer.pending()).toEqual(['a', 'b', 'c'])
  await writer.writing()
  expect(batches).toEqual([['a', 'b'], ['c']])
  expect(writer.pending()).toEqual([])
  expect(writer.writing()).toBeUndefined()
})

test('writes the other items of a batch when the values of one are refused, and the reduced item', async () => {
  const { writer, batches, reduced } = setUp()
  for (const item of ['a', 'bad', 'b']) writer.add(item)
  await writer.writing()
  expect(batches).toEqual([['a'], ['b']])
  expect(reduced).toEqual(['bad'])
})

test('tries a batch again when the database fails, and drops it after a stop', async () => {
  vi.useFakeTimers()
  try {
    const tried = setUp({ outages: 2 })
    tried.writer.add('a')
    const written = tried.writer.writing()
    await vi.runAllTimersAsync()
    await written
    expect(tried.batches).toEqual([['a']])
    expect(tried.log.error).toHaveBeenCalledTimes(2)

    const stopped = setUp({ outages: 2 })
    stopped.writer.add('a')
    stopped.writer.stop()
    const dropped = stopped.writer.writing()
    await vi.runAllTimersAsync()
    await dropped
    expect(stopped.batches).toEqual([])
    expect(stopped.writer.pending()).toEqual([])
  } finally {
    vi.useRealTimers()
  }
})
