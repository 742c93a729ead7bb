import { z } from 'zod'
import type { App } from '../../app.ts'
import { decodeNumber, encodeNumber, seal, unseal } from '../../crypto.ts'
import { ZeroError } from '../../errors.ts'
import { parseJson, stringifyJson } from '../../exact-json.ts'
import { isPlain, uuid } from '../../schema/common.ts'
import type { Place } from '../../store/context.ts'
import type { RowPlace } from '../../store/data/row-query.ts'

const parts = z.tuple([z.iso.datetime(), uuid])

/** Returns the `next_cursor` of a page; null if the page is not full and therefore the last. */
export function encodeCursor(items: readonly Place[], limit: number): string | null {
  return encodePlace(items.length === limit ? (items.at(-1) ?? null) : null)
}

/** Returns the `next_cursor` of a page that ends at `last`; null for the last page. */
export function encodePlace(last: Place | null): string | null {
  return last && Buffer.from(`${last.created_at} ${last.id}`).toString('base64url')
}

/** Decodes a cursor. Returns null without one. Throws `invalid` for a malformed cursor. */
export function decodeCursor(cursor: string | undefined): Place | null {
  if (cursor === undefined) return null
  const decoded = parts.safeParse(Buffer.from(cursor, 'base64url').toString().split(' '))
  if (!decoded.success) throw cursorError()
  return { created_at: decoded.data[0], id: decoded.data[1] }
}

/**
 * Encodes a position in the rows of a table, for the same `list`: table and order. Encrypted, because it has values of the last row, and the
 * position that the rows of all users share.
 */
export function encodeRowPlace({ encryptionKey }: Pick<App, 'encryptionKey'>, place: RowPlace, list: string): string {
  return seal(encryptionKey, stringifyJson([place.position, place.values]), list).toString('base64url')
}

/** Decodes a position in the rows of a table. Throws `invalid` for text that is not from this server, or of another list. */
export function decodeRowPlace({ encryptionKey }: Pick<App, 'encryptionKey'>, text: string, list: string): RowPlace {
  let opened: string
  try {
    opened = unseal(encryptionKey, Buffer.from(text, 'base64url'), list)
  } catch (error) {
    throw cursorError(error)
  }
  const [position, values] = parseJson(opened) as [number, unknown[][]]
  return { position, values }
}

/** The error for a text that is not the cursor of a page. */
export function cursorError(cause?: unknown): ZeroError {
  return new ZeroError('invalid', 'cursor: send the next_cursor of the previous page of the same list', { cause })
}

/** Encodes the name at which a page ends that is sorted by name. */
export function encodeName(name: string): string {
  return Buffer.from(name).toString('base64url')
}

/** Decodes the name at which a page ended. Returns null without a cursor. Throws `invalid` for a malformed cursor. */
export function decodeName(cursor: string | undefined): string | null {
  if (cursor === undefined) return null
  const name = Buffer.from(cursor, 'base64url').toString()
  if (encodeName(name) !== cursor || !isPlain(name)) throw cursorError()
  return name
}

/**
 * Encodes the ids of the rows that the pages of a search had, for the same `search`: what was asked for. Encrypted, because the ids of rows are
 * internal.
 */
export function encodeSeen(
  { encryptionKey }: Pick<App, 'encryptionKey'>,
  ids: readonly string[],
  search: string,
): string {
  const bytes = Buffer.from(ids.join('').replaceAll('-', ''), 'hex')
  return seal(encryptionKey, bytes.toString('base64url'), search).toString('base64url')
}

/** Decodes the ids of the rows before a page of a search. Throws `invalid` for text that is not from this server, or of another search. */
export function decodeSeen({ encryptionKey }: Pick<App, 'encryptionKey'>, text: string, search: string): string[] {
  let opened: string
  try {
    opened = unseal(encryptionKey, Buffer.from(text, 'base64url'), search)
  } catch (error) {
    throw cursorError(error)
  }
  return Buffer.from(opened, 'base64url').toString('hex').match(/.{32}/g) ?? []
}

const EVENT_LOG = 'event-log'

/** Encodes a position in the event log. Encrypted, because all users share the sequence: its numbers would reveal how much others write. */
export function encodeEventPlace({ encryptionKey }: Pick<App, 'encryptionKey'>, seq: number): string {
  return encodeNumber(encryptionKey, seq, EVENT_LOG)
}

/** Decodes a position in the event log. Throws `invalid`, which names `field`, for text that is not from this server. */
export function decodeEventPlace({ encryptionKey }: Pick<App, 'encryptionKey'>, text: string, field: string): number {
  const seq = decodeNumber(encryptionKey, text, EVENT_LOG)
  if (seq === null)
    throw new ZeroError(
      'invalid',
      `${field}: send a value from this server, the next_cursor of a page or the id of a message`,
    )
  return seq
}

const PUBLISHED = 'published-events'

/** Encodes a position in the order of publication, which all users share too. */
export function encodePublishedPlace({ encryptionKey }: Pick<App, 'encryptionKey'>, position: number): string {
  return encodeNumber(encryptionKey, position, PUBLISHED)
}

/** Decodes a position in the order of publication; null for text that is not from this server. */
export function decodePublishedPlace({ encryptionKey }: Pick<App, 'encryptionKey'>, text: string): number | null {
  return decodeNumber(encryptionKey, text, PUBLISHED)
}
