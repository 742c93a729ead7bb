import type { Period } from '../store/data/recall-rows.ts'

const DAY_MS = 86_400_000
const MONTHS = 'january february march april may june july august september october november december'.split(' ')
const WEEKDAYS = 'sunday monday tuesday wednesday thursday friday saturday'.split(' ')
/** Years that a number of four digits can mean. */
const YEAR = '(19\\d\\d|20\\d\\d)'
/** "May", "Mar." and "March"; not the verb "may" and "march", which have no capital or day. */
const MONTH = MONTHS.map((month) => (month === 'may' ? 'may' : `${month.slice(0, 3)}(?:${month.slice(3)})?\\.?`)).join(
  '|',
)

/** A period with a start and an end, or a month of any year. */
export type TimeExpression = Period | { month: number; day: number | null }

/**
 * Finds the dates, months, years and expressions like "last week" in a query. Relative expressions count from `now`. Days are days in UTC.
 */
export function timesIn(query: string, now: Date): TimeExpression[] {
  const found: TimeExpression[] = []
  let rest = query
  const take = (pattern: RegExp, toTime: (...groups: string[]) => TimeExpression | null) => {
    rest = rest.replace(pattern, (match, ...groups) => {
      const time = toTime(...groups.map((group) => (typeof group === 'string' ? group : '')))
      if (time) found.push(time)
      return time ? ' ' : match
    })
  }
  take(new RegExp(`\\b${YEAR}-(\\d\\d)-(\\d\\d)(?:T[\\d:.]+Z?)?\\b`, 'g'), (y, m, d) => days(+y!, +m! - 1, +d!, 1))
  take(new RegExp(`\\b(\\d{1,2})\\.(\\d{1,2})\\.${YEAR}\\b`, 'g'), (d, m, y) => days(+y!, +m! - 1, +d!, 1))
  take(new RegExp(`${YEAR}年(\\d{1,2})月(?:(\\d{1,2})日)?`, 'g'), (y, m, d) =>
    d ? days(+y!, +m! - 1, +d, 1) : months(+y!, +m! - 1, 1),
  )
  take(new RegExp(`\\b${YEAR}-(\\d\\d)\\b`, 'g'), (y, m) => months(+y!, +m! - 1, 1))
  take(new RegExp(`\\b(\\d{1,2})(?:st|nd|rd|th)?(?: of)? (${MONTH}),? ${YEAR}\\b`, 'gi'), (d, m, y) =>
    days(+y!, monthOf(m!), +d!, 1),
  )
  take(new RegExp(`\\b(${MONTH}) (\\d{1,2})(?:st|nd|rd|th)?,? ${YEAR}\\b`, 'gi'), (m, d, y) =>
    days(+y!, monthOf(m!), +d!, 1),
  )
  take(new RegExp(`\\b(${MONTH}),?(?: of)? ${YEAR}\\b`, 'gi'), (m, y) => months(+y!, monthOf(m!), 1))
  take(new RegExp(`\\b(\\d{1,2})(?:st|nd|rd|th)?(?: of)? (${MONTH})\\b`, 'gi'), (d, m) => anyYear(monthOf(m!), +d!))
  take(new RegExp(`\\b(${MONTH}) (\\d{1,2})(?:st|nd|rd|th)?\\b`, 'gi'), (m, d) => anyYear(monthOf(m!), +d!))
  take(new RegExp(`\\b(${MONTH})(?=\\W|$)`, 'gi'), (m) =>
    /^(?:may|mar|march|jun|sep|dec|jan|oct|nov|apr|feb|jul|aug)\.?$/.test(m!) ? null : anyYear(monthOf(m!), null),
  )
  take(new RegExp(`\\b${YEAR}\\b`, 'g'), (y) => months(+y!, 0, 12))
  const [year, month, day] = [now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate()]
  const monday = day - ((now.getUTCDay() + 6) % 7)
  take(/\btoday\b/gi, () => days(year, month, day, 1))
  take(/\byesterday\b/gi, () => days(year, month, day - 1, 1))
  take(/\b(\d{1,3}) (day|week|month|year)s? ago\b/gi, (n, unit) => ago(now, +n!, unit!.toLowerCase()))
  take(/\b(this|last|past) (week|month|year)\b/gi, (which, unit) => {
    const back = which!.toLowerCase() === 'this' ? 0 : 1
    if (unit!.toLowerCase() === 'week') return days(year, month, monday - 7 * back, 7)
    return unit!.toLowerCase() === 'month' ? months(year, month - back, 1) : months(year - back, 0, 12)
  })
  take(new RegExp(`\\b(?:last|on) (${WEEKDAYS.join('|')})\\b`, 'gi'), (name) => {
    const back = (now.getUTCDay() - WEEKDAYS.indexOf(name!.toLowerCase()) + 6) % 7
    return days(year, month, day - back - 1, 1)
  })
  return found
}

/** Returns whether a time is in the expression. */
export function isDuring(time: TimeExpression, at: string): boolean {
  if ('from' in time) return at >= time.from && at < time.to
  const date = new Date(at)
  return date.getUTCMonth() === time.month && (time.day === null || date.getUTCDate() === time.day)
}

/** Returns the periods that an expression can mean, the latest first: of a month without a year, those of the last three years. */
export function periodsOf(time: TimeExpression, now: Date): Period[] {
  if ('from' in time) return [time]
  return [0, 1, 2].flatMap((back) => {
    const year = now.getUTCFullYear() - back
    return (time.day === null ? months(year, time.month, 1) : days(year, time.month, time.day, 1)) ?? []
  })
}

const monthOf = (name: string): number => MONTHS.findIndex((month) => month.startsWith(name.toLowerCase().slice(0, 3)))
const anyYear = (month: number, day: number | null): TimeExpression | null =>
  day !== null && (day < 1 || day > 31) ? null : { month, day }

function period(from: number, to: number): Period | null {
  return Number.isNaN(from + to) ? null : { from: new Date(from).toISOString(), to: new Date(to).toISOString() }
}
const days = (year: number, month: number, day: number, count: number): Period | null =>
  period(Date.UTC(year, month, day), Date.UTC(year, month, day + count))
const months = (year: number, month: number, count: number): Period | null =>
  period(Date.UTC(year, month, 1), Date.UTC(year, month + count, 1))

/** Returns the days around a time in the past: the further back, the less exact people are. */
function ago(now: Date, count: number, unit: string): Period | null {
  const unitDays = { day: 1, week: 7, month: 30, year: 365 }[unit] ?? 1
  const at = now.getTime() - count * unitDays * DAY_MS
  return period(at - (unitDays / 2) * DAY_MS, at + (unitDays / 2) * DAY_MS)
}
