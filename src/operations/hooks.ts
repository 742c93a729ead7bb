import { z } from 'zod'
import type { App, Caller, PreparedFunction } from '../app.ts'
import { scopeOf } from '../auth/caller.ts'
import { isUniqueViolation } from '../db/sql.ts'
import { type FieldError, ZeroError } from '../errors.ts'
import { HANDLER_NAMES, handlerOf } from '../handlers/index.ts'
import { within } from '../platform/abort.ts'
import { EVENT_NAMES, type EventName } from '../schema/events.ts'
import { HOOK_TYPES, type Hook, hook, hookCreate, hookKey, hookList, hookUpdate } from '../schema/hook.ts'
import { safeParse } from '../schema/safe-parse.ts'
import { shapeErrors } from '../schema/shape-errors.ts'
import { hookChanged, hookCreated, WEBHOOK_NAME } from '../schema/webhook.ts'
import { warningsOf } from './lib/hook-warnings.ts'
import { checkTarget, keepSecret, takeSecret } from './lib/webhook-config.ts'
import { defineJson } from './operation.ts'

const CHOICES = [...HANDLER_NAMES.filter((name) => name !== 'webhook'), 'webhook:<label>']

/** Returns the hook type for a hook name; undefined for an unknown name. */
function typeOf(hookName: string): Hook['hook_type'] | undefined {
  if (WEBHOOK_NAME.test(hookName)) return 'webhook'
  return CHOICES.includes(hookName) && handlerOf(hookName) ? 'first_party' : undefined
}

/** Throws `invalid` for an event type that does not exist. */
export function checkEventType(name: string): EventName {
  const known = EVENT_NAMES.find((each) => each === name)
  if (known === undefined)
    throw new ZeroError('invalid', `Invalid event_type "${name}". Must be one of: ${EVENT_NAMES.join(', ')}`)
  return known
}

/** Returns the type of a hook, and its function if that is the handler. Throws `invalid` unless event, handler and type exist and match. */
async function checkNames(
  app: App,
  caller: Caller,
  input: {
    event_type: string
    hook_name: string
    hook_type?: string | undefined
    project_id?: string | null | undefined
  },
): Promise<{ hook_type: Hook['hook_type']; fn: PreparedFunction | null }> {
  checkEventType(input.event_type)
  const builtIn = typeOf(input.hook_name)
  const fn = builtIn === undefined ? await functionOf(app, caller, input.hook_name, input.project_id) : null
  const type = builtIn ?? (fn === null ? undefined : 'function')
  if (type === undefined) {
    const label = input.hook_name.startsWith('webhook') ? '. A label has 1 to 80 letters, digits or _ . -' : ''
    throw new ZeroError(
      'invalid',
      `Invalid hook_name "${input.hook_name}". Must be one of: ${CHOICES.join(', ')}, or the name of a deployed function${label}`,
    )
  }
  if (input.hook_type !== undefined && input.hook_type !== type) {
    const known = HOOK_TYPES.includes(input.hook_type as (typeof HOOK_TYPES)[number])
    throw new ZeroError(
      'invalid',
      known
        ? `Invalid hook_type "${input.hook_type}": "${input.hook_name}" is of type ${type}`
        : `Invalid hook_type "${input.hook_type}". Must be one of: ${HOOK_TYPES.join(', ')}`,
    )
  }
  return { hook_type: type, fn }
}

/** Returns the caller's function of this name in the hook's project, or in the project of the key for a hook on all projects. Null if there is none. */
async function functionOf(
  app: App,
  caller: Caller,
  name: string,
  projectId: string | null | undefined,
): Promise<PreparedFunction | null> {
  const fn = await app.functions.byName(projectId ?? caller.project_id, name)
  return fn?.user_id === caller.user_id ? fn : null
}

function checkConfig(app: App, hookName: string, config: Record<string, unknown>): void {
  const handler = handlerOf(hookName)
  const parsed = handler && safeParse(handler.config, config)
  if (parsed && !parsed.success) {
    const fields: FieldError[] = shapeErrors(parsed.error, config, () => 'body').map((error) => ({
      ...error,
      loc: ['body', 'hook_config', ...error.loc.slice(1)],
    }))
    throw new ZeroError('validation_failed', undefined, { fields })
  }
  if (typeOf(hookName) === 'webhook') checkTarget(app, config)
}

/** Throws the errors that creating this hook would throw. `functionName` is the name of its function, if that is known. */
export function checkHook(
  app: App,
  hook: { event_type: string; hook_name: string; hook_type: string; hook_config: Record<string, unknown> },
  functionName: string | undefined,
): void {
  checkEventType(hook.event_type)
  const type = typeOf(hook.hook_name) ?? (hook.hook_name === functionName ? 'function' : undefined)
  if (type === undefined || type !== hook.hook_type)
    throw new ZeroError(
      'invalid',
      `Invalid hook_name "${hook.hook_name}": no handler of type ${hook.hook_type} has this name`,
    )
  checkConfig(app, hook.hook_name, hook.hook_config)
}

const WARM_SECONDS = 10

/** Loads models at the creation of a hook, so that the first event does not wait for them. Runs report a model that cannot be loaded. */
async function warm(app: App, hookName: string): Promise<void> {
  const loaded = handlerOf(hookName)
    ?.warm?.(app)
    .catch((error) => app.log.warn({ error }, 'a model cannot be loaded'))
  if (loaded) await within(loaded, WARM_SECONDS * 1000)
}

export const hooksCreate = defineJson({
  name: 'hooks.create',
  summary: 'Create a hook',
  description:
    'From now on, every committed event of this type that matches the filter makes a run of the handler. The same handler on the same event type and project is 409 `hook_exists`.',
  route: 'POST /api/v1/hooks',
  permission: 'hooks:write',
  idempotent: false,
  input: hookCreate,
  errors: ['hook_exists', 'function_disabled'],
  output: hookCreated,
  status: 201,
  async run(app, caller, given) {
    const { hook_type, fn } = await checkNames(app, caller, given)
    const { input, secret } = hook_type === 'webhook' ? takeSecret(given) : { input: given, secret: null }
    checkConfig(app, input.hook_name, input.hook_config)
    if (fn?.is_active === false) throw new ZeroError('function_disabled')
    const project_id = input.project_id ?? caller.bound
    if (project_id !== null) scopeOf(caller, project_id)
    try {
      const created = await app.store.transaction(async (tx) => {
        const made = await tx.hooks.create(caller.user_id, {
          ...input,
          project_id,
          hook_type,
          ...(fn === null ? {} : { function: fn }),
        })
        if (made && secret !== null) await keepSecret(app, tx, made.id, secret)
        await tx.quotas.check(caller, 'hooks')
        return made
      })
      if (!created) throw new ZeroError('not_found', 'Project not found')
      await warm(app, input.hook_name)
      return { ...created, ...(secret === null ? {} : { webhook_secret: secret }), ...(await warningsOf(app, created)) }
    } catch (error) {
      if (!isUniqueViolation(error, 'uix_zerodb_hooks_user_event_name')) throw error
      const where = project_id === null ? 'for all projects' : `in project ${project_id}`
      throw new ZeroError('hook_exists', `Hook "${input.hook_name}" on "${input.event_type}" exists already ${where}`, {
        cause: error,
      })
    }
  },
})

export const hooksList = defineJson({
  name: 'hooks.list',
  summary: 'List hooks, oldest first',
  description: 'Returns your hooks. Disabled hooks are left out unless `active_only` is false.',
  route: 'GET /api/v1/hooks',
  permission: 'hooks:read',
  idempotent: true,
  input: hookList,
  output: z.array(hook).describe('The hooks, oldest first'),
  run: (app, caller, input) => app.store.hooks.list(caller.user_id, { ...input, bound: caller.bound }),
})

/** Returns the caller's hook. Throws `not_found` for a hook outside the project that the key is bound to. */
export async function mine(app: App, caller: Caller, id: string): Promise<Hook> {
  const hook = await app.store.hooks.get(caller.user_id, id)
  if (caller.bound !== null && hook.project_id !== null && hook.project_id !== caller.bound)
    throw new ZeroError('not_found', 'Hook not found')
  return hook
}

/** Returns the caller's hook. Throws `invalid` if it is disabled. */
export async function active(app: App, caller: Caller, id: string): Promise<Hook & { event_type: EventName }> {
  const hook = await mine(app, caller, id)
  if (!hook.is_active) throw new ZeroError('invalid', 'This hook is disabled: enable it first')
  return hook as Hook & { event_type: EventName }
}

export const hooksGet = defineJson({
  name: 'hooks.get',
  summary: 'Get a hook',
  description: 'Returns one of your hooks.',
  route: 'GET /api/v1/hooks/:hook_id',
  permission: 'hooks:read',
  idempotent: true,
  input: hookKey,
  output: hook,
  run: (app, caller, input) => mine(app, caller, input.hook_id),
})

/** Throws `forbidden` for a change of a global hook with a key that is bound to one project, because it would affect other projects. */
export async function changeable(app: App, caller: Caller, id: string): Promise<Hook> {
  const hook = await mine(app, caller, id)
  if (caller.bound !== null && hook.project_id === null)
    throw new ZeroError('forbidden', 'This API key is bound to one project and cannot change a global hook')
  return hook
}

export const hooksUpdate = defineJson({
  name: 'hooks.update',
  summary: 'Change, enable or disable a hook',
  description:
    'Fields that are absent stay as they are. Switching a hook off cancels its queued runs. Changes apply to events that are dispatched from now on.',
  route: 'PATCH /api/v1/hooks/:hook_id',
  permission: 'hooks:write',
  idempotent: false,
  input: hookUpdate,
  output: hookChanged,
  async run(app, caller, { hook_id, ...fields }) {
    const current = await changeable(app, caller, hook_id)
    if (fields.hook_config) checkConfig(app, current.hook_name, fields.hook_config)
    const changed = await app.store.hooks.update(caller.user_id, hook_id, fields)
    return { ...changed, ...(await warningsOf(app, changed)) }
  },
})

export const hooksDelete = defineJson({
  name: 'hooks.delete',
  summary: 'Delete a hook',
  description: 'Cancels the queued runs of the hook. Finished runs stay on record.',
  route: 'DELETE /api/v1/hooks/:hook_id',
  permission: 'hooks:write',
  idempotent: false,
  input: hookKey,
  output: z.null(),
  status: 204,
  async run(app, caller, { hook_id }) {
    await changeable(app, caller, hook_id)
    if (!(await app.store.hooks.remove(caller.user_id, hook_id))) throw new ZeroError('not_found', 'Hook not found')
    return null
  },
})
