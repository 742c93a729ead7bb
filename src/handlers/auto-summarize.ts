import { z } from 'zod'
import type { App } from '../app.ts'
import { fileUploaded, vectorStored } from '../schema/events.ts'
import { defineHandler, type HandlerRun } from './handler.ts'

/** File types in which each line is a record. */
const RECORD_TYPES: ReadonlySet<string> = new Set(['csv', 'json'])

/** Summarizes an uploaded file or a vector's document. The summary of a file can be searched by words and by embedding. */
export const autoSummarize = defineHandler({
  name: 'auto_summarize',
  on: [fileUploaded.name, vectorStored.name],
  config: z.looseObject({ max_length: z.number().int().min(20).max(100_000).default(500) }),

  warm: async (app) => app.language.warm?.(),

  run: (app, run, config) =>
    run.event.event === vectorStored.name
      ? summarizeDocument(app, run, config.max_length)
      : summarizeFile(app, run, config.max_length),
})

async function summarizeFile(app: App, run: HandlerRun, maxLength: number) {
  const file = await app.store.files.content(run.project_id, run.ref)
  if (!file) return { summarized: false, reason: 'the file has been deleted' }
  if (file.blob === null) return { summarized: false, reason: 'the file was registered without content' }
  const content = await app.blobs.open(file.blob)
  const { text, type, truncated } = await app.text.extract({ ...file, content }, run.signal)
  if (truncated) run.log(`"${file.file_name}" is too long: only its beginning was read`)
  // A sentence may span two lines of prose, but not two records.
  const sentences = RECORD_TYPES.has(type) ? text.replaceAll('\n', '\n\n') : text
  const summary = await app.language.summarize(sentences, maxLength, run.signal)
  const [embedding = null] = summary === '' ? [] : await app.embedder.embed([summary], run.signal)
  const models = { model: app.language.model, embedding_model: app.embedder.model }
  const summarized = await app.store.files.setSummary(file.id, file.blob, { text: summary, embedding, ...models })
  return { summarized, type, characters: summary.length, used: app.language.model }
}

async function summarizeDocument(app: App, run: HandlerRun, maxLength: number) {
  const document = await app.store.vectors.document(run.project_id, run.ref)
  if (document === null || document.trim() === '') return { summarized: false, reason: 'the vector has no document' }
  const summary = await app.language.summarize(document, maxLength, run.signal)
  const summarized = await app.store.vectors.setSummary(run.ref, document, summary)
  return { summarized, type: 'document', characters: summary.length, used: app.language.model }
}
