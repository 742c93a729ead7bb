/** A date of HTTP begins with the day of the week. `Date.parse` alone would read "-5" as a month. */
const HTTP_DATE = /^\s*(mon|tue|wed|thu|fri|sat|sun)[a-z]*,?\s/i

/**
 * Reads the header `Retry-After`, seconds or a date, as 1 to `longest` seconds from `now` (milliseconds). Undefined when it is absent,
 * unreadable or asks for no pause (0, a negative number, a date in the past): then the caller's own back-off decides.
 */
export function retryAfterSeconds(header: string | null | undefined, now: number, longest: number): number | undefined {
  if (header === null || header === undefined) return undefined
  const seconds = /^\s*\d+(\.\d+)?\s*$/.test(header)
    ? Number(header)
    : HTTP_DATE.test(header)
      ? (Date.parse(header) - now) / 1000
      : Number.NaN
  return seconds > 0 ? Math.min(Math.ceil(seconds), longest) : undefined
}
