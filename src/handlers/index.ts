import { autoEmbed } from './auto-embed.ts'
import { autoGraph } from './auto-graph.ts'
import { autoSummarize } from './auto-summarize.ts'
import { functionHandler } from './function.ts'
import type { Handler } from './handler.ts'
import { webhook } from './webhook.ts'

const ALL = [autoEmbed, autoSummarize, autoGraph, webhook]

/** All built-in handlers, by `hook_name`. */
export const HANDLERS: Readonly<Record<string, Handler>> = Object.fromEntries(
  ALL.map((handler) => [handler.name, handler]),
)

/** Returns the handler for a hook's name: the whole name, or the part before the colon in `webhook:<label>`. */
export function handlerOf(hookName: string): Handler | undefined {
  const [name = ''] = hookName.split(':', 1)
  return Object.hasOwn(HANDLERS, name) ? HANDLERS[name] : undefined
}

/** Returns the handler that executes a run: the function handler, or the built-in one of that name. */
export function executorOf(run: { handler: string; function_id: string | null }): Handler | undefined {
  return run.function_id === null ? handlerOf(run.handler) : functionHandler
}

export const HANDLER_NAMES = Object.keys(HANDLERS)
/** Names that no function can have: a hook with such a name asks for the handler. */
export const RESERVED_NAMES: readonly string[] = [...HANDLER_NAMES, functionHandler.name]
