export interface Finding {
  rule: string
  /** Counted from 1. */
  line: number
  /** The whole line, trimmed. */
  text: string
  /** The advice for this rule. */
  say: string
}

export const RULE_NAMES: string[]

/** Finds all matches of the rules in one file, in the order of their lines. `file` is its path in the repository. */
export function findDialect(text: string, file: string): Finding[]

/** Finds the sentences of doc comments that have more than 25 words. */
export function findLongSentences(text: string): { line: number; words: number; text: string }[]
