import { z } from 'zod'
import type { App } from '../../app.ts'
import { decodeNumber, encodeNumber } from '../../crypto.ts'
import { ZeroError } from '../../errors.ts'
import { uuid } from '../../schema/common.ts'

/** Where a page that is ordered by time of creation ends. */
export interface Place {
  created_at: string
  id: string
}

const parts = z.tuple([z.iso.datetime(), uuid])

/** The `next_cursor` of a page; null when it is not full, so that nothing follows. */
export function encodeCursor(items: readonly Place[], limit: number): string | null {
  const last = items.length === limit ? items.at(-1) : undefined
  return last ? Buffer.from(`${last.created_at} ${last.id}`).toString('base64url') : null
}

/** Null for none. Throws `invalid` for what is no cursor. */
export function decodeCursor(cursor: string | undefined): Place | null {
  if (cursor === undefined) return null
  const decoded = parts.safeParse(Buffer.from(cursor, 'base64url').toString().split(' '))
  if (!decoded.success) throw new ZeroError('invalid', 'cursor: send the next_cursor of the page before')
  return { created_at: decoded.data[0], id: decoded.data[1] }
}

const EVENT_LOG = 'event-log'

/** A place in the event log. Encrypted, because events of all users share one sequence: its numbers would show how much others write. */
export function encodeEventPlace({ encryptionKey }: Pick<App, 'encryptionKey'>, seq: number): string {
  return encodeNumber(encryptionKey, seq, EVENT_LOG)
}

/** Throws `invalid`, which names `field`, for a text that this server has not given out. */
export function decodeEventPlace({ encryptionKey }: Pick<App, 'encryptionKey'>, text: string, field: string): number {
  const seq = decodeNumber(encryptionKey, text, EVENT_LOG)
  if (seq === null)
    throw new ZeroError(
      'invalid',
      `${field}: send what the server gave you, the next_cursor of a page or the id of a message`,
    )
  return seq
}
