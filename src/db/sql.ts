import { ZeroError } from '../errors.ts'
import { stringifyJson } from '../exact-json.ts'

/** A value allowed in `${}`. Each value becomes one bound parameter; a nested statement is spliced in with its own parameters. */
export type SqlValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | undefined
  | Date
  | Uint8Array
  | Float32Array
  | Json
  | readonly (string | number | null)[]
  | readonly (Float32Array | null)[]
  | Statement

/** Nesting limit for JSON. PGlite does not check its stack depth: a few thousand levels corrupt its memory. */
export const MAX_JSON_DEPTH = 500

/** A value that is sent as JSON. The constructor throws `invalid` when the value is nested more than 500 levels deep. */
export class Json {
  readonly text: string
  constructor(value: unknown) {
    this.text = stringify(value ?? null)
    if (depthOf(this.text) > MAX_JSON_DEPTH) throw depthError()
  }
}

function stringify(value: unknown): string {
  try {
    return stringifyJson(value)
  } catch (error) {
    // JSON.stringify overflows the JavaScript stack at a few thousand levels.
    throw error instanceof RangeError ? depthError(error) : error
  }
}

/** Returns the nesting depth of a JSON text, or 0 for a text too short to exceed the limit. */
export function depthOf(json: string): number {
  if (json.length <= 2 * MAX_JSON_DEPTH) return 0
  let depth = 0
  let deepest = 0
  for (let i = 0; i < json.length; i++) {
    const character = json.charCodeAt(i)
    if (character === QUOTE) {
      for (i++; json.charCodeAt(i) !== QUOTE; i++) if (json.charCodeAt(i) === BACKSLASH) i++
    } else if (character === BRACKET || character === BRACE) {
      if (++depth > deepest) deepest = depth
    } else if (character === BRACKET + 2 || character === BRACE + 2) {
      depth--
    }
  }
  return deepest
}
const [QUOTE, BACKSLASH, BRACKET, BRACE] = [0x22, 0x5c, 0x5b, 0x7b]

function depthError(cause?: unknown): ZeroError {
  return new ZeroError('invalid', `JSON is nested too deep: at most ${MAX_JSON_DEPTH} levels are allowed`, { cause })
}

/** Marks `value` to be sent as JSON; write the cast beside it: `${json(x)}::jsonb`. */
export const json = (value: unknown): Json => new Json(value)

type BoundValue = Exclude<SqlValue, Statement>

/** SQL text with `$1`-style placeholders, and their values. */
export class Statement {
  readonly text: string
  readonly values: readonly BoundValue[]
  constructor(text: string, values: readonly BoundValue[]) {
    this.text = text
    this.values = values
  }
}

/** Builds a statement in which every `${}` is a bound parameter: a value can never become SQL. */
export function sql(strings: TemplateStringsArray, ...values: SqlValue[]): Statement {
  const texts = textsOf(strings, values)
  texts.own ??= textOf(strings, values)
  return new Statement(texts.own, boundIn(values))
}

/** Cached texts of one template: a trie keyed by the text of the nested statement at each placeholder (null for a plain value). */
interface Texts {
  own?: string
  next?: Map<string | null, Texts>
}

// Building and hashing a long text costs more than sending it, so texts are cached per template.
const templates = new WeakMap<TemplateStringsArray, Texts>()
/** Enough for every fixed statement. Statements with a varying number of pieces have no upper bound and stop being cached here. */
const MAX_TEXTS = 2_000
let kept = 0

function textsOf(strings: TemplateStringsArray, values: readonly SqlValue[]): Texts {
  let texts = templates.get(strings)
  if (!texts) {
    texts = {}
    templates.set(strings, texts)
  }
  if (!values.some(isStatement)) return texts
  for (const value of values) {
    const key = isStatement(value) ? value.text : null
    texts.next ??= new Map()
    let next = texts.next.get(key)
    if (!next) {
      next = {}
      if (kept < MAX_TEXTS) texts.next.set(key, next)
      kept++
    }
    texts = next
  }
  return texts
}

const isStatement = (value: SqlValue): value is Statement => value instanceof Statement

function textOf(strings: readonly string[], values: readonly SqlValue[]): string {
  let count = 0
  return strings.reduce((text, string, i) => {
    const value = values[i - 1]
    if (!isStatement(value)) return `${text}$${++count}${string}`
    const before = count
    count += value.values.length
    return `${text}${value.text.replace(/\$(\d+)/g, (_, n) => `$${Number(n) + before}`)}${string}`
  })
}

function boundIn(values: readonly SqlValue[]): BoundValue[] {
  const bound: BoundValue[] = []
  for (const value of values)
    if (isStatement(value)) bound.push(...value.values)
    else bound.push(value)
  return bound
}

/** Joins `pieces` with `separator`, for example conditions with ` and `. `separator` becomes SQL: never pass user input. */
export function join(pieces: readonly Statement[], separator: string): Statement {
  if (pieces.length === 0) return new Statement('', [])
  return new Statement(textOf(['', ...pieces.slice(1).map(() => separator), ''], pieces), boundIn(pieces))
}

/** Runs statements: the database, its asynchronous-commit connections, or a transaction. */
export interface Executor {
  /** Returns the rows of the statement, keyed by column name; `wire.ts` defines how types are read. Throws `DbError`. */
  query<Row = Record<string, unknown>>(statement: Statement, options?: QueryOptions): Promise<Row[]>
}

/** Results of two pipelined statements. `next` resolves to null when there was no second statement. */
export interface PipelinedRows<First, Next> {
  first: Promise<First[]>
  next: Promise<Next[] | null>
}

/** Runs `work` after the event loop has processed all I/O that is ready now. */
export async function oneTurnLater<R>(work: () => R): Promise<Awaited<R>> {
  await new Promise((resolve) => setImmediate(resolve))
  return await work()
}

export interface QueryOptions {
  /** Statement timeout that replaces the driver's default: longer for index builds, shorter for expensive queries of a request. */
  timeoutSeconds?: number
}

/** A PostgreSQL database, embedded or on a server. The driver knows nothing about our tables. */
export interface Database extends Executor {
  readonly kind: 'pglite' | 'postgres'
  /** Commits without waiting for the disk where that is faster. For work that is redone after a crash: dispatch, claims, acknowledgements. */
  readonly asyncCommit: Executor
  /**
   * Sends `first`, then `next` on the same connection without waiting for the result of `first`. Each statement commits separately: `next`
   * runs even if `first` fails. Both use the index-only planner settings of `asyncCommit`. `next` is called one event-loop turn later, so that
   * writes that arrive together share it, and may return null. Returns null, with nothing sent, when no connection is free.
   */
  pipeline<First, Next>(first: Statement, next: () => Statement | null): PipelinedRows<First, Next> | null
  /**
   * Runs `body` in a transaction. Throws if a statement in it failed, even if `body` caught the error. `body` must await only SQL, because
   * the embedded database has one connection. A transaction that is idle for longer than the statement timeout is rolled back with
   * `query_timeout`.
   */
  transaction<R>(body: (tx: Executor) => Promise<R>): Promise<R>
  /** Runs a script of several statements without parameters, for at most ten minutes, as one transaction unless the script says otherwise. */
  exec(script: string): Promise<void>
  /**
   * Calls `onMessage` with the text of each message that any process sends to `channel`. Calls it with null after a lost connection was
   * restored, because messages sent in between are lost. Absent on the embedded database, which has only one process.
   */
  listen?(channel: string, onMessage: (text: string | null) => void): Promise<Channel>
  /** Returns the database's version string, for `/health` and `doctor`. */
  version(): Promise<string>
  /** Closes the database after all submitted statements have finished. */
  close(): Promise<void>
}

/** A way to wake other processes. */
export interface Channel {
  /** Sends `text`, at most 7,999 bytes. */
  notify(text: string): Promise<void>
  close(): Promise<void>
}

/** PostgreSQL rejected a statement. `code` is the SQLSTATE. */
export class DbError extends Error {
  override readonly name = 'DbError'
  readonly code: string
  readonly constraint: string | undefined
  readonly detail: string | undefined

  constructor(
    fields: { message: string; code: string; constraint?: string | undefined; detail?: string | undefined },
    options?: ErrorOptions,
  ) {
    super(fields.message, options)
    this.code = fields.code
    this.constraint = fields.constraint
    this.detail = fields.detail
  }
}

/** The database is not available: closed, restarting or unreachable. */
export class DatabaseUnavailable extends ZeroError {
  constructor(message: string, options?: ErrorOptions) {
    super('unavailable', message, options)
  }
}

/** Error of a transaction whose body caught the error of a failed statement: PostgreSQL answers its commit with a rollback. */
export function transactionFailed(): DbError {
  return new DbError({
    message: 'A statement of this transaction failed, so the whole transaction was rolled back',
    code: '25P02',
  })
}

/** Returns whether `error` is a violation of the unique constraint `constraint`, or of any if it is not given. */
export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  return (
    error instanceof DbError && error.code === '23505' && (constraint === undefined || error.constraint === constraint)
  )
}
