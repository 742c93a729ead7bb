import { type Hook, type Schedule, type ZeroDB, ZeroDBError } from '../../client/index.ts'
import { UsageError } from './failure.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f-]{27}$/i
/** Matches a prefix of a run id that the server accepts. */
const RUN_PREFIX = /^[0-9a-f][0-9a-f-]{3,35}$/i
const EVENT_PREFIX = /^evt_[0-9a-f]*$/
const EVENT = /^evt_[0-9a-f]{22}$/
/** Matches an older id with 16 digits, which can also be a prefix of an id with 22. */
const OLD_EVENT = /^evt_[0-9a-f]{16}$/
const MAX_SHOWN = 5

/** A resource that an argument can refer to. `words` distinguish it from others in messages. */
interface Candidate {
  id: string
  names: readonly string[]
  words: string
}

/** Returns the candidate with this id or name, otherwise the only one whose id starts with it. Throws if none or several match. */
export function pick(noun: string, given: string, candidates: readonly Candidate[]): Candidate {
  const named = candidates.filter(({ id, names }) => id === given || names.includes(given))
  const found = named.length > 0 ? named : candidates.filter(({ id }) => id.startsWith(given.toLowerCase()))
  if (found.length === 1) return found[0]!
  if (found.length === 0)
    throw new ZeroDBError({ status: 404, code: 'not_found', detail: `${noun} not found: "${given}"` })
  const shown = found.slice(0, MAX_SHOWN).map(({ id, words }) => `${id} (${words})`)
  const more = found.length > MAX_SHOWN ? ', and more' : ''
  throw new UsageError(`"${given}" is ambiguous: ${shown.join(', ')}${more}. Give more digits of the id`)
}

/** Finds a hook by its id, a prefix of its id, or its name. */
export async function findHook(zerodb: ZeroDB, given: string): Promise<Hook> {
  if (UUID.test(given)) return zerodb.hooks.get({ hook_id: given })
  const hooks = await zerodb.hooks.list({ active_only: false })
  const candidates = hooks.map(({ id, hook_name, event_type }) => ({
    id,
    names: [hook_name],
    words: `${hook_name} on ${event_type}`,
  }))
  const { id } = pick('Hook', given, candidates)
  return hooks.find((hook) => hook.id === id)!
}

/** Returns the full id of the run with this id or prefix of an id. */
export async function findRun(zerodb: ZeroDB, given: string): Promise<string> {
  if (UUID.test(given)) return given
  if (!RUN_PREFIX.test(given))
    throw new UsageError(`"${given}" is not a run id: give at least its first 4 digits, see zerodb runs list`)
  const { items } = await zerodb.runs.list({ id_prefix: given, limit: MAX_SHOWN + 1 })
  const words = ({ handler, status }: (typeof items)[number]) => `${handler} ${status}`
  return pick(
    'Run',
    given,
    items.map((run) => ({ id: run.id, names: [], words: words(run) })),
  ).id
}

/** Returns the full id of the event with this id or prefix of an id. */
export async function findEvent(zerodb: ZeroDB, given: string): Promise<string> {
  if (EVENT.test(given)) return given
  if (!EVENT_PREFIX.test(given))
    throw new UsageError(`"${given}" is not an event id: event ids start with evt_, see zerodb events list`)
  const { items } = await zerodb.event_log.list({ id_prefix: given, limit: MAX_SHOWN + 1 })
  // The server matches prefixes only among the newest events.
  if (items.length === 0 && OLD_EVENT.test(given)) return given
  return pick(
    'Event',
    given,
    items.map(({ id, event }) => ({ id, names: [], words: event })),
  ).id
}

/** Returns the name of the function with this name, id or prefix of an id. */
export async function findFunction(zerodb: ZeroDB, project_id: string | undefined, given: string): Promise<string> {
  // Most names cannot be a prefix of an id and need no request.
  if (!RUN_PREFIX.test(given)) return given
  const functions = await zerodb.functions.list({ project_id })
  const { id } = pick(
    'Function',
    given,
    functions.map(({ id, name }) => ({ id, names: [name], words: name })),
  )
  return functions.find((fn) => fn.id === id)!.name
}

/** Finds a schedule by its id, a prefix of its id, its name, or its function or topic if that has only one schedule. */
export async function findSchedule(zerodb: ZeroDB, project_id: string | undefined, given: string): Promise<Schedule> {
  if (UUID.test(given)) return zerodb.schedules.get({ schedule_id: given })
  const schedules: Schedule[] = []
  for await (const schedule of zerodb.schedules.list({ project_id })) schedules.push(schedule)
  const candidates = schedules.map((schedule) => ({
    id: schedule.id,
    names: [nameOfSchedule(schedule)],
    words: `${nameOfSchedule(schedule)} ${schedule.cron ?? schedule.run_at}`,
  }))
  const { id } = pick('Schedule', given, candidates)
  return schedules.find((schedule) => schedule.id === id)!
}

/** Returns what a schedule is called: its name, or the function or topic that it is for. */
export function nameOfSchedule(schedule: Schedule): string {
  return schedule.name ?? schedule.function ?? schedule.topic ?? schedule.id
}

/** Returns the full id of the replay or backfill with this id or prefix of an id. */
export async function findReplay(zerodb: ZeroDB, given: string): Promise<string> {
  if (UUID.test(given)) return given
  const candidates = []
  for await (const { id, kind, status } of zerodb.replays.list({ limit: 1000 }))
    candidates.push({ id, names: [], words: `${kind} ${status}` })
  return pick('Replay', given, candidates).id
}
