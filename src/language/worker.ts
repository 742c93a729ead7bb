import { serveWorker } from '../platform/workers.ts'
import type { Extraction } from './index.ts'
import { createExtractor } from './rules/extract.ts'
import { loadTagger } from './rules/tagging.ts'
import { textRank } from './rules/textrank.ts'

export type LanguageRequest =
  | { kind: 'extract'; text: string; speaker: string | undefined }
  | { kind: 'summarize'; text: string; maxLength: number }

const tag = loadTagger()
const extract = createExtractor(tag)

serveWorker<LanguageRequest, Extraction | string>(async (request) =>
  request.kind === 'extract'
    ? extract(request.text, request.speaker)
    : textRank(request.text, tag(request.text), request.maxLength),
)
