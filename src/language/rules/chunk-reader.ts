import { type Chunk, type ChunkKind, chunk } from '../provider/chunks.ts'
import type { Sentence } from './tagging.ts'

/** Reads the chunks of one sentence; offset 0 is the next chunk. */
export class ChunkReader {
  readonly #sentence: Sentence
  readonly #chunks: Chunk[]
  #at = 0

  constructor(sentence: Sentence) {
    this.#sentence = sentence
    this.#chunks = chunk(sentence.tokens)
  }

  take(): Chunk | undefined {
    return this.#chunks[this.#at++]
  }

  skip(count: number): void {
    this.#at += count
  }

  peek(offset: number): Chunk | undefined {
    return this.#chunks[this.#at + offset]
  }

  kind(offset: number): ChunkKind | undefined {
    return this.peek(offset)?.kind
  }

  /** Returns the chunk's text in lower case; empty past the end. */
  words(offset: number): string {
    const { start, end } = this.peek(offset) ?? { start: 0, end: 0 }
    return this.#sentence.tokens
      .slice(start, end)
      .map(({ lower }) => lower)
      .join(' ')
  }

  /** Tells whether a list starts at this comma: nouns and commas up to "and" with a last noun. With `closed`, no verb may follow. */
  inList(closed: boolean): boolean {
    let offset = 0
    while (this.kind(offset) === 'comma' && this.kind(offset + 1) === 'noun') offset += 2
    if (this.kind(offset) === 'comma') offset++
    const complete = offset > 1 && this.kind(offset) === 'and' && this.kind(offset + 1) === 'noun'
    return complete && !(closed && this.kind(offset + 2) === 'verb')
  }

  /** Returns the number of chunks to skip to the next noun of a list, or 0 if the list ends. */
  toNextInList(closed: boolean): number {
    const skip = this.kind(0) === 'and' ? 1 : this.kind(0) !== 'comma' ? 0 : this.kind(1) === 'and' ? 2 : 1
    if (skip === 0 || this.kind(skip) !== 'noun') return 0
    return skip === 1 && this.kind(0) === 'comma' && !this.inList(closed) ? 0 : skip
  }
}
