import { z } from 'zod'
import type { App } from '../app.ts'
import { NeverRetry } from '../errors.ts'
import { fileUploaded } from '../schema/events.ts'
import { defineHandler } from './handler.ts'

const MAX_BYTES = 1024 * 1024
const READABLE = /^(text\/(plain|markdown|x-markdown|csv)|application\/(json|x-ndjson))\b/

/** Summarises an uploaded text. */
export const autoSummarize = defineHandler({
  name: 'auto_summarize',
  on: [fileUploaded.name],
  config: z.looseObject({ max_length: z.number().int().min(20).max(100_000).default(500) }),

  warm: async (app) => app.language.warm?.(),

  async run(app, run, config) {
    const file = await app.store.files.content(run.project_id, run.ref)
    if (!file) return { summarized: false, reason: 'the file has been deleted' }
    if (file.blob === null) return { summarized: false, reason: 'the file was registered without content' }
    if (!READABLE.test(file.content_type ?? '')) {
      throw new NeverRetry(
        `auto_summarize reads plain text, markdown, csv and json; "${file.file_name}" is ${file.content_type ?? 'of unknown type'}`,
      )
    }
    if ((file.size_bytes ?? 0) > MAX_BYTES)
      throw new NeverRetry(`auto_summarize reads files of at most 1 MB; "${file.file_name}" is larger`)
    const summary = await app.language.summarize(await readText(app, file.blob), config.max_length, run.signal)
    await app.store.files.setSummary(file.id, file.blob, summary, app.language.model)
    return { summarized: true, characters: summary.length, used: app.language.model }
  },
})

async function readText(app: App, blob: string): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of await app.blobs.open(blob)) chunks.push(chunk as Buffer)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks))
  } catch (error) {
    throw new NeverRetry('The file is not UTF-8 text', { cause: error })
  }
}
