import { StringDecoder } from 'node:string_decoder'
import {
  type CallToolResult,
  type Tool as Definition,
  type InputRequiredResult,
  ProtocolError,
  ProtocolErrorCode,
} from '@modelcontextprotocol/server'
import type { z } from 'zod'
import type { App, Caller, PreparedFunction } from '../app.ts'
import { ZeroError } from '../errors.ts'
import { parseStoredJson, stringifyJson, unmarkNumbers, withDoubles } from '../exact-json.ts'
import { withDefaults } from '../functions/defaults.ts'
import { refusalOf } from '../functions/outcome.ts'
import type { toolTrigger } from '../schema/function.ts'
import { validateWith } from '../schema/json-schema-check.ts'
import { allows } from '../schema/login.ts'
import { isTextType, itemValue, type StreamReceiver } from '../schema/streamed-result.ts'
import { describeError } from './built-in.ts'
import { contentOf } from './content.ts'
import { inputRequestsError, inputRequestsOf } from './input-requests.ts'
import { failed, inRun, type Tool, type ToolCall } from './tool.ts'

/** Returns the definition of a function's tool for clients, with the schemas as their author wrote them. */
export function definitionOf(name: string, tool: z.infer<typeof toolTrigger>): Definition {
  const { description, title, input_schema, output_schema, annotations } = tool
  return {
    name,
    ...(title === undefined ? {} : { title }),
    description,
    inputSchema: input_schema as Definition['inputSchema'],
    ...(output_schema === undefined ? {} : { outputSchema: output_schema as NonNullable<Definition['outputSchema']> }),
    ...(annotations === undefined ? {} : { annotations }),
  }
}

/** Returns the tool that calls a function. */
export function functionTool(app: App, caller: Caller, fn: PreparedFunction): Tool {
  const tool = fn.config.tool!
  return {
    label: 'function',
    definition: definitionOf(fn.name, tool),
    call: (call) => callFunction(app, caller, fn, tool, call),
  }
}

async function callFunction(
  app: App,
  caller: Caller,
  fn: PreparedFunction,
  { input_schema, output_schema }: z.infer<typeof toolTrigger>,
  call: ToolCall,
): Promise<CallToolResult | InputRequiredResult> {
  const { requestState, responses, capabilities } = call
  if (requestState && requestState.function !== fn.id)
    throw new ProtocolError(ProtocolErrorCode.InvalidParams, 'Invalid or expired requestState')
  const data = withDefaults(input_schema, call.arguments)
  const problem = validateWith(input_schema, withDoubles(data), call.length)
  if (problem !== null) return failed(`The arguments do not match the input schema of "${fn.name}": ${problem}`)
  try {
    const { run_id, outcome } = await app.runs.invoke({
      function: fn,
      trigger: 'tool',
      event: 'tool.called',
      data,
      caller,
      trace: call.trace ?? caller.trace,
      context: {
        tool: {
          input_responses: responses ?? null,
          request_state: requestState === undefined ? null : parseStoredJson(requestState.state),
          client_capabilities: capabilities,
        },
      },
      signal: call.signal,
      receiver: call.part && partReceiver(call.part, call.signal),
      onProgress: (progress, total, message) => call.progress({ progress, total, message }),
      // Logs are only sent to callers that may read the logs of runs.
      ...(allows(caller.permissions, 'hooks:read') ? { onLog: call.log } : {}),
    })
    if (outcome.status !== 'ok') return failed(describeError(refusalOf(outcome, run_id)), run_id)
    const inputRequired = inputRequestsOf(outcome.result)
    if (inputRequired !== null) {
      const mistake = inputRequestsError(inputRequired)
      if (mistake !== null) return failed(`"${fn.name}" returned input requests that are not valid: ${mistake}`, run_id)
      const { requestState: state } = inputRequired
      return state === undefined
        ? inputRequired
        : { ...inputRequired, requestState: await call.seal({ function: fn.id, state: stringifyJson(state) }) }
    }
    const result = { ...contentOf(outcome.result, output_schema !== undefined, run_id), ...inRun(run_id) }
    if (output_schema === undefined || result.isError) return result
    const { structuredContent } = result
    if (structuredContent === undefined)
      return failed(`"${fn.name}" has an output schema, but its result has no structuredContent`, run_id)
    const doubles = JSON.parse(unmarkNumbers(JSON.stringify(structuredContent)))
    const mismatch = validateWith(output_schema, doubles, outcome.result!.body.length)
    return mismatch === null
      ? result
      : failed(`The result does not match the output schema of "${fn.name}": ${mismatch}`, run_id)
  } catch (error) {
    if (!(error instanceof ZeroError)) throw error
    return failed(describeError(error), error.runId)
  }
}

/**
 * Returns the receiver of a streamed result for a client that gets its parts as progress, and the whole at the end: texts as they are, other items
 * as lines of JSON. Of the body of a response only text is sent.
 */
function partReceiver(send: (part: string) => void, left: AbortSignal): StreamReceiver {
  let decoder: StringDecoder | undefined
  let isBinary = false
  return {
    isCollected: true,
    left,
    start(head) {
      if (head.kind === 'items') return true
      isBinary = !isTextType(new Map(head.headers).get('content-type'))
      decoder = new StringDecoder()
      return true
    },
    async write(item) {
      if (isBinary) return
      const part =
        decoder && 'bytes' in item
          ? decoder.write(item.bytes)
          : 'text' in item
            ? item.text
            : `${stringifyJson(itemValue(item))}\n`
      if (part !== '') send(part)
    },
  }
}
