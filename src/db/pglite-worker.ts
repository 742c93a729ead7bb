import { fdatasyncSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { messages, PGlite, protocol } from '@electric-sql/pglite'
import { NodeFS } from '@electric-sql/pglite/nodefs'
import { vector } from '@electric-sql/pglite-pgvector'
import { plainError } from '../workers.ts'
import type { PgliteAnswer, PgliteOptions, PgliteRequest } from './pglite.ts'
import { DbError } from './sql.ts'
import type { WireValue } from './wire.ts'

// The thread that owns the embedded PostgreSQL. A long statement here never stops the server's event loop.

const { directory, durability } = workerData as PgliteOptions

/** NodeFS with a real fsync: PGlite's own file system has none, so that a power cut could lose what it had acknowledged. */
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

// wal_sync_method: the default, fdatasync, is a path that PGlite does not implement.
const SYNCED = ['-c', 'fsync=on', '-c', 'wal_sync_method=fsync', '-c', 'synchronous_commit=off']
const COMMON = ['-c', 'max_wal_size=128MB', '-c', 'TimeZone=UTC']

async function open(): Promise<PGlite> {
  const power = durability === 'power'
  return PGlite.create({
    fs: power ? new SyncedNodeFS(directory) : new NodeFS(directory),
    extensions: { vector },
    startParams: power
      ? [...PGlite.defaultStartParams.filter((param) => param !== '-F'), ...SYNCED, ...COMMON]
      : [...PGlite.defaultStartParams, ...COMMON],
  })
}

const database = open()

/** Statements parsed once by this connection: executing them again skips parsing and, from the sixth time, planning. */
const prepared = new Map<string, { name: string; fields: PgliteAnswer['fields'] }>()
const MAX_PREPARED = 500

const { serialize } = protocol
type BackendMessages = Awaited<ReturnType<PGlite['execProtocol']>>['messages']

async function roundTrip(...parts: Uint8Array[]): Promise<BackendMessages> {
  const { messages: answer } = await (await database).execProtocol(Buffer.concat(parts), {
    syncToFs: false,
    throwOnError: false,
  })
  for (const message of answer) {
    if (message instanceof messages.DatabaseError) {
      const { message: text, code, constraint, detail } = message
      throw new DbError({ message: text, code: code ?? 'XX000', constraint, detail })
    }
  }
  return answer
}

function fieldsOf(answer: BackendMessages): PgliteAnswer['fields'] {
  const description = answer.find((message) => message instanceof messages.RowDescriptionMessage)
  return description?.fields.map((field) => ({ name: field.name, type: field.dataTypeID })) ?? []
}

async function prepare(text: string): Promise<{ name: string; fields: PgliteAnswer['fields'] }> {
  const known = prepared.get(text)
  if (known) return known
  const name = prepared.size < MAX_PREPARED ? `s${prepared.size}` : ''
  const answer = await roundTrip(
    serialize.parse({ name, text }),
    serialize.describe({ type: 'S', name }),
    serialize.sync(),
  )
  const statement = { name, fields: fieldsOf(answer) }
  if (name) prepared.set(text, statement)
  return statement
}

async function query(text: string, values: WireValue[]): Promise<PgliteAnswer> {
  const { name, fields } = await prepare(text)
  const answer = await roundTrip(
    serialize.bind({ statement: name, values: values as string[] }),
    serialize.execute({}),
    serialize.sync(),
  )
  const rows: (string | null)[][] = []
  for (const message of answer) if (message instanceof messages.DataRowMessage) rows.push(message.fields)
  return { fields, rows }
}

async function answer(request: PgliteRequest): Promise<PgliteAnswer | undefined> {
  if ('text' in request) return query(request.text, request.values)
  if ('script' in request) {
    await (await database).exec(request.script)
    // A script may have changed a table under a prepared statement's feet.
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
const GROUP = 64
const waiting: { id: number; request: PgliteRequest }[] = []
let draining = false

async function drain(): Promise<void> {
  if (draining) return
  draining = true
  while (waiting.length > 0) {
    const group = waiting.splice(0, durability === 'power' ? GROUP : 1)
    const replies: unknown[] = []
    for (const { id, request } of group) {
      try {
        replies.push({ id, value: await answer(request) })
      } catch (error) {
        replies.push({ id, error: plainError(error) })
      }
    }
    if (
      durability === 'power' &&
      group.some(({ request }) => 'text' in request && !/^\s*select\s/i.test(request.text))
    ) {
      await flush()
    }
    for (const reply of replies) parentPort!.postMessage(reply)
  }
  draining = false
}

/** Writes the log out to the disk, including all that `synchronous_commit=off` has not waited for. */
async function flush(): Promise<void> {
  if (!(await database).isInTransaction()) await query(`select pg_logical_emit_message(false, '', '', true)`, [])
}

parentPort!.on('message', (message: { id: number; request: PgliteRequest }) => {
  waiting.push(message)
  void drain()
})
