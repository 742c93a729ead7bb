import type { App, Caller } from '../../app.ts'
import type { JsonOperation } from '../../operations/operation.ts'
import type { Hook } from '../../schema/hook.ts'

const ROW_WRITTEN = 'zerodb.table.row_written'
const EVENT_TYPES = ['zerodb.table.row_inserted', 'zerodb.table.row_updated'] as const

type Input = Record<string, unknown>

/**
 * Runs an operation. Clients subscribe to inserts and updates of rows as one event type, `zerodb.table.row_written`. Such a webhook is two
 * hooks with one name and one secret, which are created, changed and deleted together. The response has the hook that was asked for.
 */
export async function runWithRowWritten(app: App, operation: JsonOperation, caller: Caller, input: Input) {
  if (operation.name === 'hooks.create' && isRowWritten(input)) return createBoth(app, operation, caller, input)
  if (operation.name !== 'hooks.update' && operation.name !== 'hooks.delete') return operation.run(app, caller, input)
  const other = await otherHookOf(app, caller, String(input['hook_id']))
  if (other === null) return operation.run(app, caller, input)
  const config = input['hook_config'] as Input | undefined
  const changes = config === undefined ? input : { ...input, hook_config: { ...config, event_type: ROW_WRITTEN } }
  return inTransaction(app, async (inner) => {
    await operation.run(inner, caller, { ...changes, hook_id: other.id })
    return operation.run(inner, caller, changes)
  })
}

const isRowWritten = ({ event_type, hook_name }: Input) =>
  event_type === ROW_WRITTEN && String(hook_name).startsWith('webhook:')

function createBoth(app: App, operation: JsonOperation, caller: Caller, input: Input) {
  const hook_config = { ...(input['hook_config'] as Input), event_type: ROW_WRITTEN }
  return inTransaction(app, async (inner) => {
    const [insertType, updateType] = EVENT_TYPES
    const created = (await operation.run(inner, caller, { ...input, hook_config, event_type: insertType })) as Input
    const secret = created['webhook_secret']
    const second = { ...input, hook_config: { ...hook_config, secret }, event_type: updateType }
    const { id } = (await operation.run(inner, caller, second)) as Input
    const warnings = [
      ...((created['warnings'] as string[] | undefined) ?? []),
      `Hook ${id} on ${updateType} was created too`,
    ]
    return { ...created, warnings }
  })
}

/** Returns the other hook of a pair; null for a hook that is not one of a pair. */
async function otherHookOf(app: App, caller: Caller, id: string): Promise<Hook | null> {
  const hook = await app.store.hooks.get(caller.user_id, id)
  if (hook.hook_config['event_type'] !== ROW_WRITTEN) return null
  const event_type = EVENT_TYPES.find((type) => type !== hook.event_type)
  const hooks = await app.store.hooks.list(caller.user_id, { event_type, active_only: false, bound: caller.bound })
  const isOther = (each: Hook) =>
    each.hook_name === hook.hook_name &&
    each.project_id === hook.project_id &&
    each.hook_config['event_type'] === ROW_WRITTEN
  return hooks.find(isOther) ?? null
}

/** Runs `body` with an app whose writes are in one transaction. Only for operations that use nothing but the store. */
function inTransaction<R>(app: App, body: (inner: App) => Promise<R>): Promise<R> {
  return app.store.transaction((tx) =>
    body({ ...app, store: { ...app.store, ...tx, transaction: (nested) => nested(tx) } }),
  )
}
