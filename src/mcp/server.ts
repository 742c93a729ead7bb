import {
  type CallToolResult,
  CLIENT_CAPABILITIES_META_KEY,
  type InputRequiredResult,
  isInputRequiredResult,
  McpServer,
  ProtocolError,
  ProtocolErrorCode,
  type RequestStateCodec,
  type ServerContext,
} from '@modelcontextprotocol/server'
import { CfWorkerJsonSchemaValidator } from '@modelcontextprotocol/server/validators/cf-worker'
import type { App, Caller } from '../app.ts'
import { ZeroError } from '../errors.ts'
import { packageVersion } from '../platform/package.ts'
import type { LogLine } from '../schema/run.ts'
import type { RequestState } from './input-requests.ts'
import { createProgress, type Progress } from './progress.ts'
import type { Tool, ToolCall } from './tool.ts'
import { toolDefinitions } from './tools.ts'

const IDENTITY = { name: 'zerodb', title: 'ZeroDB', version: packageVersion() }
const OPTIONS = {
  capabilities: { tools: { listChanged: true }, logging: {} },
  instructions:
    "Memory, documents, tables and events of one project, and the project's own functions as tools. An error names its run.",
  jsonSchemaValidator: new CfWorkerJsonSchemaValidator(),
} as const

interface Exchange {
  caller: Caller
  /** The existing tools that the request calls, by name. */
  tools: ReadonlyMap<string, Tool>
  /** Length of the request body in bytes. */
  length: number
  stateCodec: RequestStateCodec<RequestState>
  /** Registers `cancel` for the call of this id. Call the returned function when the call ends. */
  onCancel(requestId: unknown, cancel: () => void): () => void
}

/** The MCP server of one request. */
export class ToolServer extends McpServer {
  readonly #tools: Exchange['tools']

  constructor(app: App, { caller, tools, length, stateCodec, onCancel }: Exchange) {
    super(IDENTITY, { ...OPTIONS, requestState: { verify: stateCodec.verify } })
    this.#tools = tools
    this.server.setRequestHandler('tools/list', async () => ({ tools: await listTools(app, caller) }))
    this.server.setRequestHandler('tools/call', async ({ params }, context) => {
      const tool = tools.get(params.name)
      if (!tool) throw new ProtocolError(ProtocolErrorCode.InvalidParams, `Unknown tool: ${params.name}`)
      // A cancelled call gets no response.
      const unregister = onCancel(context.mcpReq.id, () => void this.close())
      const progress = progressFor(context)
      try {
        const result = await callTool(
          app,
          tool,
          toolCall(params.arguments ?? {}, length, stateCodec, progress, context),
        )
        progress.end()
        if (isInputRequiredResult(result)) return result
        app.metrics.toolCalls.inc({ tool: tool.label, is_error: String(result.isError ?? false) })
        return this.server.projectCallToolResult(result, tool.definition.outputSchema)
      } finally {
        progress.end()
        unregister()
      }
    })
  }

  /** Called by the SDK to check the headers that repeat arguments (`x-mcp-header`). */
  override toolInputSchemaJson(name: string): Record<string, unknown> | undefined {
    return this.#tools.get(name)?.definition.inputSchema
  }
}

async function listTools(app: App, caller: Caller): Promise<Tool['definition'][]> {
  try {
    return await toolDefinitions(app, caller)
  } catch (error) {
    throw error instanceof ZeroError ? new ProtocolError(ProtocolErrorCode.InvalidParams, error.message) : error
  }
}

async function callTool(app: App, tool: Tool, call: ToolCall): Promise<CallToolResult | InputRequiredResult> {
  try {
    return await tool.call(call)
  } catch (error) {
    if (error instanceof ProtocolError) throw error
    app.log.error({ error, tool: tool.definition.name }, 'tool call failed with an unexpected error')
    throw new ProtocolError(ProtocolErrorCode.InternalError, 'Internal error')
  }
}

function toolCall(
  args: Record<string, unknown>,
  length: number,
  stateCodec: Exchange['stateCodec'],
  progress: Progress,
  { mcpReq }: ServerContext,
): ToolCall {
  const { signal, _meta, envelope, inputResponses, requestState } = mcpReq
  const trace = _meta?.['traceparent']
  return {
    arguments: args,
    length,
    signal,
    trace: typeof trace === 'string' ? trace : undefined,
    responses: inputResponses,
    requestState: requestState<RequestState>(),
    seal: (state) => stateCodec.mint(state),
    capabilities: (envelope as Record<string, object | undefined> | undefined)?.[CLIENT_CAPABILITIES_META_KEY] ?? {},
    progress: progress.update,
    part: _meta?.progressToken === undefined ? undefined : progress.add,
    log: (line) => void mcpReq.log(levelOf(line), line.message.trimEnd(), 'function').catch(ignoreDisconnect),
  }
}

/** Sends progress to the client if the request has a progress token. */
function progressFor({ mcpReq }: ServerContext): Progress {
  const { _meta: { progressToken } = {}, notify } = mcpReq
  return createProgress(({ progress, total, message }) => {
    if (progressToken === undefined) return
    const rest = { ...(total === undefined ? {} : { total }), ...(message === undefined ? {} : { message }) }
    void notify({ method: 'notifications/progress', params: { progressToken, progress, ...rest } }).catch(
      ignoreDisconnect,
    )
  })
}

/** The client has disconnected; there is no one to notify. */
const ignoreDisconnect = () => {}

function levelOf({ level, stream }: LogLine): 'debug' | 'info' | 'warning' | 'error' {
  if (level === 'warn') return 'warning'
  return level ?? (stream === 'stderr' ? 'warning' : 'info')
}
