import type { Readable } from 'node:stream'
import type { Blobs } from '../blobs/index.ts'
import { DbError } from '../db/sql.ts'
import { ZeroError } from '../errors.ts'
import type { Scope } from '../store/context.ts'
import { PROJECT_TABLES } from '../store/dump.ts'
import type { Store } from '../store/index.ts'
import type { DumpedRow } from '../store/load.ts'
import type { Shape } from '../store/shapes.ts'
import { keepContents } from './contents.ts'
import { FORMAT, type Header, type Line, readLines } from './format.ts'

const BATCH = 100

interface Target {
  store: Store
  blobs: Blobs
}

export interface Loaded {
  /** Rows by table, without the project itself. */
  counts: Record<string, number>
}

export interface LoadedProject extends Loaded {
  project_id: string
  name: string
}

/**
 * Makes a project of the file that `open` gives from its beginning, each time it is asked: it is read twice, so that nothing is written of a
 * file that is not whole. `checkHook` throws for a hook that could not be made here. Throws `invalid`, and `project_exists`.
 */
export async function loadProject(
  target: Target,
  userId: string,
  open: () => Promise<Readable>,
  check: (table: string, row: DumpedRow['row']) => void,
): Promise<LoadedProject> {
  const kept = new Set<string>()
  let project: { id: string; name: string } | undefined
  let [first, last] = [Number.POSITIVE_INFINITY, 0]
  const schema = await target.store.dump.schema()
  const lines = readLines(await open(), (header) => checkHeader(header, 'project', schema))
  for await (const line of keepContents(lines, target.blobs, kept)) {
    if (line.kind !== 'row') continue
    const { row } = line.row
    if (line.table === 'projects') project = { id: String(row['id']), name: String(row['name']) }
    check(line.table, row)
    if (line.table !== 'events') continue
    first = Math.min(first, Number(row['seq']))
    last = Math.max(last, Number(row['seq']))
  }
  if (!project) throw new ZeroError('invalid', 'The file has no project')
  const { id, name } = project
  const shift = last === 0 ? 0 : await target.store.transaction((tx) => tx.load.reserve(first, last))
  const counts = await target.store.transaction(async (tx) => {
    const shapes = await tx.dump.shapes()
    const scope: Scope = { user_id: userId, project_id: id }
    const write = async (shape: Shape, rows: DumpedRow[]) => {
      if (shape.name === 'files') for (const { row } of rows) checkContent(row, kept)
      if (shape.name !== 'projects') return tx.load.projectRows(scope, shape, rows, shift)
      for (const { row } of rows)
        if (!(await tx.load.project(userId, shape, row)))
          throw new ZeroError('project_exists', `Project ${id} is here already`)
    }
    const counted = await loadRows(
      readLines(await open(), () => {}),
      shapes,
      ['projects', ...PROJECT_TABLES],
      write,
    )
    await tx.load.finish(shapes)
    return counted
  })
  const { projects: _, ...rest } = counts
  return { project_id: id, name, counts: rest }
}

/**
 * Writes a whole database into one that is empty, of the file that `open` gives from its beginning. It is read twice, so that nothing is
 * written of a file that is not whole; `prepare` is told in between what it says of itself, and brings the schema to where it was. All rows
 * are written, or none. Throws `invalid`.
 */
export async function loadAll(
  { store, blobs }: Target,
  open: () => Promise<Readable>,
  prepare: (header: Header) => Promise<void>,
): Promise<Loaded> {
  const kept = new Set<string>()
  let header: Header | undefined
  const named = new Set<string>()
  const lines = readLines(await open(), (found) => {
    header = found
  })
  for await (const line of keepContents(lines, blobs, kept))
    if (line.kind === 'row' && line.table === 'files' && line.row.row['blob']) named.add(String(line.row.row['blob']))
  if (header!.zerodb === 'backup') for (const blob of named) checkContent({ blob }, kept)
  await prepare(header!)
  const counts = await store.transaction(async (tx) => {
    const shapes = await tx.dump.shapes()
    const all = shapes.map(({ name }) => name)
    const counted = await loadRows(
      readLines(await open(), () => {}),
      shapes,
      all,
      (shape, rows) => tx.load.rows(shape, rows),
    )
    await tx.load.finish(shapes)
    return counted
  })
  return { counts }
}

/** Throws `invalid` for a file of another kind, or of a later version. */
export function checkHeader({ zerodb, format, schema }: Header, kind: Header['zerodb'], own: Header['schema']): void {
  if (zerodb !== kind)
    throw new ZeroError(
      'invalid',
      `This is ${zerodb === 'backup' ? 'a backup: restore it' : 'an export of a project: import it'}`,
    )
  if (format > FORMAT || schema.number > own.number)
    throw new ZeroError(
      'invalid',
      `A later version has written this file (${schema.name}, here ${own.name}): upgrade first`,
    )
}

function checkContent({ blob }: DumpedRow['row'], kept: ReadonlySet<string>): void {
  if (blob !== null && blob !== undefined && !kept.has(String(blob)))
    throw new ZeroError('invalid', `The content ${blob} of a file is missing: the file is damaged`)
}

/** Writes rows in batches of one table. Returns how many there were of each. */
async function loadRows(
  lines: AsyncIterable<Line>,
  shapes: readonly Shape[],
  allowed: readonly string[],
  write: (shape: Shape, rows: DumpedRow[]) => Promise<void>,
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  let batch: DumpedRow[] = []
  let table = ''
  const flush = async () => {
    if (batch.length > 0) await written(table, () => write(shapes.find(({ name }) => name === table)!, batch))
    batch = []
  }
  for await (const line of lines) {
    if (line.kind !== 'row') continue
    if (line.table !== table || batch.length === BATCH) await flush()
    table = line.table
    if (!allowed.includes(table))
      throw new ZeroError('invalid', `A later version has written this file: "${table}" is not known here`)
    counts[table] = (counts[table] ?? 0) + 1
    batch.push(line.row)
  }
  await flush()
  return counts
}

/** What the database does not take is the file's mistake. */
async function written(table: string, write: () => Promise<void>): Promise<void> {
  try {
    await write()
  } catch (error) {
    if (!(error instanceof DbError) || !/^2[23]/.test(error.code)) throw error
    const why = [error.message, error.detail].filter(Boolean).join(': ')
    throw new ZeroError('invalid', `A row of "${table}" cannot be stored: ${why}`, { cause: error })
  }
}
