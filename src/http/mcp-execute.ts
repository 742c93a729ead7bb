import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { App, Caller } from '../app.ts'
import { type FieldError, ZeroError } from '../errors.ts'
import { stringifyJson } from '../exact-json.ts'
import { OPERATIONS } from '../operations/index.ts'
import { callOperation } from '../operations/lib/call.ts'
import { isJsonObject } from '../schema/json-object.ts'
import { suggestName } from '../schema/nearest-name.ts'
import { renameFields } from './aliases.ts'
import {
  isOutOfScope,
  MCP_OPERATIONS,
  type McpContext,
  type McpOperation,
  takeSwitches,
} from './dialects/mcp-operations.ts'
import { answerOnce } from './idempotency.ts'
import { sendError, toBody } from './problem.ts'

export const MCP_EXECUTE_PATHS = ['/api/v1/public/mcp', '/api/v1/public/zerodb/mcp/execute']
/** Maximum number of fields that the message of an error names. */
const MAX_NAMED_FIELDS = 3

type Fields = Record<string, unknown>

/** Adds the routes on which MCP bridges execute operations by name: `{"operation": …, "params": {…}}`. */
export function addMcpExecuteRoutes(
  server: FastifyInstance,
  app: App,
  admit: (request: FastifyRequest, reply: FastifyReply) => Promise<Caller>,
  callers: WeakMap<FastifyRequest, Caller>,
): void {
  for (const url of MCP_EXECUTE_PATHS) {
    server.route({
      method: 'POST',
      url,
      config: { operation: 'mcp.execute' },
      async onRequest(request, reply) {
        callers.set(request, await admit(request, reply))
      },
      errorHandler: (error, request, reply) => sendError(app, error, request, reply, toMcpError),
      handler: (request, reply) => execute(app, callers.get(request)!, request, reply),
    })
  }
}

async function execute(app: App, caller: Caller, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const { name, params } = readCall(request)
  if (!Object.hasOwn(MCP_OPERATIONS, name)) return { success: false, error: { message: unsupported(name) } }
  const known = MCP_OPERATIONS[name]!
  const ours = OPERATIONS.find((operation) => operation.name === known.operation)!
  const { body, isRepeated } = await answerOnce(app, { ...ours, name: `mcp.${name}` }, caller, request, async () => {
    const result = await run(app, caller, known, params)
    return { status: 200, body: { ...result, success: true, result, data: result } }
  })
  if (isRepeated) void reply.header('idempotency-replayed', 'true')
  return body
}

function unsupported(name: string): string {
  const shown = `"${name.slice(0, 100)}"`
  if (isOutOfScope(name)) return `The operation ${shown} is not supported by this server`
  return `Unknown operation ${shown}${suggestName(name, Object.keys(MCP_OPERATIONS))}`
}

/** Reads the body. Throws `validation_failed`. */
function readCall(request: FastifyRequest): { name: string; params: Fields } {
  if (request.isMultipart()) throw new ZeroError('unsupported_media_type', 'Send application/json')
  const { body } = request
  if (!isJsonObject(body)) throw invalid([], 'dict_type', 'Input should be a valid dictionary')
  const { operation, params = {}, project_id, ...rest } = body
  const [unknown] = Object.keys(rest)
  if (unknown !== undefined) throw invalid([unknown], 'extra_forbidden', 'Extra inputs are not permitted')
  if (operation === undefined) throw invalid(['operation'], 'missing', 'Field required')
  if (typeof operation !== 'string') throw invalid(['operation'], 'string_type', 'Input should be a valid string')
  const fields = params ?? {}
  if (!isJsonObject(fields)) throw invalid(['params'], 'dict_type', 'Input should be a valid dictionary')
  return { name: operation, params: project_id == null ? fields : { project_id, ...fields } }
}

function invalid(path: string[], type: string, msg: string): ZeroError {
  return new ZeroError('validation_failed', undefined, { fields: [{ type, loc: ['body', ...path], msg }] })
}

/** Executes an operation and returns its result. Errors name the parameters as the client sent them. */
async function run(app: App, caller: Caller, known: McpOperation, sent: Fields): Promise<Fields> {
  const sentNames = new Map<string, string>()
  const named = Object.entries(sent).filter(([name, value]) => name !== 'project_id' || value !== null)
  const ignored = named.filter(([name, value]) => known.ignored?.includes(name) && value !== null)
  const warnings = ignored.map(([name]) => `"${name}" has no effect here and was ignored`)
  try {
    const given = Object.fromEntries(named.filter(([name]) => !known.ignored?.includes(name)))
    const { params, switches } = takeSwitches(known.switches ?? [], given)
    const context: McpContext = {
      params,
      switches,
      project_id: projectOf(caller, params),
      call: (operation, fields) => callOperation(app, operation, caller, fields),
    }
    const result = known.run
      ? await known.run(context)
      : await callNamed(
          app,
          caller,
          { ...known, operation: known.select?.(params) ?? known.operation },
          known.prepare?.(context) ?? params,
          sentNames,
        )
    const finished = known.finish ? await known.finish(result, context) : result
    return withWarnings(finished as Fields, warnings, result)
  } catch (error) {
    throw error instanceof ZeroError && error.fields ? inParams(error, known, sentNames) : error
  }
}

function projectOf(caller: Caller, { project_id }: Readonly<Fields>): string {
  return typeof project_id === 'string' && project_id !== '-' ? project_id : caller.project_id
}

/** Adds the warnings about parameters, and those of a result that has been converted. */
function withWarnings(finished: Fields, warnings: readonly string[], result: unknown): Fields {
  const own = isJsonObject(result) && Array.isArray(result['warnings']) ? result['warnings'] : []
  const all = [...own, ...warnings]
  return all.length === 0 ? finished : { ...finished, warnings: all }
}

/** Calls the operation with our names of its fields. Throws `validation_failed` for two names of one field with different values. */
async function callNamed(
  app: App,
  caller: Caller,
  { operation, names = {} }: McpOperation,
  params: Readonly<Fields>,
  sentNames: Map<string, string>,
): Promise<unknown> {
  const byAlias = new Map(Object.entries(names).flatMap(([name, aliases]) => aliases.map((alias) => [alias, name])))
  const renamed: Fields = {}
  const add = (target: Fields, name: string, sent: string, value: unknown) => {
    if (Object.hasOwn(target, name) && stringifyJson(target[name]) !== stringifyJson(value)) {
      const msg = `"${sent}" contradicts "${sentNames.get(name) ?? name}": send one of them`
      throw invalid([sent], 'value_error', msg)
    }
    sentNames.set(name, sent)
    Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true })
  }
  for (const [sent, value] of Object.entries(params)) add(renamed, byAlias.get(sent) ?? sent, sent, value)
  const fields: Fields = {}
  for (const { name, sent, value } of renameFields(operation, renamed))
    add(fields, name, sentNames.get(sent) ?? sent, value)
  return callOperation(app, operation, caller, fields)
}

/** Returns the error with the place of each field in the body that the client sent. */
function inParams(error: ZeroError, { names = {} }: McpOperation, sentNames: ReadonlyMap<string, string>): ZeroError {
  const fields = error.fields!.map((field): FieldError => {
    const [place, name, ...rest] = field.loc
    if (place === 'header' || name === undefined) return field
    const sent = sentNames.get(String(name)) ?? names[String(name)]?.[0] ?? name
    return { ...field, loc: ['body', 'params', sent, ...rest] }
  })
  return new ZeroError(error.code, error.message, { fields, cause: error })
}

/** Returns an error body for clients that read `error.message` and `error.details`, or `detail` as on all other routes. */
function toMcpError(error: ZeroError, requestId: string): Fields {
  const message = error.fields ? messageOf(error.fields) : error.message
  return { error: { message, details: error.fields ?? null }, ...toBody(error, requestId) }
}

function messageOf(fields: readonly FieldError[]): string {
  const named = fields.slice(0, MAX_NAMED_FIELDS).map(({ loc, msg }) => `${loc.slice(1).join('.') || 'body'}: ${msg}`)
  return named.join('; ')
}
