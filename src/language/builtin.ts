import { abortable } from '../platform/abort.ts'
import { lazyWorker } from '../platform/workers.ts'
import type { Extraction, Language } from './index.ts'
import type { LanguageRequest } from './worker.ts'

/**
 * Works offline, in a thread of its own: tagged text and hand-written rules for entities and relations, TextRank for
 * summaries. English. The thread starts with the first call and ends after `idleSeconds` (600 by default) without one.
 * An aborted call rejects at once; the thread still finishes what it has begun.
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
