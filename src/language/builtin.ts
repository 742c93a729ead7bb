import { abortable } from '../platform/abort.ts'
import { lazyWorker } from '../platform/workers.ts'
import type { Extraction, Language } from './index.ts'
import type { LanguageRequest } from './worker.ts'

/**
 * Creates the offline driver for English: part-of-speech tags and hand-written rules for entities and relations, TextRank
 * for summaries. It uses a worker thread that starts with the first call and ends after `idleSeconds` (600 by default)
 * without calls. An aborted call rejects immediately; the thread still finishes the started text.
 */
export function builtinLanguage(options: { idleSeconds?: number } = {}): Language {
  const worker = lazyWorker<LanguageRequest, Extraction | string>('language', options.idleSeconds ?? 600)
  return {
    model: 'builtin-1',
    async extract(text, { speaker, signal } = {}) {
      signal?.throwIfAborted()
      return (await abortable(worker.call({ kind: 'extract', text, speaker }), signal)) as Extraction
    },
    async summarize(text, maxLength, signal) {
      signal?.throwIfAborted()
      return (await abortable(worker.call({ kind: 'summarize', text, maxLength }), signal)) as string
    },
    warm: () => worker.call({ kind: 'extract', text: 'Warm', speaker: undefined }),
    close: () => worker.terminate(),
  }
}
