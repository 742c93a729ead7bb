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
  /** Those tools that the request calls and that are there, by name. */
  called: ReadonlyMap<string, Tool>
  /** Of the request. */
  length: number
  seal: RequestStateCodec<RequestState>
  /** Has `cancel` called when the client cancels the call of this id; call the answer when it has ended. */
  begin(requestId: unknown, cancel: () => void): () => void
}

/** The server that one request sees. */
export class ToolServer extends McpServer {
  readonly #called: Exchange['called']

  constructor(app: App, { caller, called, length, seal, begin }: Exchange) {
    super(IDENTITY, { ...OPTIONS, requestState: { verify: seal.verify } })
    this.#called = called
    this.server.setRequestHandler('tools/list', async () => ({ tools: await listed(app, caller) }))
    this.server.setRequestHandler('tools/call', async ({ params }, context) => {
      const tool = called.get(params.name)
      if (!tool) throw new ProtocolError(ProtocolErrorCode.InvalidParams, `Unknown tool: ${params.name}`)
      // Who has cancelled gets no answer.
      const end = begin(context.mcpReq.id, () => void this.close())
      const progress = progressFor(context)
      try {
        const result = await answer(app, tool, toolCall(params.arguments ?? {}, length, seal, progress, context))
        progress.end()
        if (isInputRequiredResult(result)) return result
        app.metrics.toolCalls.inc({ tool: tool.label, is_error: String(result.isError ?? false) })
        return this.server.projectCallToolResult(result, tool.definition.outputSchema)
      } finally {
        progress.end()
        end()
      }
    })
  }

  /** Asked for by the SDK, which checks by it the headers that repeat arguments (`x-mcp-header`). */
  override toolInputSchemaJson(name: string): Record<string, unknown> | undefined {
    return this.#called.get(name)?.definition.inputSchema
  }
}

async function listed(app: App, caller: Caller): Promise<Tool['definition'][]> {
  try {
    return await toolDefinitions(app, caller)
  } catch (error) {
    throw error instanceof ZeroError ? new ProtocolError(ProtocolErrorCode.InvalidParams, error.message) : error
  }
}

async function answer(app: App, tool: Tool, call: ToolCall): Promise<CallToolResult | InputRequiredResult> {
  try {
    return await tool.call(call)
  } catch (error) {
    if (error instanceof ProtocolError) throw error
    app.log.error({ error, tool: tool.definition.name }, 'a tool has failed inside')
    throw new ProtocolError(ProtocolErrorCode.InternalError, 'Internal error')
  }
}

function toolCall(
  args: Record<string, unknown>,
  length: number,
  seal: Exchange['seal'],
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
    noted: requestState<RequestState>(),
    seal: (noted) => seal.mint(noted),
    capabilities: (envelope as Record<string, object | undefined> | undefined)?.[CLIENT_CAPABILITIES_META_KEY] ?? {},
    progress: progress.made,
    log: (line) => void mcpReq.log(levelOf(line), line.message.trimEnd(), 'function').catch(gone),
  }
}

/** Passes on progress to a client that has asked for it. */
function progressFor({ mcpReq }: ServerContext): Progress {
  const { _meta: { progressToken } = {}, notify } = mcpReq
  return createProgress(({ progress, total, message }) => {
    if (progressToken === undefined) return
    const rest = { ...(total === undefined ? {} : { total }), ...(message === undefined ? {} : { message }) }
    void notify({ method: 'notifications/progress', params: { progressToken, progress, ...rest } }).catch(gone)
  })
}

/** Who has gone away need not be told. */
const gone = () => {}

function levelOf({ level, stream }: LogLine): 'debug' | 'info' | 'warning' | 'error' {
  if (level === 'warn') return 'warning'
  return level ?? (stream === 'stderr' ? 'warning' : 'info')
}
