import type { CallToolResult, Tool as Definition, InputRequiredResult } from '@modelcontextprotocol/server'
import type { LogLine } from '../schema/run.ts'
import type { RequestState } from './input-requests.ts'
import type { Made } from './progress.ts'

/** What a client has asked for, and how it is told what becomes of it. */
export interface ToolCall {
  arguments: Record<string, unknown>
  /** Of the arguments, about, as JSON. */
  length: number
  /** The client has gone away or has cancelled. */
  signal: AbortSignal
  /** The request's `traceparent`. */
  trace: string | undefined
  /** What it has answered to questions of an earlier call, which nobody has checked, and what that call noted. */
  responses: Readonly<Record<string, unknown>> | undefined
  noted: RequestState | undefined
  seal(noted: RequestState): Promise<string>
  /** What it can be asked, as it says itself. */
  capabilities: object
  progress(made: Made): void
  log(line: LogLine): void
}

/** What a client may call. */
export interface Tool {
  /** What it is called in metrics, where no label names what is a user's. */
  label: string
  definition: Definition
  /** What goes wrong is a result with `isError`, so that the model can read it. */
  call(call: ToolCall): Promise<CallToolResult | InputRequiredResult>
}

/** A result that says what went wrong, and in which run. */
export function failed(message: string, runId?: string): CallToolResult {
  const text = runId === undefined ? message : `${message} (run ${runId})`
  return { content: [{ type: 'text', text }], isError: true, ...inRun(runId) }
}

/** Names the run beside a result. */
export function inRun(runId: string | undefined): Pick<CallToolResult, '_meta'> {
  return runId === undefined ? {} : { _meta: { 'zerodb/run_id': runId } }
}
