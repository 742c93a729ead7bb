import { Option } from 'commander'
import type { ResultStream } from '../../client/index.ts'
import { stringifyJson } from '../../exact-json.ts'
import { findFunction } from '../lib/find.ts'
import { print as write } from '../lib/output.ts'
import { json } from '../lib/parse-options.ts'
import { ask, remote } from '../lib/remote.ts'

interface Options {
  data?: unknown
  async?: boolean
  stream?: boolean
}

export const invoke = remote('invoke', 'call a function and print its result')
  .argument('<name>')
  .option('-d, --data <json>', 'payload, @file or - for standard input', json)
  .addOption(new Option('--async', 'queue a durable run and do not wait for the result').conflicts('stream'))
  .option('--stream', 'print a streamed result as it comes; with --json, a line for each chunk and one for the run')
  .action(
    ask(async ({ zerodb, server, print, json: isJson }, given: string, { data, async: later, stream }: Options) => {
      const name = await findFunction(zerodb, server.projectId, given)
      const input = { name, payload: data, project_id: server.projectId }
      if (stream) return (isJson ? printJsonLines : printStream)(zerodb.functions.stream(input))
      const done = await zerodb.functions.invoke({ ...input, wait: !later })
      print(done, () =>
        later ? `${done.run_id} is queued. Watch it: zerodb logs ${done.run_id} -f` : stringifyJson(done.result, 2),
      )
    }),
  )

/** Prints texts one after the other, bytes as they are, and other chunks as lines of JSON; a result without chunks like that of a plain call. */
async function printStream(stream: ResultStream<{ result?: unknown }>): Promise<void> {
  let hasChunks = false
  let isLineOpen = false
  for await (const chunk of stream) {
    hasChunks = true
    const bytes = bytesOf(chunk)
    if (bytes !== undefined || typeof chunk === 'string') {
      process.stdout.write(bytes ?? String(chunk))
      isLineOpen = bytes === undefined && !String(chunk).endsWith('\n')
    } else {
      write(`${isLineOpen ? '\n' : ''}${stringifyJson(chunk)}`)
      isLineOpen = false
    }
  }
  const { result } = await stream.run()
  if (isLineOpen) process.stdout.write('\n')
  if (!hasChunks && !isStreamed(result)) write(stringifyJson(result, 2))
}

/** Prints a line of JSON for each chunk, and at the end one for the run. */
async function printJsonLines(stream: ResultStream<unknown>): Promise<void> {
  for await (const chunk of stream) write(stringifyJson({ chunk }))
  write(stringifyJson({ run: await stream.run() }))
}

/** Tells whether a result only counts what was streamed. */
const isStreamed = (result: unknown) => typeof result === 'object' && result !== null && 'streamed' in result

function bytesOf(chunk: unknown): Buffer | undefined {
  const { $bytes } = (typeof chunk === 'object' && chunk !== null ? chunk : {}) as { $bytes?: unknown }
  return typeof $bytes === 'string' ? Buffer.from($bytes, 'base64') : undefined
}
