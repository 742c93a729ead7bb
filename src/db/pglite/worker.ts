import { fdatasyncSync } from 'node:fs'
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { messages, PGlite, protocol } from '@electric-sql/pglite'
import { NodeFS } from '@electric-sql/pglite/nodefs'
import { vector } from '@electric-sql/pglite-pgvector'
import { plainError } from '../../platform/workers.ts'
import { DbError } from '../sql.ts'
import type { WireValue } from '../wire.ts'
import type { PgliteAnswer, PgliteRequest, PgliteThreadData } from './protocol.ts'

// The worker thread that runs the embedded PostgreSQL, so that a long statement never blocks the server's event loop.

const { directory, durability, begun } = workerData as PgliteThreadData
const power = durability === 'power'

/** NodeFS with a real fsync. PGlite's own file system has none: a power failure could lose acknowledged writes. */
class SyncedNodeFS extends NodeFS {
  override async init(...args: Parameters<NodeFS['init']>): ReturnType<NodeFS['init']> {
    const ready = await super.init(...args)
    const options = ready.emscriptenOpts as { preRun?: ((module: EmscriptenModule) => void)[] }
    options.preRun = [
      ...(options.preRun ?? []),
      (module) => {
        module.FS.filesystems.NODEFS.stream_ops.fsync = ({ nfd }) => {
          if (nfd !== undefined) fdatasyncSync(nfd)
          return 0
        }
      },
    ]
    return ready
  }
}
interface EmscriptenModule {
  FS: { filesystems: { NODEFS: { stream_ops: { fsync?: (stream: { nfd?: number }) => number } } } }
}

// wal_sync_method: PGlite does not implement the default, fdatasync.
const SYNCED = ['-c', 'fsync=on', '-c', 'wal_sync_method=fsync', '-c', 'synchronous_commit=off']
const COMMON = ['-c', 'max_wal_size=128MB', '-c', 'TimeZone=UTC']

async function open(): Promise<PGlite> {
  return PGlite.create({
    fs: power ? new SyncedNodeFS(directory) : new NodeFS(directory),
    extensions: { vector },
    startParams: power
      ? [...PGlite.defaultStartParams.filter((param) => param !== '-F'), ...SYNCED, ...COMMON]
      : [...PGlite.defaultStartParams, ...COMMON],
  })
}

const database = open()

/** Prepared statements of this connection. Their execution skips parsing and, from the sixth time, planning. */
const prepared = new Map<string, Prepared>()
interface Prepared {
  name: string
  fields: PgliteAnswer['fields']
}
const MAX_PREPARED = 500
let lastName = 0

const { serialize } = protocol
type BackendMessages = Awaited<ReturnType<PGlite['execProtocol']>>['messages']

/** Transaction status that PostgreSQL reports after each round trip: idle, in a transaction, or in a failed one. */
let status: 'I' | 'T' | 'E' = 'I'

async function roundTrip(...parts: Uint8Array[]): Promise<BackendMessages> {
  const { messages: answer } = await (await database).execProtocol(Buffer.concat(parts), {
    syncToFs: false,
    throwOnError: false,
  })
  let refused: messages.DatabaseError | undefined
  for (const message of answer) {
    if (message instanceof messages.ReadyForQueryMessage) status = message.status as typeof status
    else if (message instanceof messages.DatabaseError) refused ??= message
  }
  if (refused) throw refused
  return answer
}

function fieldsOf(answer: BackendMessages): PgliteAnswer['fields'] {
  const description = answer.find((message) => message instanceof messages.RowDescriptionMessage)
  return description?.fields.map((field) => ({ name: field.name, type: field.dataTypeID })) ?? []
}

async function prepare(text: string): Promise<Prepared> {
  const known = prepared.get(text)
  if (known) return known
  const name = prepared.size < MAX_PREPARED ? `s${++lastName}` : ''
  const answer = await roundTrip(
    serialize.parse({ name, text }),
    serialize.describe({ type: 'S', name }),
    serialize.sync(),
  )
  const statement = { name, fields: fieldsOf(answer) }
  if (name) prepared.set(text, statement)
  return statement
}

async function execute({ name, fields }: Prepared, values: WireValue[]): Promise<PgliteAnswer> {
  const answer = await roundTrip(
    serialize.bind({ statement: name, values: values as string[] }),
    serialize.execute({}),
    serialize.sync(),
  )
  const rows: (string | null)[][] = []
  let command = ''
  for (const message of answer) {
    if (message instanceof messages.DataRowMessage) rows.push(message.fields)
    else if (message instanceof messages.CommandCompleteMessage) command = message.text
  }
  return { command, fields, rows }
}

async function query(text: string, values: WireValue[]): Promise<PgliteAnswer> {
  const statement = await prepare(text)
  try {
    return await execute(statement, values)
  } catch (error) {
    if (!isOutdated(error)) throw error
    prepared.delete(text)
    await roundTrip(serialize.close({ type: 'S', name: statement.name }), serialize.sync())
    // A transaction cannot go on after an error.
    if (status === 'E') throw error
    return execute(await prepare(text), values)
  }
}

/** Returns whether the statement failed because the columns of a table changed after it was prepared. */
function isOutdated(error: unknown): boolean {
  return error instanceof messages.DatabaseError && error.routine === 'RevalidateCachedQuery'
}

async function answer(request: PgliteRequest): Promise<PgliteAnswer | undefined> {
  if ('text' in request) return query(request.text, request.values)
  if ('script' in request) {
    await (await database).exec(request.script)
    // The script may have changed tables that prepared statements use.
    if (prepared.size > 0) {
      await roundTrip(serialize.query('deallocate all'))
      prepared.clear()
    }
    return undefined
  }
  await (await database).close()
  return undefined
}

// Group commit: up to 64 requests run, one flush makes them durable, then all are answered.
const GROUP = power ? 64 : 1
const waiting: Message[] = []
interface Message {
  id: number
  request: PgliteRequest
}
let isDraining = false

async function drain(): Promise<void> {
  if (isDraining) return
  isDraining = true
  for (let message = takeNext(); message; message = takeNext()) {
    const replies: unknown[] = []
    let unflushed = false
    while (message) {
      replies.push(await reply(message))
      unflushed ||= status === 'I' && mayWrite(message.request)
      // Statements in a transaction are answered one by one, without a flush: they need not be durable before the commit.
      message = replies.length < GROUP && status === 'I' ? takeNext() : undefined
    }
    if (power && unflushed) await flush()
    for (const each of replies) parentPort!.postMessage(each)
  }
  isDraining = false
}

/** Takes the next request. Reads from the port as well, because PGlite's promises resolve without a turn of the event loop. */
function takeNext(): Message | undefined {
  return waiting.shift() ?? (receiveMessageOnPort(parentPort!)?.message as Message | undefined)
}

async function reply({ id, request }: Message): Promise<unknown> {
  Atomics.add(begun, 0, 1)
  try {
    return { id, value: await answer(request) }
  } catch (error) {
    return { id, error: plainError(toDbError(error)) }
  }
}

function mayWrite(request: PgliteRequest): boolean {
  return 'text' in request ? !/^\s*(select|show|explain)\s/i.test(request.text) : 'script' in request
}

/** Flushes the write-ahead log to the disk, with all commits that `synchronous_commit=off` did not wait for. Also works inside a transaction. */
async function flush(): Promise<void> {
  await query(`select pg_logical_emit_message(false, '', '', true)`, [])
}

/**
 * Converts an error of PGlite to `DbError`. FATAL and PANIC become a plain `Error`: a server would end the session or restart, but PGlite
 * hangs, and the caller replaces the thread.
 */
function toDbError(error: unknown): unknown {
  if (!(error instanceof messages.DatabaseError)) return error
  const { message, code, constraint, detail, severity } = error
  if (severity === 'FATAL' || severity === 'PANIC') return new Error(`${severity}: ${message}`)
  return new DbError({ message, code: code ?? 'XX000', constraint, detail })
}

parentPort!.on('message', (message: Message) => {
  waiting.push(message)
  void drain()
})
