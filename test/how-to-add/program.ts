// Runs in a copy of the repository that has the additions of `additions.ts`. Prints what the program makes of them as JSON.
import { pino } from 'pino'
import { readConfig } from '../../src/config.ts'
import { selfTriggerOf } from '../../src/functions/self-trigger.ts'
import { openSystem } from '../../src/main.ts'
import type { EventName } from '../../src/schema/events.ts'

const event_type = 'zerodb.note.added' as EventName
const config = readConfig({ ZERODB_DATA_DIR: process.argv[2]!, ZERODB_SANDBOX: 'off' })
const system = await openSystem(config, { log: pino({ level: 'silent' }) })
const { app } = system
const caller = { ...(await app.store.users.create('anna@example.test')), bound: null, permissions: ['*'] }
const call = (operation: string, input: object) => app.call(operation, caller, input)

const earlier = await call('notes.add', { text: 'before the hook' })
const hook = (await call('hooks.create', {
  event_type,
  hook_name: 'shout',
  filter: { 'row.text': { $contains: 'hook' } },
})) as { id: string }
const added = (await call('notes.add', { text: 'after the hook' })) as { note_id: string }
await call('notes.add', { text: 'filtered' })
const invoked = await call('hooks.invoke', { hook_id: hook.id, payload: { note_id: added.note_id } })
await system.engine.drained()
const { items } = (await call('runs.list', { hook_id: hook.id })) as { items: { trigger: string; result: unknown }[] }
const backfill = await call('hooks.backfill', { hook_id: hook.id, dry_run: true })
console.log(
  JSON.stringify({
    earlier,
    invoked,
    runs: items.map(({ trigger, result }) => ({ trigger, result })),
    backfill,
    warning: selfTriggerOf({ 'index.ts': 'await ctx.zerodb.notes.add({})' }, event_type, false),
    isReserved: app.reservedNames.includes('shout'),
  }),
)
await system.close()
