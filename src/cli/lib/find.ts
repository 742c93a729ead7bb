import { type Hook, type Schedule, type ZeroDB, ZeroDBError } from '../../client/index.ts'
import { UsageError } from './failure.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f-]{27}$/i
/** What a run's or an event's id may begin with, as the server takes it. */
const RUN_PREFIX = /^[0-9a-f][0-9a-f-]{3,35}$/i
const EVENT_PREFIX = /^evt_[0-9a-f]*$/
const EVENT = /^evt_[0-9a-f]{22}$/
/** An id from before ids were made of 22 digits; it may also be the beginning of one of these. */
const OLD_EVENT = /^evt_[0-9a-f]{16}$/
const MAX_SHOWN = 5

/** Something that a person may mean: its id, its names, and what tells it from others. */
interface Candidate {
  id: string
  names: readonly string[]
  words: string
}

/** The candidate with this id or name, else the only one whose id begins so. Throws when there is none, or when there are several. */
export function pick(noun: string, given: string, candidates: readonly Candidate[]): Candidate {
  const named = candidates.filter(({ id, names }) => id === given || names.includes(given))
  const found = named.length > 0 ? named : candidates.filter(({ id }) => id.startsWith(given.toLowerCase()))
  if (found.length === 1) return found[0]!
  if (found.length === 0)
    throw new ZeroDBError({ status: 404, code: 'not_found', detail: `${noun} not found: "${given}"` })
  const shown = found.slice(0, MAX_SHOWN).map(({ id, words }) => `${id} (${words})`)
  const more = found.length > MAX_SHOWN ? ', and more' : ''
  throw new UsageError(`"${given}" may be ${shown.join(', ')}${more}: give more of the id`)
}

/** The hook of this id, of the beginning of one, or of this name. */
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

/** The id of the run that has this id, or an id that begins so. */
export async function findRun(zerodb: ZeroDB, given: string): Promise<string> {
  if (UUID.test(given)) return given
  if (!RUN_PREFIX.test(given))
    throw new UsageError(`"${given}" is not the id of a run: give at least its first 4 digits, see zerodb runs list`)
  const { items } = await zerodb.runs.list({ id_prefix: given, limit: MAX_SHOWN + 1 })
  const words = ({ handler, status }: (typeof items)[number]) => `${handler} ${status}`
  return pick(
    'Run',
    given,
    items.map((run) => ({ id: run.id, names: [], words: words(run) })),
  ).id
}

/** The id of the event that has this id, or an id that begins so. */
export async function findEvent(zerodb: ZeroDB, given: string): Promise<string> {
  if (EVENT.test(given)) return given
  if (!EVENT_PREFIX.test(given))
    throw new UsageError(`"${given}" is not the id of an event: it begins with evt_, see zerodb events list`)
  const { items } = await zerodb.event_log.list({ id_prefix: given, limit: MAX_SHOWN + 1 })
  // The server looks for beginnings of ids among the newest events only.
  if (items.length === 0 && OLD_EVENT.test(given)) return given
  return pick(
    'Event',
    given,
    items.map(({ id, event }) => ({ id, names: [], words: event })),
  ).id
}

/** The name of the function that is called so, or whose id is this or begins so. */
export async function findFunction(zerodb: ZeroDB, project_id: string | undefined, given: string): Promise<string> {
  // Most names cannot be an id, and need no question.
  if (!RUN_PREFIX.test(given)) return given
  const functions = await zerodb.functions.list({ project_id })
  const { id } = pick(
    'Function',
    given,
    functions.map(({ id, name }) => ({ id, names: [name], words: name })),
  )
  return functions.find((fn) => fn.id === id)!.name
}

/** The schedule of this id, of the beginning of one, or the only one of this function. */
export async function findSchedule(zerodb: ZeroDB, project_id: string | undefined, given: string): Promise<Schedule> {
  if (UUID.test(given)) return zerodb.schedules.get({ schedule_id: given })
  const schedules = await zerodb.schedules.list({ project_id })
  const candidates = schedules.map((schedule) => ({
    id: schedule.id,
    names: [schedule.function],
    words: `${schedule.function} ${schedule.cron}`,
  }))
  const { id } = pick('Schedule', given, candidates)
  return schedules.find((schedule) => schedule.id === id)!
}

/** The id of the replay or backfill that has this id, or an id that begins so. */
export async function findReplay(zerodb: ZeroDB, given: string): Promise<string> {
  if (UUID.test(given)) return given
  const candidates = []
  for await (const { id, kind, status } of zerodb.replays.list({ limit: 1000 }))
    candidates.push({ id, names: [], words: `${kind} ${status}` })
  return pick('Replay', given, candidates).id
}
