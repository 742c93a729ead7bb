import { readFileSync } from 'node:fs'
import { InvalidArgumentError } from 'commander'
import { ZeroError } from '../../errors.ts'
import { parseJson } from '../../exact-json.ts'

/** Parses JSON from the argument, from a file (`@path`) or from standard input (`-`). */
export function json(given: string): unknown {
  const text = given === '-' ? readFileSync(0, 'utf8') : given.startsWith('@') ? readFile(given.slice(1)) : given
  try {
    return parseJson(text, [])
  } catch (error) {
    if (error instanceof ZeroError) throw new InvalidArgumentError(error.message)
    throw new InvalidArgumentError(`Not valid JSON (${(error as Error).message}). Quote it: '{"key": "value"}'`)
  }
}

export function object(given: string): Record<string, unknown> {
  const value = json(given)
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new InvalidArgumentError(`Must be a JSON object: '{"key": "value"}'`)
}

function readFile(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new InvalidArgumentError(`${path} cannot be read: ${(error as Error).message}`)
  }
}

export function number(given: string): number {
  const value = Number(given)
  if (given.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('Must be a number')
  return value
}

const SECONDS = { s: 1, m: 60, h: 3600, d: 86_400 }

/** Parses a time, or a duration before now: `2026-06-10T08:00:00Z`, `90m`, `2d`. */
export function timestamp(given: string): string {
  const [, count, unit] = /^(\d+)([smhd])$/.exec(given) ?? []
  if (count !== undefined) {
    return new Date(Date.now() - Number(count) * SECONDS[unit as keyof typeof SECONDS] * 1000).toISOString()
  }
  if (Number.isNaN(Date.parse(given)))
    throw new InvalidArgumentError('Must be a time such as 2026-06-10T08:00:00Z, or a duration before now: 90m, 2d')
  return new Date(given).toISOString()
}

/** Collects the values of an option that can be repeated. */
export const collect = (given: string, before: string[] = []): string[] => [...before, given]
