import type { z } from 'zod'
import type { App } from '../app.ts'
import type { Caller } from '../auth/caller.ts'
import { ZeroError } from '../errors.ts'
import { checkConfig } from '../functions/deploy.ts'
import { functionConfig, functionName } from '../schema/function.ts'
import { RUNTIMES } from '../schema/runtime.ts'
import { safeParse } from '../schema/safe-parse.ts'
import { checkHook } from './hooks.ts'

/**
 * Looks at the rows of an export that set something going: a file must not bring what its owner could not make here. Throws what the making
 * would throw. Functions come before what names them.
 */
export function createImportChecks(app: App, caller: Caller): (table: string, row: Record<string, unknown>) => void {
  const functions = new Map<string, string>()
  return (table, row) => {
    if (table === 'functions') {
      functions.set(String(row['id']), parsed(table, functionName, row['name']))
      checkRuntime(row['runtime'])
    }
    if (table === 'function_versions') {
      checkRuntime(row['runtime'])
      checkConfig(caller, parsed(table, functionConfig, row['config']))
    }
    if (table === 'hooks') {
      const { event_type, hook_name, hook_type, hook_config, function_id } = row
      const named = { event_type: String(event_type), hook_name: String(hook_name), hook_type: String(hook_type) }
      const config = hook_config as Record<string, unknown>
      checkHook(app, { ...named, hook_config: config }, functions.get(String(function_id)))
    }
  }
}

function parsed<Schema extends z.ZodType>(table: string, schema: Schema, value: unknown): z.infer<Schema> {
  const result = safeParse(schema, value)
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw new ZeroError('invalid', `A row of "${table}" cannot be used: ${[...issue!.path, issue!.message].join(': ')}`)
}

function checkRuntime(runtime: unknown): void {
  if (!RUNTIMES.includes(runtime as (typeof RUNTIMES)[number]))
    throw new ZeroError('invalid', `The runtime "${runtime}" is not known here: a later version has written this file`)
}
