import { builtinLanguage } from './builtin.ts'
import { openaiLanguage } from './provider/openai-compatible.ts'

/** Half-open range of UTF-16 positions in the source text. */
export type Span = readonly [start: number, end: number]

export type EntityType = 'person' | 'place' | 'organization' | 'other'

export interface ExtractedEntity {
  /** Name as written, without a leading article. */
  name: string
  type: EntityType
  span: Span
}

/** "subject predicate object", where subject and object are names of extracted entities. */
export interface ExtractedRelation {
  subject: string
  /** Readable lower case words, e.g. `met`, `works at`, `in`. */
  predicate: string
  object: string
  /** The clause that states the relation. */
  span: Span
  /** Reliability of the pattern, 0 to 1. */
  confidence: number
  /** The predicate in its base form, e.g. `meet`, `work at`. */
  lemma: string
  /** Tense of the verb; null if the predicate has no verb. */
  tense: 'past' | 'present' | 'future' | null
  /** False if the text says that it is possible, wished or conditional. */
  isFact: boolean
  /** Whether the text says that it does not hold any more. */
  ended: boolean
}

export interface Extraction {
  entities: ExtractedEntity[]
  /** Relations by descending confidence. */
  relations: ExtractedRelation[]
}

/** Extracts entities and relations from text, and summarizes it. */
export interface Language {
  /** Name of the model, stored with every result, e.g. `builtin-1`. */
  readonly model: string
  /** Extracts entities and relations of `text` (at most 1 MB). `speaker` is the name for "I", "me" and "my"; without it their relations are left out. */
  extract(text: string, options?: { speaker?: string | undefined; signal?: AbortSignal }): Promise<Extraction>
  /** Returns a summary of at most `maxLength` characters, of whole sentences if one fits. Empty if the text has no sentence. */
  summarize(text: string, maxLength: number, signal?: AbortSignal): Promise<string>
  /** Loads the model in advance, if there is one to load. */
  warm?(): Promise<unknown>
  close(): Promise<void>
}

/** Language drivers by their name in the configuration. */
export const LANGUAGES = { builtin: builtinLanguage, 'openai-compatible': openaiLanguage }
