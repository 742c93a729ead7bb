import type { Readable } from 'node:stream'
import type { Blobs } from '../blobs/index.ts'
import { within } from '../platform/abort.ts'
import type { Store, Tables } from '../store/index.ts'
import { PROJECT_TABLES } from '../store/transfer/dump.ts'
import { createWriter, FORMAT, type Header } from './format.ts'

/** Base64 has no remainder at a multiple of three. */
const PIECE_BYTES = 3 * 128 * 1024

const EMPTY_LINE_MS = 15_000

interface Source {
  store: Store
  blobs: Blobs
}

/**
 * A project as a file: its rows, all of one moment, then the contents of its files. Resolves when the first row has been read, and throws where
 * none can be; what fails later ends the file short.
 */
export function dumpProject(source: Source, projectId: string): Promise<AsyncIterable<Buffer>> {
  return dumped(source, { zerodb: 'project' }, async function* (tx) {
    const shapes = new Map((await tx.dump.shapes()).map((shape) => [shape.name, shape]))
    for (const name of ['projects', ...PROJECT_TABLES]) yield* tx.dump.projectRows(shapes.get(name)!, projectId)
  })
}

/** The whole database as a file. `encryptionKey` goes with it where it is given; contents of files do not where it is said so. */
export function dumpAll(
  source: Source,
  options: { encryptionKey?: Uint8Array | undefined; contents?: boolean } = {},
): Promise<AsyncIterable<Buffer>> {
  const { encryptionKey, contents = true } = options
  const key = encryptionKey && { encryption_key: Buffer.from(encryptionKey).toString('hex') }
  const about = { zerodb: contents ? ('backup' as const) : ('move' as const), ...key }
  return dumped(source, about, async function* (tx) {
    for (const shape of await tx.dump.shapes()) yield* tx.dump.rows(shape)
  })
}

/**
 * The rows are read into a content of their own first, so that no transaction waits for whoever reads the file; nobody holds that content, and
 * it is collected like any other. Until they are all read, the file has its first line, and an empty one at times. Who leaves ends the reading.
 */
async function dumped(
  { store, blobs }: Source,
  about: Pick<Header, 'zerodb' | 'encryption_key'>,
  rows: (tx: Tables) => AsyncGenerator<string, void>,
): Promise<AsyncIterable<Buffer>> {
  const writer = createWriter()
  const contents = new Set<string>()
  let isLeft = false
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
        if (isLeft) throw new Error('Whoever asked for these rows has left')
        if (line.startsWith('{"table":"files"')) noteContent(line, contents)
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
      isLeft = true
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

/** An empty line every 15 s: proxies and Node's `fetch` give up an answer of which nothing comes for some minutes. */
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
