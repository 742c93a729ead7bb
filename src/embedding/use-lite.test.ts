import { Worker } from 'node:worker_threads'
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { EMBEDDERS, type Embedder } from './index.ts'
import { useLite } from './use-lite.ts'

const embedder = useLite()
afterAll(() => embedder.close())

const filler = Array.from({ length: 100 }, (_, i) => `The ship's log of day ${i} speaks of calm weather.`).join(' ')

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0)
}

function distance(a: Float32Array, b: Float32Array): number {
  return Math.max(...a.map((value, i) => Math.abs(value - b[i]!)))
}

/** The batches that were sent to the thread since the start of the test. */
function batches(): string[][] {
  return vi.mocked(Worker.prototype.postMessage).mock.calls.map(([message]) => message.request)
}

/** Waits until earlier calls have reached the thread, long before it can answer. */
function sent(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

beforeEach(() => {
  vi.spyOn(Worker.prototype, 'postMessage')
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
})

describe('use-lite', () => {
  test('is the driver of this name and reports its model and dimensions', () => {
    expect(EMBEDDERS['use-lite']).toBe(useLite)
    expect(embedder).toMatchObject({ model: 'use-lite', dimensions: 512 })
  })

  test('returns unit vectors in order, similar for similar meanings', async () => {
    const [lisbon, bug, portugal] = (await embedder.embed([
      'She lives in Lisbon.',
      'The parser drops the last line.',
      'Her home is in Lisbon, Portugal.',
    ])) as [Float32Array, Float32Array, Float32Array]
    for (const vector of [lisbon, bug, portugal]) {
      expect(vector).toBeInstanceOf(Float32Array)
      expect(vector).toHaveLength(512)
      expect(Math.hypot(...vector)).toBeCloseTo(1, 5)
    }
    expect(dot(lisbon, portugal)).toBeGreaterThan(dot(lisbon, bug) + 0.2)
  })

  test('returns the same vector for a text in any batch', async () => {
    const text = 'The user prefers short answers.'
    const [alone] = await embedder.embed([text])
    const crowd = await embedder.embed([filler, ...Array.from({ length: 40 }, (_, i) => `Note ${i}`), text])
    expect(distance(alone!, crowd.at(-1)!)).toBeLessThan(1e-4)
  })

  test('embeds a long text to its end', async () => {
    const [ships, cooking] = await embedder.embed([
      `${filler} Then the pirates came aboard and took the captain.`,
      `${filler} Fry the onions in butter and add the lentils.`,
    ])
    expect(distance(ships!, cooking!)).toBeGreaterThan(1e-4)
    expect(Math.hypot(...ships!)).toBeCloseTo(1, 5)
  })

  test.each([
    ['one letter', 'x'],
    ['an emoji', '😀'],
    ['half a surrogate pair', '\ud800'],
    ['a script that the model does not know', '漢字'],
    ['an invisible character', '\u200b'],
    ['a null character', '\u0000'],
    ['a word of 2,000 letters', 'x'.repeat(2000)],
  ])('embeds %s', async (_, text) => {
    const [vector] = await embedder.embed([text])
    expect(Math.hypot(...vector!)).toBeCloseTo(1, 5)
  })

  test('starts no thread for an empty list', async () => {
    expect(await embedder.embed([])).toEqual([])
    expect(batches()).toEqual([])
  })

  test('rejects a blank text with its position', async () => {
    await expect(embedder.embed(['fine', ' \n\t'])).rejects.toMatchObject({
      code: 'invalid',
      message: 'Text 2 of 2 to embed is blank',
    })
    expect(batches()).toEqual([])
  })

  test('sends overlapping calls as one batch and gives each its own vectors', async () => {
    const texts = Array.from(
      { length: 12 },
      (_, i) => `Memory ${i}: the user likes ${'tea coffee milk'.split(' ')[i % 3]}`,
    )
    const first = embedder.embed(['A call in flight.'])
    await sent()
    expect(batches()).toHaveLength(1)
    const together = await Promise.all(texts.map((text) => embedder.embed([text])))
    expect(await first).toHaveLength(1)
    expect(batches()).toEqual([['A call in flight.'], texts])
    const expected = await embedder.embed(texts)
    for (const [i, [vector]] of together.entries()) expect(distance(vector!, expected[i]!)).toBeLessThan(1e-4)
  })

  test('sends at most 32 chunks per batch, and fewer long ones', async () => {
    await embedder.embed(Array.from({ length: 70 }, (_, i) => `note ${i}`))
    expect(batches().map((batch) => batch.length)).toEqual([32, 32, 6])
    await embedder.embed([filler])
    for (const batch of batches().slice(3)) expect(batch.join('').length).toBeLessThan(2700)
  })

  test('serves a short text before the rest of a long one', async () => {
    const finished: string[] = []
    await Promise.all([
      embedder.embed([filler]).then(() => finished.push('long')),
      embedder.embed(['short']).then(() => finished.push('short')),
    ])
    expect(finished).toEqual(['short', 'long'])
    expect(batches()[0]).toContain('short')
  })

  test('stops immediately when aborted, sends no more of that call and continues with others', async () => {
    const controller = new AbortController()
    const reason = new Error('the client went away')
    const aborted = embedder.embed([filler], controller.signal)
    const other = embedder.embed(['Someone else waits too.'])
    await sent()
    expect(batches()).toHaveLength(1)
    controller.abort(reason)
    await expect(aborted).rejects.toBe(reason)
    expect(await other).toHaveLength(1)
    await embedder.embed(['afterwards'])
    expect(batches().slice(1)).toEqual([['afterwards']])
  })

  test('does not start an aborted call', async () => {
    const reason = new Error('too late')
    await expect(embedder.embed(['text'], AbortSignal.abort(reason))).rejects.toBe(reason)
    expect(batches()).toEqual([])
  })

  test('rejects outstanding and later calls when closed', async () => {
    const closing = useLite()
    const calls = [closing.embed([filler]), closing.embed(['waiting'])]
    const outcomes = Promise.allSettled(calls)
    await sent()
    expect(batches()).toHaveLength(1)
    await closing.close()
    const closed = {
      status: 'rejected',
      reason: { code: 'unavailable', message: expect.stringContaining('is closed') },
    }
    expect(await outcomes).toMatchObject([closed, closed])
    await expect(closing.embed(['later'])).rejects.toMatchObject({ code: 'unavailable' })
    await closing.close()
  })

  test('ends its thread when idle and starts another for the next call', async () => {
    const started: Worker[] = []
    const count = (worker: Worker) => started.push(worker)
    process.on('worker', count)
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const idle = useLite({ idleSeconds: 60 })
    const [before] = await idle.embed(['The same sentence.'])
    vi.advanceTimersByTime(59_000)
    await idle.embed(['Within the minute.'])
    expect(started).toHaveLength(1)

    vi.advanceTimersByTime(60_000)
    const [after] = await idle.embed(['The same sentence.'])
    expect(started).toHaveLength(2)
    expect(distance(before!, after!)).toBeLessThan(1e-4)
    process.off('worker', count)
    await idle.close()
  })

  test('continues with a new thread after a crash', async () => {
    const threads: Worker[] = []
    const note = (worker: Worker) => threads.push(worker)
    process.on('worker', note)
    const mortal = useLite()
    const call = mortal.embed([filler])
    await sent()
    expect(threads).toHaveLength(1)
    await Promise.all([threads[0]!.terminate(), expect(call).rejects.toMatchObject({ code: 'unavailable' })])
    expect(await mortal.embed(['again'])).toHaveLength(1)
    process.off('worker', note)
    await mortal.close()
  })
})

describe('use-lite with a thread that', () => {
  /** Creates the driver with a fake thread that answers every batch with `answer`. */
  async function withThread(answer: (batch: string[]) => Promise<Float32Array[]>): Promise<Embedder> {
    vi.resetModules()
    vi.doMock('../platform/workers.ts', () => ({ lazyWorker: () => ({ call: answer, terminate: async () => {} }) }))
    const { useLite } = await import('./use-lite.ts')
    vi.doUnmock('../workers.ts')
    return useLite()
  }

  test('cannot load the model throws unavailable, with the remedy and the cause', async () => {
    const cause = Object.assign(new Error('no model.json'), { fromWorker: true, whileLoading: true })
    const broken = await withThread(() => Promise.reject(cause))
    await expect(broken.embed(['text'])).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('npm ci'),
      cause,
    })
  })

  test('fails for one batch passes its error on', async () => {
    const error = Object.assign(new Error('bad tensor'), { fromWorker: true })
    const broken = await withThread(() => Promise.reject(error))
    await expect(broken.embed(['text'])).rejects.toBe(error)
  })

  test.each([
    ['too few vectors', () => [], 'answered 1 chunks with 0 vectors'],
    ['too few dimensions', () => [new Float32Array(100).fill(1)], 'answered with 100 dimensions instead of 512'],
    ['not a number', () => [new Float32Array(512).fill(Number.NaN)], 'a vector of length NaN'],
    ['infinity', () => [new Float32Array(512).fill(Number.POSITIVE_INFINITY)], 'a vector of length Infinity'],
    ['nothing but zeros', () => [new Float32Array(512)], 'a vector of length 0'],
  ])('answers %s is an error', async (_, answer, message) => {
    const broken = await withThread(async () => answer())
    await expect(broken.embed(['text'])).rejects.toThrow(message)
  })
})
