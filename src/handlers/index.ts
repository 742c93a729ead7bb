import { autoEmbed } from './auto-embed.ts'
import { autoGraph } from './auto-graph.ts'
import { autoSummarize } from './auto-summarize.ts'
import { functionHandler } from './function.ts'
import type { Handler } from './handler.ts'
import { webhook } from './webhook.ts'

/** Every built-in handler, by the `hook_name` that asks for it. */
export const HANDLERS: Readonly<Record<string, Handler>> = {
  auto_embed: autoEmbed,
  auto_summarize: autoSummarize,
  auto_graph: autoGraph,
  webhook,
}

/** The handler that a hook's name asks for: its name, or what stands before the colon of `webhook:<label>`. */
export function handlerOf(hookName: string): Handler | undefined {
  const [name = ''] = hookName.split(':', 1)
  return Object.hasOwn(HANDLERS, name) ? HANDLERS[name] : undefined
}

/** What executes a run: its function, or the handler that its name asks for. */
export function executorOf(run: { handler: string; function_id: string | null }): Handler | undefined {
  return run.function_id === null ? handlerOf(run.handler) : functionHandler
}

export const HANDLER_NAMES = Object.keys(HANDLERS)
