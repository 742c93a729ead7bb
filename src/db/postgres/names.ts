import { createHash } from 'node:crypto'
import pg from 'pg'

// Names of prepared statements: a connection reuses the plan of a statement it has already prepared under that name.

const names = new Map<string, string>()
const MAX_NAMES = 500

/** Returns the name under which each connection prepares the statement. Undefined past the limit, which only composed statements can exceed. */
export function nameOf(text: string): string | undefined {
  let name = names.get(text)
  if (name === undefined && names.size < MAX_NAMES) {
    name = `z_${createHash('sha1').update(text).digest('hex').slice(0, 16)}`
    names.set(text, name)
  }
  return name
}

/** Returns whether the statement failed because the columns of a table changed after it was prepared. */
export function isOutdated(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.routine === 'RevalidateCachedQuery'
}

/** Gives the statement a new name, so that every connection prepares it again. */
export function rename(text: string, outdated: string | undefined): void {
  if (outdated === undefined || names.get(text) !== outdated) return
  const [, hash, generation = 0] = outdated.split('_')
  names.set(text, `z_${hash}_${Number(generation) + 1}`)
}
