import { getEventListeners } from 'node:events'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { abortable, deadline, onAbort, within } from './abort.ts'

const never = new Promise<never>(() => {})
const listenersOf = (signal: AbortSignal) => getEventListeners(signal, 'abort').length

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
})

describe('onAbort', () => {
  test('calls the listener once the signal is aborted, and not after it is removed', () => {
    const controller = new AbortController()
    const [kept, removed] = [vi.fn(), vi.fn()]
    onAbort(controller.signal, kept)
    onAbort(controller.signal, removed)()
    controller.abort()
    expect(kept).toHaveBeenCalledOnce()
    expect(removed).not.toHaveBeenCalled()
  })

  test('calls the listener at once for an aborted signal', () => {
    const listener = vi.fn()
    onAbort(AbortSignal.abort(), listener)
    expect(listener).toHaveBeenCalledOnce()
  })
})

describe('abortable', () => {
  test('settles as the promise does and removes its listener', async () => {
    const { signal } = new AbortController()
    await expect(abortable(Promise.resolve(1), signal)).resolves.toBe(1)
    await expect(abortable(Promise.reject(new Error('failed')), signal)).rejects.toThrow('failed')
    expect(listenersOf(signal)).toBe(0)
  })

  test('rejects with the reason of the signal, aborted before or later', async () => {
    const reason = new Error('cancelled')
    await expect(abortable(Promise.resolve(1), AbortSignal.abort(reason))).rejects.toBe(reason)
    const controller = new AbortController()
    const result = abortable(never, controller.signal)
    controller.abort(reason)
    await expect(result).rejects.toBe(reason)
  })
})

describe('deadline', () => {
  test('aborts with its reason after the time', () => {
    const reason = new Error('too slow')
    const limit = deadline(100, undefined, reason)
    vi.advanceTimersByTime(99)
    expect(limit.signal.aborted).toBe(false)
    vi.advanceTimersByTime(1)
    expect(limit.signal.reason).toBe(reason)
  })

  test("aborts with the caller's reason when that comes first", () => {
    const controller = new AbortController()
    const limit = deadline(100, controller.signal, new Error('too slow'))
    const reason = new Error('cancelled')
    controller.abort(reason)
    vi.advanceTimersByTime(100)
    expect(limit.signal.reason).toBe(reason)
  })

  test('never aborts after it is cleared', () => {
    const controller = new AbortController()
    const limit = deadline(100, controller.signal)
    limit.clear()
    controller.abort()
    vi.advanceTimersByTime(100)
    expect(limit.signal.aborted).toBe(false)
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('within', () => {
  test('resolves to the value in time, and to "late" after it', async () => {
    await expect(within(Promise.resolve(1), 100)).resolves.toBe(1)
    const result = within(never, 100)
    vi.advanceTimersByTime(100)
    await expect(result).resolves.toBe('late')
    expect(vi.getTimerCount()).toBe(0)
  })
})
