import model from 'wink-eng-lite-web-model'
import winkNLP, { type ItemSentence, type ItsFunction, type PartOfSpeech } from 'wink-nlp'
import type { Span } from '../index.ts'
import { maskDots } from './dotted-words.ts'
import { splitBlocks } from './sentences.ts'
import { repairTags, spelling, splitContraction } from './tag-repairs.ts'

export interface Token {
  text: string
  lower: string
  pos: PartOfSpeech
  /** The base form, in lower case. */
  lemma: string
  start: number
  end: number
}

export interface Sentence {
  span: Span
  tokens: Token[]
}

/** Splits a text into sentences of tagged tokens. Each token's `text` is `text.slice(start, end)`. */
export type Tagger = (text: string) => Sentence[]

/** Maximum number of tokens of a sentence. No English sentence is longer, and the rules stay fast on text that is not prose. */
const MAX_SENTENCE_WORDS = 200

/** Loads the English model (about 0.1 s, 70 MB). */
export function loadTagger(): Tagger {
  const wink = winkNLP(model, ['sbd', 'pos'])
  return (text) => splitBlocks(text).flatMap((block) => tagBlock(text, block))

  function tagBlock(text: string, [blockStart, blockEnd]: Span): Sentence[] {
    const sentences: Sentence[] = []
    const original = text.slice(blockStart, blockEnd)
    const block = maskDots(original)
    let from = 0
    wink
      .readDoc(block)
      .sentences()
      .each((sentence: ItemSentence) => {
        const words = sentence.tokens().out()
        const tags = sentence.tokens().out(wink.its.pos) as PartOfSpeech[]
        const lemmas = sentence.tokens().out(wink.its.lemma as unknown as ItsFunction<string>) as string[]
        const tokens: Token[] = []
        words.forEach((word, i) => {
          const start = block.indexOf(word, from)
          // The tokenizer drops some control characters: words that are not found in the text are left out.
          if (start < 0) return
          from = start + word.length
          const place = { start: blockStart + start, end: blockStart + from }
          const written = original.slice(start, from)
          const pos = written === word ? (tags[i] ?? 'X') : 'PROPN'
          tokens.push(
            ...splitContraction({ ...spelling(written), pos, lemma: lemmas[i] ?? word.toLowerCase(), ...place }),
          )
        })
        for (let i = 0; i < tokens.length; i += MAX_SENTENCE_WORDS) {
          const part = tokens.slice(i, i + MAX_SENTENCE_WORDS)
          sentences.push({ span: [part[0]!.start, part.at(-1)!.end], tokens: repairTags(part) })
        }
      })
    return sentences
  }
}
