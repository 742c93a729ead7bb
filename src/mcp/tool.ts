import type { CallToolResult, Tool as Definition, InputRequiredResult } from '@modelcontextprotocol/server'
import type { LogLine } from '../schema/run.ts'
import type { RequestState } from './input-requests.ts'
import type { ProgressUpdate } from './progress.ts'

/** A call by a client, with the functions that report to the client. */
export interface ToolCall {
  arguments: Record<string, unknown>
  /** Approximate length of the arguments as JSON. */
  length: number
  /** Aborted when the client disconnects or cancels the call. */
  signal: AbortSignal
  /** The `traceparent` of the request. */
  trace: string | undefined
  /** The client's responses to the input requests of an earlier call. Not validated. */
  responses: Readonly<Record<string, unknown>> | undefined
  /** The state of that earlier call. */
  requestState: RequestState | undefined
  /** Signs a state for the client to hold until its next call. */
  seal(state: RequestState): Promise<string>
  /** The capabilities that the client declares. */
  capabilities: object
  progress(update: ProgressUpdate): void
  /** Sends a part of a streamed result. Undefined if the client does not ask for progress. */
  part: ((text: string) => void) | undefined
  log(line: LogLine): void
}

/** A tool that a client can call. */
export interface Tool {
  /** The label in metrics, which must not contain names chosen by users. */
  label: string
  definition: Definition
  /** Calls the tool. Errors become a result with `isError`, so that the model can read them. */
  call(call: ToolCall): Promise<CallToolResult | InputRequiredResult>
}

/** Returns an error result that names the run. */
export function failed(message: string, runId?: string): CallToolResult {
  const text = runId === undefined ? message : `${message} (run ${runId})`
  return { content: [{ type: 'text', text }], isError: true, ...inRun(runId) }
}

/** Returns the metadata that names the run of a result. */
export function inRun(runId: string | undefined): Pick<CallToolResult, '_meta'> {
  return runId === undefined ? {} : { _meta: { 'zerodb/run_id': runId } }
}
