import { createHash } from 'node:crypto'
import pg from 'pg'

// By their names a connection knows again the statements that it has prepared.

const names = new Map<string, string>()
const MAX_NAMES = 500

/** Named statements are parsed once per connection. Past the limit (only composed statements can get there) they go unnamed. */
export function nameOf(text: string): string | undefined {
  let name = names.get(text)
  if (name === undefined && names.size < MAX_NAMES) {
    name = `z_${createHash('sha1').update(text).digest('hex').slice(0, 16)}`
    names.set(text, name)
  }
  return name
}

/** A table has got other columns since the statement was prepared. */
export function isOutdated(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.routine === 'RevalidateCachedQuery'
}

/** From now on every connection prepares it anew. */
export function rename(text: string, outdated: string | undefined): void {
  if (outdated === undefined || names.get(text) !== outdated) return
  const [, hash, generation = 0] = outdated.split('_')
  names.set(text, `z_${hash}_${Number(generation) + 1}`)
}
