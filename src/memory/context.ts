import type { Recalled } from '../schema/memory.ts'
import type { SYNTHESIS_STYLES } from '../schema/memory-context.ts'

const CHARACTERS_PER_TOKEN = 4

type Style = (typeof SYNTHESIS_STYLES)[number]

/** A text made of memories, and the memories that are in it. */
export interface ComposedContext {
  text: string
  used: readonly Recalled[]
}

/** Estimates the number of tokens of a text as a quarter of its characters. */
export const estimateTokens = (text: string): number => Math.ceil(text.length / CHARACTERS_PER_TOKEN)

/**
 * Composes a text of at most `maxTokens` from memories, the most relevant first. A memory that does not fit is left out as a whole, because half a fact
 * can say the opposite. Memories without text are left out too.
 */
export function composeContext(memories: readonly Recalled[], style: Style, maxTokens: number): ComposedContext {
  let composed: ComposedContext = { text: '', used: [] }
  for (const memory of memories) {
    if (memory.content.trim() === '') continue
    const used = [...composed.used, memory]
    const text = FORMATS[style](used)
    if (estimateTokens(text) <= maxTokens) composed = { text, used }
  }
  return composed
}

const bullets = (memories: readonly Recalled[]) =>
  memories.map(({ content }) => `- ${content.trim().replace(/\n/g, '\n  ')}`).join('\n')

const FORMATS: Record<Style, (memories: readonly Recalled[]) => string> = {
  narrative: (memories) => memories.map(({ content }) => content.trim()).join('\n\n'),
  bullet: bullets,
  structured(memories) {
    const types = [...new Set(memories.map(({ memory_type }) => memory_type))]
    return types
      .map((type) => `## ${type}\n${bullets(memories.filter(({ memory_type }) => memory_type === type))}`)
      .join('\n\n')
  },
}
