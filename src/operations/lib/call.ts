import { buffer } from 'node:stream/consumers'
import type { App, Caller } from '../../app.ts'
import { require as requirePermission } from '../../auth/caller.ts'
import { ZeroError } from '../../errors.ts'
import { projectId } from '../../schema/common.ts'
import { isJsonObject } from '../../schema/json-object.ts'
import { OPERATIONS } from '../index.ts'
import type { Operation, StreamOperation } from '../operation.ts'
import { admitInput, withWarnings } from './input.ts'
import { knownErrorOf } from './known-errors.ts'
import { suggestOperation } from './suggest-operation.ts'

const BY_NAME = new Map<string, Operation>(OPERATIONS.map((operation) => [operation.name, operation]))
/** Maximum number of bytes in a response. */
const MAX_BYTES = 6 * 1024 * 1024

/**
 * Implements `App.call`: executes an operation for a caller inside of the server. Streams and public operations cannot be
 * called. Without a project, the operation uses the project of the caller.
 */
export async function callOperation(app: App, name: string, caller: Caller, input: unknown): Promise<unknown> {
  const operation = BY_NAME.get(name)
  if (!operation || operation.kind === 'stream' || operation.permission === 'public')
    throw new ZeroError('route_not_found', `Unknown operation "${name.slice(0, 100)}"${suggestOperation(name)}`)
  if (operation.permission !== 'any') requirePermission(caller, operation.permission)
  return carryOut(app, operation, caller, input).catch((error) => {
    throw knownErrorOf(error) ?? error
  })
}

async function carryOut(
  app: App,
  operation: Exclude<Operation, StreamOperation>,
  asking: Caller,
  fields: unknown,
): Promise<unknown> {
  if (!isJsonObject(fields))
    throw new ZeroError('validation_failed', undefined, {
      fields: [{ type: 'dict_type', loc: ['body'], msg: 'Input should be a valid dictionary' }],
    })
  const named = operation.input.shape['project_id'] === projectId ? { project_id: '-', ...fields } : { ...fields }
  const { input, caller, ...remarks } = admitInput(operation, asking, named)
  if (operation.kind === 'upload') return withWarnings(await operation.run(app, caller, input, null), remarks)
  if (operation.kind === 'json') return withWarnings(await operation.run(app, caller, input), remarks)
  const bytes = await operation.run(app, caller, input)
  if (bytes.size === null || bytes.size > MAX_BYTES)
    throw new ZeroError(
      'too_large',
      `The response has ${bytes.size ?? 'an unknown number of'} bytes; at most ${MAX_BYTES} can be returned here`,
    )
  const content = await buffer(await bytes.open())
  return {
    content_type: bytes.content_type,
    file_name: bytes.file_name,
    content: { $bytes: content.toString('base64') },
  }
}
