import { randomUUID } from 'node:crypto'
import type { Readable } from 'node:stream'
import type { Blobs } from '../blobs/index.ts'
import { DbError } from '../db/sql.ts'
import { ZeroError } from '../errors.ts'
import { parseJson, stringifyJson } from '../exact-json.ts'
import type { Scope } from '../store/context.ts'
import type { Store, Tables } from '../store/index.ts'
import { PROJECT_TABLES } from '../store/transfer/dump.ts'
import { type DumpedRow, isTakenId, mappedId, type NumberRange } from '../store/transfer/load.ts'
import type { CatalogTable } from '../store/transfer/table-catalog.ts'
import { keepContents } from './contents.ts'
import { FORMAT, type Header, type Line, readLines } from './format.ts'
import { Renumbering } from './renumbering.ts'

const BATCH = 100

interface Target {
  store: Store
  blobs: Blobs
}

export interface Loaded {
  /** Number of rows per table, without the project itself. */
  counts: Record<string, number>
}

export interface LoadedProject extends Loaded {
  project_id: string
  name: string
}

/** Checks the rows of a file in order. Throws if a row must not be imported. */
export interface RowChecks {
  /** Returns the row to write if it differs from the row in the file. */
  row(table: string, row: DumpedRow): DumpedRow['row'] | undefined
  /** Called after the last row, before anything is written. */
  end(): void
}

/**
 * Imports a project. The file is read twice, so that nothing of a damaged file is written. Each call of `open` must return the file from
 * its beginning. `createChecks` is called for each pass. Throws `invalid` and `project_exists`.
 */
export async function loadProject(
  target: Target,
  userId: string,
  open: () => Promise<Readable>,
  createChecks: () => RowChecks,
): Promise<LoadedProject> {
  const { store, blobs } = target
  const kept = new Map<string, number>()
  const numbering = new Numbering()
  const schema = await store.dump.schema()
  const lines = readLines(await open(), (header) => checkHeader(header, 'project', schema), parseJson)
  for await (const line of keepContents(checkRows(lines, createChecks()), blobs, kept))
    if (line.kind === 'row') numbering.add(line.table, line.row)
  const { project } = numbering
  if (!project) throw new ZeroError('invalid', 'The file has no project')
  const ranges = await numbering.draw(store)
  const write = (newSalt: string | null) =>
    store.transaction(async (tx) => {
      const owner = await tx.load.ownerOf(project.id)
      if (owner === userId) throw new ZeroError('project_exists', `Project ${project.id} already exists`)
      const salt = newSalt ?? (owner === null ? null : randomUUID())
      const id = salt === null ? project.id : mappedId(salt, project.id)
      const scope: Scope = { user_id: userId, project_id: id }
      const tables = await tx.dump.shapes()
      const counts = await loadRows(
        checkRows(
          readLines(await open(), () => {}),
          createChecks(),
        ),
        tables,
        async (target, rows) => {
          if (hasContents(target.name)) for (const row of rows) checkContent(target.name, row, kept)
          await writeRows(tx, target.name, rows, (some) => tx.load.projectRows(scope, target, some, salt))
        },
        (table, row) => numbering.renumber(table, row),
      )
      await tx.load.settleFunctions(scope)
      await tx.quotas.check(scope, 'projects', 'hooks', 'functions', 'schedules', 'tables')
      await tx.load.replaceEvents(scope, ranges.events?.[0]?.first ?? Number.MAX_SAFE_INTEGER)
      return { id, counts }
    })
  // If an id is taken, by any user, the whole project gets new ids. An error would reveal that the id exists.
  const { id, counts } = await write(null).catch((error) => {
    if (!isTakenId(error.cause ?? error)) throw error
    return write(randomUUID())
  })
  const { projects: _, ...rest } = counts
  return { project_id: id, name: project.name, counts: rest }
}

/** The columns whose numbers come from a sequence. */
const NUMBERED = { rows: 'position', published_events: 'position', events: 'seq' } as const

/** Collects the sequence numbers of a file in the first pass, and assigns new ones in the second. */
class Numbering {
  project: { id: string; name: string } | undefined
  readonly #numbers = {
    rows: new Renumbering(),
    published_events: new Renumbering(),
    events: new Renumbering(),
  }
  /** New numbers of the first events of chains, by their ids in the file; null until the second pass reaches them. */
  readonly #chains = new Map<string, number | null>()

  add(table: string, { line, row }: DumpedRow): void {
    if (table === 'projects') {
      if (this.project) throw atLine(line, table, 'the file contains a second project')
      this.project = { id: String(row['id']).toLowerCase(), name: String(row['name']) }
    }
    if (!isNumbered(table)) return
    const column = NUMBERED[table]
    if (!this.#numbers[table].add(Number(row[column])))
      throw atLine(line, table, `row.${column}: ${row[column]} appears twice in the file`)
    if (row['chain_id']) this.#chains.set(String(row['chain_id']), null)
  }

  async draw(store: Store): Promise<Partial<Record<keyof typeof NUMBERED, NumberRange[]>>> {
    const drawn: Partial<Record<keyof typeof NUMBERED, NumberRange[]>> = {}
    for (const [table, numbers] of Object.entries(this.#numbers)) {
      if (!isNumbered(table)) continue
      drawn[table] = await store.load.draw(table, NUMBERED[table], numbers.count)
      numbers.assign(drawn[table])
    }
    return drawn
  }

  /** Returns the row with its new numbers. Must be called in the order of the file. */
  renumber(table: string, row: DumpedRow): DumpedRow {
    // 0 for a memory whose event has been deleted.
    if (table === 'memories')
      return { ...row, numbers: { event_seq: this.#numbers.events.get(Number(row.row['event_seq'])) ?? 0 } }
    if (!isNumbered(table)) return row
    const number = this.#numbers[table].get(Number(row.row[NUMBERED[table]]))
    if (table !== 'events') return { ...row, numbers: { [NUMBERED[table]]: number } }
    const chain = this.#chains.get(String(row.row['chain_id'])) ?? null
    if (this.#chains.has(String(row.row['id']))) this.#chains.set(String(row.row['id']), number)
    return { ...row, numbers: { seq: number, chain } }
  }
}

function isNumbered(table: string): table is keyof typeof NUMBERED {
  return table in NUMBERED
}

/** Checks the rows, and yields all lines with the rows as they are to be written. */
async function* checkRows(lines: AsyncIterable<Line>, checks: RowChecks): AsyncGenerator<Line, void> {
  let ended = false
  for await (const line of lines) {
    if (line.kind === 'row') {
      const { table } = line
      if (!PROJECT_LINES.includes(table))
        throw new ZeroError(
          'invalid',
          `Line ${line.row.line}: unknown table "${table}". The file was written by a later version, or it is damaged`,
        )
      try {
        const row = checks.row(table, line.row)
        yield row === undefined ? line : { ...line, row: { ...line.row, row, text: stringifyJson({ row }) } }
      } catch (error) {
        throw error instanceof ZeroError ? atLine(line.row.line, table, error) : error
      }
      continue
    }
    if (!ended) checks.end()
    ended = true
    yield line
  }
}

const PROJECT_LINES: readonly string[] = ['projects', ...PROJECT_TABLES]

/** Returns the error with the number of the faulty line, and the name of the field if there is one. */
function atLine(line: number, table: string, what: string | ZeroError): ZeroError {
  const prefix = `Line ${line} (${table}) cannot be imported`
  if (typeof what === 'string') return new ZeroError('invalid', `${prefix}: ${what}`)
  if (what.message.startsWith('Line ')) return what
  const [field] = what.fields ?? []
  const why = field ? `${field.loc.slice(1).join('.')}: ${field.msg}` : what.message
  const code = what.code === 'validation_failed' ? 'invalid' : what.code
  return new ZeroError(code, `${prefix}: ${why}`, { cause: what.cause ?? what })
}

/**
 * Restores a whole database into an empty one, in one transaction. The file is read twice, so that nothing of a damaged file is written.
 * Each call of `open` must return the file from its beginning. Between the passes, `prepare` gets the header and migrates the schema to the
 * version of the file. Throws `invalid`.
 */
export async function loadAll(
  { store, blobs }: Target,
  open: () => Promise<Readable>,
  prepare: (header: Header) => Promise<void>,
): Promise<Loaded> {
  const kept = new Map<string, number>()
  let header: Header | undefined
  const named = new Set<string>()
  const lines = readLines(await open(), (found) => {
    header = found
  })
  for await (const line of keepContents(lines, blobs, kept))
    if (line.kind === 'row' && hasContents(line.table) && line.row.row['blob']) named.add(String(line.row.row['blob']))
  const missing = header!.zerodb === 'backup' ? [...named].find((blob) => !kept.has(blob)) : undefined
  if (missing !== undefined) throw new ZeroError('invalid', `The content ${missing} is missing: the file is damaged`)
  await prepare(header!)
  const counts = await store.transaction(async (tx) => {
    const tables = await tx.dump.shapes()
    const counted = await loadRows(
      readLines(await open(), () => {}),
      tables,
      (target, rows) => writeRows(tx, target.name, rows, (some) => tx.load.rows(target, some)),
    )
    await tx.load.finish(tables)
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
  const later =
    format > FORMAT
      ? `format ${format}, this server reads formats up to ${FORMAT}`
      : schema.number > own.number &&
        `schema ${schema.number} (${schema.name}), this server has ${own.number} (${own.name})`
  if (later) throw new ZeroError('invalid', `The file was written by a later version (${later}): upgrade first`)
}

/** Tells whether the rows of a table have contents in the blob driver. */
const hasContents = (table: string) => table === 'files' || table === 'wheels'

/** Throws `invalid` for a row whose content is missing or has another size than the row says. */
function checkContent(table: string, { line, row }: DumpedRow, kept: ReadonlyMap<string, number>): void {
  const { blob, size_bytes } = row
  if (blob === null || blob === undefined) return
  const size = kept.get(String(blob))
  if (size === undefined) throw atLine(line, table, `the content ${blob} is missing: the file is damaged`)
  if (size !== size_bytes) throw atLine(line, table, `row.size_bytes: the content has ${size} bytes`)
}

/** Writes rows in batches; the rows of a batch have the same table and the same fields. Returns the number of rows per table. */
async function loadRows(
  lines: AsyncIterable<Line>,
  tables: readonly CatalogTable[],
  write: (target: CatalogTable, rows: DumpedRow[]) => Promise<void>,
  renumber: (table: string, row: DumpedRow) => DumpedRow = (_, row) => row,
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  let batch: DumpedRow[] = []
  let kind = ''
  let target: CatalogTable | undefined
  const flush = async () => {
    if (batch.length > 0) await write(target!, batch)
    batch = []
  }
  for await (const line of lines) {
    if (line.kind !== 'row') continue
    const { table, row } = line
    const next = `${table} ${Object.keys(row.row).sort()}`
    if (next !== kind || batch.length === BATCH) await flush()
    if (next !== kind) target = tables.find(({ name }) => name === table)
    if (!target) throw new ZeroError('invalid', `Unknown table "${table}": the file was written by a later version`)
    kind = next
    counts[table] = (counts[table] ?? 0) + 1
    batch.push(renumber(table, row))
  }
  await flush()
  return counts
}

/** Writes a batch of rows. If that fails, writes row by row, so that the error names the line. */
async function writeRows(
  tx: Tables,
  table: string,
  rows: readonly DumpedRow[],
  write: (rows: readonly DumpedRow[]) => Promise<void>,
): Promise<void> {
  try {
    return await tx.load.attempt(() => write(rows))
  } catch (error) {
    if (!isRefusal(error)) throw error
  }
  for (const row of rows)
    await write([row]).catch((error) => {
      if (error instanceof ZeroError) throw atLine(row.line, table, error)
      if (!(error instanceof DbError && isRefusal(error))) throw error
      const why = [error.message, error.detail].filter(Boolean).join(': ')
      throw new ZeroError('invalid', `Line ${row.line} (${table}) cannot be stored: ${why}`, { cause: error })
    })
}

/** Returns whether an error means invalid data in the file: values (SQLSTATE class 22), constraints (23) or limits (54). */
function isRefusal(error: unknown): boolean {
  if (error instanceof ZeroError) return error.status === 422
  return error instanceof DbError && /^(22|23|54)/.test(error.code)
}
