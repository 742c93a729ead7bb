// Hashes and describes each uploaded file, and publishes the result as an event.
import { createHash } from 'node:crypto'
import type { Config, Context, FileUploadedEvent } from 'zerodb-functions/functions'

export const config: Config = {
  triggers: [{ event: 'zerodb.file.uploaded', filter: { 'data.size_bytes': { $lte: 5_000_000 } } }],
}

const MAGIC: [string, string][] = [
  ['25504446', 'a PDF document'],
  ['89504e47', 'a PNG image'],
  ['ffd8ff', 'a JPEG image'],
  ['504b0304', 'a zip archive, or an Office document'],
]

export default async function describeFile(event: FileUploadedEvent, ctx: Context) {
  const { file_id, file_name } = event.data
  const file = await ctx.zerodb.files.download({ file_id })
  const bytes = Buffer.from(file.content)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const start = bytes.subarray(0, 4).toString('hex')
  const kind = MAGIC.find(([magic]) => start.startsWith(magic))?.[1] ?? (bytes.includes(0) ? 'binary data' : 'text')
  const description = `${file_name} is ${kind} of ${bytes.length} bytes`
  await ctx.zerodb.events.publish({ topic: 'files.described', event_payload: { file_id, sha256, description } })
  return { sha256, description }
}
