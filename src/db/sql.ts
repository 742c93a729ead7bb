import { ZeroError } from '../errors.ts'
import { stringifyJson } from '../exact-json.ts'

/** What may stand in `${}`: each becomes one bound parameter, a nested statement its own text and parameters. */
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

/** Deeper JSON than anybody needs. The embedded database does not guard its stack: some thousand levels overwrite its memory. */
export const MAX_JSON_DEPTH = 500

/** A value that travels as JSON. Throws `invalid` when it is nested more than 500 levels deep. */
export class Json {
  readonly text: string
  constructor(value: unknown) {
    this.text = stringify(value ?? null)
    if (depthOf(this.text) > MAX_JSON_DEPTH) throw tooDeep()
  }
}

function stringify(value: unknown): string {
  try {
    return stringifyJson(value)
  } catch (error) {
    // JavaScript's own stack ends at some thousand levels as well.
    throw error instanceof RangeError ? tooDeep(error) : error
  }
}

/** How deep a JSON text is nested; 0 for one that is too short to be deeper than allowed. */
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

function tooDeep(cause?: unknown): ZeroError {
  return new ZeroError('invalid', `JSON may be nested ${MAX_JSON_DEPTH} levels deep at most`, { cause })
}

/** Marks `value` to be sent as JSON; write the cast beside it: `${json(x)}::jsonb`. */
export const json = (value: unknown): Json => new Json(value)

type BoundValue = Exclude<SqlValue, Statement>

/** SQL text with `$1`-style places, and their values. */
export class Statement {
  readonly text: string
  readonly values: readonly BoundValue[]
  constructor(text: string, values: readonly BoundValue[]) {
    this.text = text
    this.values = values
  }
}

/** A statement in which every `${}` is a bound parameter: values can never become SQL. */
export function sql(strings: TemplateStringsArray, ...values: SqlValue[]): Statement {
  const texts = textsOf(strings, values)
  texts.own ??= textOf(strings, values)
  return new Statement(texts.own, boundIn(values))
}

/** What a template has become, by the texts of the statements that stood in its places, place by place. */
interface Texts {
  own?: string
  next?: Map<string | null, Texts>
}

// To write and to hash a long text anew costs more than to send it.
const templates = new WeakMap<TemplateStringsArray, Texts>()
/** All texts but those with a varying number of pieces: these could be any number. */
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

/** `pieces` joined by `separator`, e.g. conditions by ` and `. `separator` is SQL: never a user's text. */
export function join(pieces: readonly Statement[], separator: string): Statement {
  if (pieces.length === 0) return new Statement('', [])
  return new Statement(textOf(['', ...pieces.slice(1).map(() => separator), ''], pieces), boundIn(pieces))
}

/** What runs statements: the database, its relaxed side, or a transaction. */
export interface Executor {
  /** The rows that the statement returns. Names are column names; see `wire.ts` for how types are read. Throws `DbError`. */
  query<Row = Record<string, unknown>>(statement: Statement, options?: QueryOptions): Promise<Row[]>
}

/** The answers to two statements that have been sent at once; null in place of the second when there was none. */
export interface PipelinedRows<First, Next> {
  first: Promise<First[]>
  next: Promise<Next[] | null>
}

/** Does `work` when the event loop has seen what came together with what it is at. */
export async function oneTurnLater<R>(work: () => R): Promise<Awaited<R>> {
  await new Promise((resolve) => setImmediate(resolve))
  return await work()
}

export interface QueryOptions {
  /** When the statement is ended, in place of the driver's default: later for index builds, sooner for what a request asks to compute. */
  timeoutSeconds?: number
}

/** A PostgreSQL, embedded or on a server. Knows none of our tables. */
export interface Database extends Executor {
  readonly kind: 'pglite' | 'postgres'
  /** For work that is done again if a crash loses it (dispatch, claims, acknowledgements): commits without waiting for the disk where that is faster. */
  readonly asyncCommit: Executor
  /**
   * Sends `first` and, right behind it on the same connection, `next`, which the server goes on to while the answer to `first` is on its way.
   * Each is committed by itself, `next` whatever becomes of `first`, and looks rows up as `relaxed` does. `next` is asked for when what has
   * come at the same time has been seen, and may then be null. Null when no connection is free for them at this moment: then nothing has been
   * sent.
   */
  pipeline<First, Next>(first: Statement, next: () => Statement | null): PipelinedRows<First, Next> | null
  /**
   * All of `body`, or none of it: throws if a statement in it failed, even if `body` took no notice. Inside, wait for nothing but SQL: the
   * embedded database has one connection, and who waits longer than a statement may take is rolled back with `query_timeout`.
   */
  transaction<R>(body: (tx: Executor) => Promise<R>): Promise<R>
  /** Runs a script of several statements without parameters, for ten minutes at most. All of them are one transaction, if not said otherwise in it. */
  exec(script: string): Promise<void>
  /**
   * On a server: calls `onMessage` with the text of each message that any process sends to `channel`, and with null when a connection was lost
   * and is there again: what was sent meanwhile is gone. Absent on the embedded database, which has one process.
   */
  listen?(channel: string, onMessage: (text: string | null) => void): Promise<Channel>
  /** What the database writes about itself, for `/health` and `doctor`. */
  version(): Promise<string>
  /** Statements that have been given are finished first. */
  close(): Promise<void>
}

/** A way to wake other processes. */
export interface Channel {
  /** At most 7,999 bytes. */
  notify(text: string): Promise<void>
  close(): Promise<void>
}

/** PostgreSQL refused a statement. `code` is the SQLSTATE. */
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

/** The database is not there at the moment: closed, restarting, or out of reach. */
export class DatabaseUnavailable extends ZeroError {
  constructor(message: string, options?: ErrorOptions) {
    super('unavailable', message, options)
  }
}

/** What a transaction fails with in which a statement had failed and nobody minded: PostgreSQL answers its commit with a rollback. */
export function transactionFailed(): DbError {
  return new DbError({
    message: 'A statement of this transaction had failed, so all of it was rolled back',
    code: '25P02',
  })
}

/** Whether `error` is PostgreSQL's word that `constraint` (any, if not given) would have been broken. */
export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  return (
    error instanceof DbError && error.code === '23505' && (constraint === undefined || error.constraint === constraint)
  )
}
