import { builtinLanguage } from './builtin.ts'
import { openaiLanguage } from './provider/openai-compatible.ts'

/** Half-open range of UTF-16 positions in the source text. */
export type Span = readonly [start: number, end: number]

export type EntityType = 'person' | 'place' | 'organization' | 'other'

export interface ExtractedEntity {
  /** As written, without a leading article. */
  name: string
  type: EntityType
  span: Span
}

/** "subject predicate object", where subject and object are names of extracted entities. */
export interface ExtractedRelation {
  subject: string
  /** Lower case words as a person would read them, e.g. `met`, `works at`, `in`. */
  predicate: string
  object: string
  /** The clause that says so. */
  span: Span
  /** 0 to 1, by how reliable the pattern is. */
  confidence: number
}

export interface Extraction {
  entities: ExtractedEntity[]
  /** Most certain first. */
  relations: ExtractedRelation[]
}

/** Understands text: what it speaks about, and what it says in short. */
export interface Language {
  /** Recorded with every result, e.g. `builtin-1`. */
  readonly model: string
  /** Entities and relations of `text` (at most 1 MB). `speaker` is who "I", "me" and "my" stand for; without one such relations are left out. */
  extract(text: string, options?: { speaker?: string | undefined; signal?: AbortSignal }): Promise<Extraction>
  /** At most `maxLength` characters, ending at a sentence end where one fits; empty when the text has no sentence. */
  summarize(text: string, maxLength: number, signal?: AbortSignal): Promise<string>
  /** Loads what the first text would wait for, where there is something to load. */
  warm?(): Promise<unknown>
  close(): Promise<void>
}

/** Every language driver, by the name that configuration uses. */
export const LANGUAGES = { builtin: builtinLanguage, 'openai-compatible': openaiLanguage }
