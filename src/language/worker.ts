import { serveWorker } from '../workers.ts'
import { createExtractor } from './extract.ts'
import type { Extraction } from './index.ts'
import { loadTagger } from './tagging.ts'
import { textRank } from './textrank.ts'

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
