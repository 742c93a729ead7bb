import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkCron, dueTicks, nextTicks } from './schedule.ts'

const at = (text: string) => new Date(text)

describe('daylight saving time', () => {
  test.each([
    // On 8 March 2026 the clocks of New York go from 2:00 to 3:00, on 1 November from 2:00 back to 1:00.
    [
      'a time that is left out comes as soon as clocks go on',
      'America/New_York',
      '30 2 * * *',
      '2026-03-08T00:00:00Z',
      ['2026-03-08T07:00:00.000Z', '2026-03-09T06:30:00.000Z'],
    ],
    [
      'a time that comes twice is taken once',
      'America/New_York',
      '30 1 * * *',
      '2026-11-01T00:00:00Z',
      ['2026-11-01T05:30:00.000Z', '2026-11-02T06:30:00.000Z'],
    ],
    [
      'every hour means every hour',
      'America/New_York',
      '0 * * * *',
      '2026-11-01T04:30:00Z',
      ['2026-11-01T05:00:00.000Z', '2026-11-01T06:00:00.000Z', '2026-11-01T07:00:00.000Z'],
    ],
    // 29 March and 25 October 2026.
    [
      'spring in Berlin',
      'Europe/Berlin',
      '0 6 * * *',
      '2026-03-28T12:00:00Z',
      ['2026-03-29T04:00:00.000Z', '2026-03-30T04:00:00.000Z'],
    ],
    [
      'autumn in Berlin',
      'Europe/Berlin',
      '0 6 * * *',
      '2026-10-24T12:00:00Z',
      ['2026-10-25T05:00:00.000Z', '2026-10-26T05:00:00.000Z'],
    ],
    [
      'a time that is left out in Berlin',
      'Europe/Berlin',
      '15 2 * * *',
      '2026-03-28T12:00:00Z',
      ['2026-03-29T01:00:00.000Z', '2026-03-30T00:15:00.000Z'],
    ],
    // Half an hour, on 4 October 2026.
    [
      'Lord Howe moves by half an hour',
      'Australia/Lord_Howe',
      '0 12 * * *',
      '2026-10-03T00:00:00Z',
      ['2026-10-03T01:30:00.000Z', '2026-10-04T01:00:00.000Z'],
    ],
    [
      'no clocks are moved in India',
      'Asia/Kolkata',
      '0 9 * * *',
      '2026-03-28T12:00:00Z',
      ['2026-03-29T03:30:00.000Z', '2026-03-30T03:30:00.000Z'],
    ],
  ])('%s', (_, timezone, cron, from, expected) => {
    expect(nextTicks({ cron, timezone }, at(from), expected.length)).toEqual(expected)
  })
})

test('six fields begin with seconds', () => {
  expect(nextTicks({ cron: '*/20 * * * * *', timezone: 'UTC' }, at('2026-01-01T00:00:05Z'), 3)).toEqual([
    '2026-01-01T00:00:20.000Z',
    '2026-01-01T00:00:40.000Z',
    '2026-01-01T00:01:00.000Z',
  ])
})

test.each([
  ['61 * * * *', 'UTC', '"61 * * * *" is not a valid cron expression'],
  ['* * *', 'UTC', 'is not a valid cron expression'],
  ['* * * * * * *', 'UTC', 'is not a valid cron expression'],
  ['0 0 31 2 *', 'UTC', 'no time matches it'],
  ['0 0 * * *', 'Mars/Base', '"Mars/Base" is not a valid time zone'],
])('%s in %s is rejected', (cron, timezone, reason) => {
  expect(() => checkCron({ cron, timezone })).toThrow(reason)
})

describe('ticks that have been missed', () => {
  const hourly = { cron: '0 * * * *', timezone: 'UTC', next_at: '2026-01-01T01:00:00.000Z' }
  const now = at('2026-01-01T04:30:00Z')

  test('are all left out, made up for by one, or by one each', () => {
    expect(dueTicks({ ...hourly, missed: 'skip' }, now)).toEqual({ ticks: [], next: '2026-01-01T05:00:00.000Z' })
    expect(dueTicks({ ...hourly, missed: 'run_once' }, now).ticks).toEqual(['2026-01-01T04:00:00.000Z'])
    expect(dueTicks({ ...hourly, missed: 'run_all' }, now).ticks).toEqual([
      '2026-01-01T01:00:00.000Z',
      '2026-01-01T02:00:00.000Z',
      '2026-01-01T03:00:00.000Z',
      '2026-01-01T04:00:00.000Z',
    ])
  })

  test('are made up for by a hundred at most', () => {
    const { ticks } = dueTicks({ ...hourly, missed: 'run_all' }, at('2027-01-01T00:30:00Z'))
    expect(ticks).toHaveLength(100)
    expect(ticks.at(-1)).toBe('2027-01-01T00:00:00.000Z')
  })

  test('one that is only late is run whatever the policy is', () => {
    for (const missed of ['skip', 'run_once', 'run_all'] as const)
      expect(dueTicks({ ...hourly, missed }, at('2026-01-01T01:00:30Z')).ticks).toEqual(['2026-01-01T01:00:00.000Z'])
  })

  test('whenever it is looked at, no tick is made twice and none comes out of order', () => {
    const minutes = fc.integer({ min: 1, max: 300 })
    fc.assert(
      fc.property(
        fc.array(minutes, { minLength: 1, maxLength: 30 }),
        fc.constantFrom('*/7 * * * *', '0 * * * *', '5,35 * * * *'),
        (steps, cron) => {
          let next_at: string | null = '2026-03-29T00:00:00.000Z'
          let time = Date.parse(next_at)
          const made: string[] = []
          for (const step of steps) {
            time += step * 60_000
            if (next_at === null || Date.parse(next_at) > time) continue
            const due = dueTicks({ cron, timezone: 'Europe/Berlin', missed: 'run_all', next_at }, new Date(time))
            made.push(...due.ticks)
            next_at = due.next
          }
          expect(made).toEqual([...new Set(made)].sort())
        },
      ),
      { numRuns: 30 },
    )
  })
})
