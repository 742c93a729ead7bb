import { autoEmbed } from './auto-embed.ts'
import { autoGraph } from './auto-graph.ts'
import { autoSummarize } from './auto-summarize.ts'
import type { Handler } from './handler.ts'

/** Every built-in handler, by the `hook_name` that asks for it. */
export const HANDLERS: Readonly<Record<string, Handler>> = {
  auto_embed: autoEmbed,
  auto_summarize: autoSummarize,
  auto_graph: autoGraph,
}

export const HANDLER_NAMES = Object.keys(HANDLERS)
