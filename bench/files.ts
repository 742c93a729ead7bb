import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { type Credentials, readCredentials } from '../src/cli/lib/credentials.ts'
import { createTextExtractor } from '../src/text/index.ts'
import { pdf } from '../test/support/documents.ts'
import {
  type Backend,
  log,
  type Measurement,
  median,
  milliseconds,
  NotMeasured,
  newPlace,
  pause,
  startProgram,
} from './support.ts'

// Large inputs: a file of 200 MB, a document of 100 pages, a request with 10,000 rows.

const MB = 1024 * 1024
const UPLOAD_MB = 200
const ROUNDS = 3
const ROWS = 10_000
const ROW_ROUNDS = 5
const PAGES = 100
const PDF_ROUNDS = 7
const SETTLE_MS = 3_000

/** Measures the built program in a separate process, over HTTP. */
export async function files(backend: Backend): Promise<Measurement[]> {
  return [...(await upload(backend)), ...(await rows(backend))]
}

async function upload(backend: Backend): Promise<Measurement[]> {
  log(`files: ${ROUNDS} times ${UPLOAD_MB} MB into a freshly started program`)
  const times: number[] = []
  const growth: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const place = await newPlace(backend)
    const program = await startProgram(place.env)
    try {
      const credentials = (await readCredentials(place.env['ZERODB_DATA_DIR']!))!
      await pause(SETTLE_MS)
      const memory = watchMemory(program.process.pid!)
      const start = performance.now()
      await sendFile(credentials, UPLOAD_MB)
      times.push(performance.now() - start)
      const grown = memory.stop()
      if (grown !== null) growth.push(grown)
    } finally {
      await program.stop()
      await place.remove()
    }
  }
  const time = { row: 'upload.time', value: median(times) / 1000, ours: milliseconds(median(times)) }
  if (growth.length === 0) {
    log('files: growth is not measured, because the memory of a process can only be read on Linux')
    return [time]
  }
  const worst = Math.max(...growth)
  const ours = `${worst.toFixed(0)} MB, the maximum of ${growth.length} (median ${median(growth).toFixed(0)})`
  return [time, { row: 'upload.memory', value: worst, ours }]
}

/** Uploads generated blocks. The file is never in memory as a whole, so that this process does not disturb the measured one. */
async function sendFile(credentials: Credentials, megabytes: number): Promise<void> {
  const edge = 'zerodb-bench-edge'
  const block = Buffer.alloc(64 * 1024, 'The quick brown fox jumps over the lazy dog. ')
  function* body(): Generator<Buffer> {
    yield Buffer.from(
      `--${edge}\r\ncontent-disposition: form-data; name="file"; filename="large.bin"\r\ncontent-type: application/octet-stream\r\n\r\n`,
    )
    for (let sent = 0; sent < megabytes * MB; sent += block.length) yield block
    yield Buffer.from(`\r\n--${edge}--\r\n`)
  }
  const answer = await send(credentials, 'files/upload', `multipart/form-data; boundary=${edge}`, body())
  const { size_bytes } = JSON.parse(answer)
  if (size_bytes !== megabytes * MB) throw new Error(`of ${megabytes} MB, ${size_bytes} bytes were stored`)
}

async function rows(backend: Backend): Promise<Measurement[]> {
  log(`files: ${ROW_ROUNDS} requests of ${ROWS} rows`)
  const place = await newPlace(backend)
  const program = await startProgram(place.env)
  try {
    const credentials = (await readCredentials(place.env['ZERODB_DATA_DIR']!))!
    const post = (path: string, body: unknown) =>
      send(credentials, path, 'application/json', [Buffer.from(JSON.stringify(body))])
    await post('tables', { table_name: 'orders' })
    const orders = Array.from({ length: ROWS }, (_, n) => ({
      n,
      customer: `Customer ${n}`,
      email: `customer${n}@example.com`,
      total: n * 1.5,
      items: ['book', 'pen'],
      note: 'x'.repeat(100),
    }))
    const memory = watchMemory(program.process.pid!)
    const times: number[] = []
    for (let round = 0; round <= ROW_ROUNDS; round++) {
      const start = performance.now()
      const answer = await post('tables/orders/rows', { rows: orders })
      times.push(performance.now() - start)
      const { inserted_count } = JSON.parse(answer)
      if (inserted_count !== ROWS) throw new Error(`of ${ROWS} rows, ${inserted_count} were stored`)
    }
    const grown = memory.stop()
    const value = median(times.slice(1))
    const ours = `${milliseconds(value)} (first ${milliseconds(times[0]!)})`
    return [
      {
        row: 'rows.insert',
        value: value / 1000,
        ours: grown === null ? ours : `${ours}, memory grew by ${grown.toFixed(0)} MB over all ${times.length}`,
      },
    ]
  } finally {
    await program.stop()
    await place.remove()
  }
}

/** Returns the response. Rejects if its status is an error. */
async function send(
  { url, api_key, project_id }: Credentials,
  path: string,
  contentType: string,
  body: Iterable<Buffer>,
): Promise<string> {
  const sent = request(`${url}/api/v1/projects/${project_id}/database/${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${api_key}`, 'content-type': contentType },
  })
  const answered = new Promise<string>((resolve, reject) => {
    sent.once('error', reject)
    sent.once('response', (response) => {
      const { statusCode = 0 } = response
      text(response).then((answer) => {
        if (statusCode < 300) resolve(answer)
        else reject(new Error(`POST ${path}: ${statusCode} ${answer}`))
      }, reject)
    })
  })
  const [answer] = await Promise.all([answered, pipeline(Readable.from(body, { objectMode: false }), sent)])
  return answer
}

/** Measures a document of 100 full pages in the text extractor, which starts a process for every file. */
export async function documents(): Promise<Measurement[]> {
  if (processorSecondsOfChildren() === null)
    throw new NotMeasured('processor time and memory of a process can only be read on Linux')
  log(`documents: ${PDF_ROUNDS} times a pdf of ${PAGES} pages`)
  const line = 'The committee met in the morning, heard the report and put off its decision.'
  const page = Array.from({ length: 60 }, (_, n) => `${n + 1}. ${line}`)
  const content = pdf(Array.from({ length: PAGES }, (_, n) => [`Page ${n + 1}`, ...page]))
  const extractor = createTextExtractor()
  const times: number[] = []
  const processor: number[] = []
  const memory: number[] = []
  let characters = 0
  for (let round = 0; round < PDF_ROUNDS; round++) {
    const used = processorSecondsOfChildren()!
    let peak = 0
    const watching = setInterval(() => {
      const reader = readerProcess()
      if (reader !== null) peak = Math.max(peak, memoryMegabytes(reader, 'VmHWM') ?? 0)
    }, 20)
    const start = performance.now()
    const extracted = await extractor.extract({ content, content_type: 'application/pdf', file_name: 'report.pdf' })
    times.push(performance.now() - start)
    clearInterval(watching)
    processor.push(processorSecondsOfChildren()! - used)
    memory.push(peak)
    characters = extracted.characters
  }
  await extractor.close()
  return [
    {
      row: 'pdf.processor',
      value: median(processor),
      ours: `${median(processor).toFixed(2)} CPU-s, ${milliseconds(median(times))} by the clock, ${characters} characters`,
    },
    {
      row: 'pdf.memory',
      value: Math.max(...memory),
      ours: `${Math.max(...memory).toFixed(0)} MB, the maximum of ${memory.length}`,
    },
  ]
}

/** Samples the resident memory of a process every 10 ms. `stop` returns the maximum growth in MB, or null if it cannot be read. */
function watchMemory(pid: number): { stop(): number | null } {
  const before = memoryMegabytes(pid, 'VmRSS')
  let peak = before ?? 0
  const look = () => {
    peak = Math.max(peak, memoryMegabytes(pid, 'VmRSS') ?? 0)
  }
  const watching = before === null ? undefined : setInterval(look, 10)
  return {
    stop() {
      clearInterval(watching)
      if (before === null) return null
      look()
      return peak - before
    },
  }
}

/** Returns `VmRSS`, the resident memory, or `VmHWM`, its maximum. Null if the system has no /proc or the process has ended. */
function memoryMegabytes(pid: number, field: 'VmRSS' | 'VmHWM'): number | null {
  const kilobytes = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(proc(`${pid}/status`))?.[1]
  return kilobytes === undefined ? null : Number(kilobytes) / 1024
}

/** Value of `getconf CLK_TCK`: 100 on every Linux that Node runs on. */
const TICKS_A_SECOND = 100

/** Returns the user and system time of the ended child processes. */
function processorSecondsOfChildren(): number | null {
  // The second field, the name of the program, may contain spaces. The times are fields 14 and 15, counted from after the name.
  const fields = proc('self/stat').split(') ').at(-1)!.split(' ')
  return fields.length < 15 ? null : (Number(fields[13]) + Number(fields[14])) / TICKS_A_SECOND
}

/** Returns the process id of the running text extractor, if there is one. */
function readerProcess(): number | null {
  const script = join('workers', 'text.js')
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const parent = /^PPid:\s+(\d+)$/m.exec(proc(`${name}/status`))?.[1]
    if (Number(parent) === process.pid && proc(`${name}/cmdline`).includes(script)) return Number(name)
  }
  return null
}

/** Reads a file of /proc; returns '' if the file does not exist. */
function proc(path: string): string {
  try {
    return existsSync('/proc') ? readFileSync(join('/proc', path), 'utf8') : ''
  } catch {
    // The process has ended.
    return ''
  }
}
