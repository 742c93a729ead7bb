/** The header `Retry-After`, seconds or a date, as 1 to `longest` seconds from `now` (milliseconds). Undefined when absent or unreadable. */
export function retryAfterSeconds(header: string | null | undefined, now: number, longest: number): number | undefined {
  if (header === null || header === undefined) return undefined
  const seconds = /^\s*\d+(\.\d+)?\s*$/.test(header) ? Number(header) : (Date.parse(header) - now) / 1000
  return Number.isNaN(seconds) ? undefined : Math.min(Math.max(Math.ceil(seconds), 1), longest)
}
