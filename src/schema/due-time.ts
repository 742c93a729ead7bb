import { z } from 'zod'

const DAY_SECONDS = 86_400
export const MAX_DELAY_SECONDS = 365 * DAY_SECONDS
const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: DAY_SECONDS }

/** Fields of a request that asks for a later time. */
export const dueTime = {
  delay: z
    .union([
      z.number(),
      z
        .string()
        .regex(/^\d{1,9}[smhd]?$/, { error: 'Must be seconds, or a number with a unit, such as 30s, 5m, 2h or 7d' }),
    ])
    .optional()
    .meta({
      description:
        'Time to wait, at most a year: a number of seconds, or a number with a unit (`30s`, `5m`, `2h`, `7d`)',
      examples: ['5m'],
    }),
  run_at: z.iso
    .datetime({ offset: true })
    .optional()
    .describe(
      'Time to wait for, at most a year from now, instead of `delay`: ISO 8601 with a time zone. A time in the past is now',
    ),
}
export interface DueTime {
  delay?: number | string | undefined
  run_at?: string | undefined
}

/** Returns the seconds of a `delay`. */
export function delaySeconds(delay: number | string): number {
  if (typeof delay === 'number') return delay
  return Number.parseInt(delay, 10) * (UNIT_SECONDS[delay.at(-1)!] ?? 1)
}
