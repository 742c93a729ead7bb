import type { Readable } from 'node:stream'
import type { Blobs } from '../blobs/index.ts'
import { within } from '../platform/abort.ts'
import type { Store, Tables } from '../store/index.ts'
import { PROJECT_TABLES } from '../store/transfer/dump.ts'
import { createWriter, FORMAT, type Header } from './format.ts'

/** A multiple of three, so that the base64 of a piece needs no padding. */
const PIECE_BYTES = 3 * 128 * 1024

const EMPTY_LINE_MS = 15_000

interface Source {
  store: Store
  blobs: Blobs
}

/**
 * Exports a project: its rows, from one snapshot, then the contents of its files. Resolves when the first row has been read, and rejects if
 * that fails. A later error truncates the file.
 */
export function dumpProject(source: Source, projectId: string): Promise<AsyncIterable<Buffer>> {
  return dumped(source, { zerodb: 'project' }, async function* (tx) {
    const tables = new Map((await tx.dump.shapes()).map((table) => [table.name, table]))
    for (const name of ['projects', ...PROJECT_TABLES]) yield* tx.dump.projectRows(tables.get(name)!, projectId)
  })
}

/** Exports the whole database. Includes `encryptionKey` if given, and the contents of files unless `contents` is false. */
export function dumpAll(
  source: Source,
  options: { encryptionKey?: Uint8Array | undefined; contents?: boolean } = {},
): Promise<AsyncIterable<Buffer>> {
  const { encryptionKey, contents = true } = options
  const key = encryptionKey && { encryption_key: Buffer.from(encryptionKey).toString('hex') }
  const about = { zerodb: contents ? ('backup' as const) : ('move' as const), ...key }
  return dumped(source, about, async function* (tx) {
    for (const table of await tx.dump.shapes()) yield* tx.dump.rows(table)
  })
}

/**
 * Reads the rows into a temporary blob first, so that no transaction waits for a slow client. Nothing refers to this blob, and garbage collection
 * deletes it. While the rows are read, the stream sends the header and then an empty line from time to time. A client that disconnects ends
 * the reading.
 */
async function dumped(
  { store, blobs }: Source,
  about: Pick<Header, 'zerodb' | 'encryption_key'>,
  rows: (tx: Tables) => AsyncGenerator<string, void>,
): Promise<AsyncIterable<Buffer>> {
  const writer = createWriter()
  const contents = new Set<string>()
  let isAbandoned = false
  let begin: (schema: Header['schema']) => void = () => {}
  const begun = new Promise<Header['schema']>((resolve) => {
    begin = resolve
  })
  const kept = store.transaction(async (tx) => {
    await tx.dump.begin()
    const schema = await tx.dump.schema()
    async function* lines() {
      for await (const line of rows(tx)) {
        begin(schema)
        if (isAbandoned) throw new Error('The client has disconnected')
        if (/^\{"table":"(files|wheels)"/.test(line)) noteContent(line, contents)
        yield writer.raw(line)
      }
    }
    const { blob } = await blobs.put(lines(), Number.POSITIVE_INFINITY)
    begin(schema)
    return blob
  })
  const schema = await Promise.race([begun, kept.then(() => begun)])
  return (async function* () {
    try {
      yield writer.json({ ...about, format: FORMAT, schema } satisfies Header)
      yield* emptyLinesUntil(kept)
      yield* (await blobs.open(await kept)) as AsyncIterable<Buffer>
      if (about.zerodb !== 'move') for (const content of contents) yield* pieces(content, await blobs.open(content))
      yield writer.end()
    } finally {
      isAbandoned = true
    }
  })()

  async function* pieces(content: string, bytes: Readable): AsyncGenerator<Buffer, void> {
    let pending = Buffer.alloc(0)
    for await (const chunk of bytes) {
      pending = Buffer.concat([pending, chunk as Buffer])
      for (; pending.length >= PIECE_BYTES; pending = pending.subarray(PIECE_BYTES))
        yield writer.json({ blob: content, base64: pending.subarray(0, PIECE_BYTES).toString('base64') })
    }
    if (pending.length > 0) yield writer.json({ blob: content, base64: pending.toString('base64') })
    yield writer.json({ blob: content, base64: '' })
  }
}

/** Yields an empty line every 15 s until `done` settles: proxies and Node's `fetch` abort a response that stays idle for some minutes. */
export async function* emptyLinesUntil(done: Promise<unknown>): AsyncGenerator<Buffer, void> {
  for (;;) {
    if ((await within(done, EMPTY_LINE_MS)) !== 'late') return
    yield Buffer.from('\n')
  }
}

function noteContent(line: string, contents: Set<string>): void {
  const { blob } = (JSON.parse(line) as { row: { blob: string | null } }).row
  if (blob !== null) contents.add(blob)
}
