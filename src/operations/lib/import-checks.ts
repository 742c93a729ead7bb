import type { z } from 'zod'
import type { App, Caller } from '../../app.ts'
import { type Permission, requireAll } from '../../auth/caller.ts'
import { ZeroError } from '../../errors.ts'
import { checkConfig, checkName } from '../../functions/deploy.ts'
import { codeOf, loadedEntry } from '../../functions/files.ts'
import { cronFault, nextTick } from '../../functions/schedule.ts'
import { MAX_DELAY_SECONDS } from '../../schema/due-time.ts'
import type { schedule } from '../../schema/function.ts'
import { allows } from '../../schema/login.ts'
import { safeParse } from '../../schema/safe-parse.ts'
import { MAX_PENDING_EVENTS } from '../../schema/schedule.ts'
import { PROJECT_ROWS, type ProjectTable } from '../../schema/transfer-rows.ts'
import { pathOf } from '../../store/filters/hook-filter.ts'
import type { RowChecks } from '../../transfer/load.ts'
import { checkHook } from '../hooks.ts'

/** The permission to write rows of each table of an export. */
const RIGHTS: Record<ProjectTable, Permission> = {
  projects: 'zerodb:write',
  tables: 'zerodb:write',
  rows: 'zerodb:write',
  vectors: 'zerodb:write',
  published_events: 'zerodb:write',
  files: 'zerodb:write',
  events: 'zerodb:write',
  memories: 'memory:write',
  entities: 'memory:write',
  entity_aliases: 'memory:write',
  mentions: 'memory:write',
  edges: 'memory:write',
  edge_sources: 'memory:write',
  wheels: 'functions:write',
  functions: 'functions:write',
  function_versions: 'functions:write',
  schedules: 'functions:write',
  env_sets: 'functions:write',
  once: 'functions:write',
  hooks: 'hooks:write',
}

/** Timestamps in the past. A future time would delay retention and break the order of lists. */
const PAST = [
  'created_at',
  'updated_at',
  'published_at',
  'invalidated_at',
  'last_at',
  'paused_at',
  'failing_since',
  'failed_at',
]
/** Tolerance for the clocks of two servers. */
const MAX_AHEAD_MS = 86_400_000
/** Backfills start from this time. */
const FIRST_TIME_MS = 0

type RowOf<Table extends ProjectTable> = z.infer<(typeof PROJECT_ROWS)[Table]>['row']
type Schedule = z.infer<typeof schedule>

/**
 * Checks that the caller could create each row of an export through the API. Throws the errors of the corresponding operations. Functions come
 * before rows that name them.
 */
export function createImportChecks(app: App, caller: Caller): RowChecks {
  const needed = new Set<Permission>()
  const functions = new Map<string, { name: string; version: number; schedules: readonly Schedule[] }>()
  const now = app.clock.now()
  let isAllowed = true
  let pendingEvents = 0

  function checkFunction({ id, name, version }: RowOf<'functions'>): void {
    checkName(app, name)
    functions.set(id, { name, version, schedules: [] })
  }

  function checkVersion({ function_id, version, runtime, sources, files, entry, config }: RowOf<'function_versions'>) {
    codeOf({ runtime, files: sources, entry })
    codeOf({ runtime, files, entry: loadedEntry(runtime, entry) })
    checkConfig(caller, config)
    const fn = functions.get(function_id)
    if (fn?.version === version) fn.schedules = config.schedule
  }

  /** Checks a schedule. It starts with the next tick, because no tick was missed here. */
  function checkSchedule(row: RowOf<'schedules'>): RowOf<'schedules'> {
    if (row.function_id === null) return checkEventSchedule(row)
    const asked = functions.get(row.function_id)?.schedules ?? []
    const fields = ['cron', 'timezone', 'missed', 'overlap'] as const
    const declared = asked.find((schedule) => fields.every((field) => schedule[field] === row[field]))
    if (!declared) throw new ZeroError('invalid', 'row.cron: the live version of its function has no such schedule')
    const publishing = ['name', 'run_at', 'topic', 'payload', 'source', 'correlation_id'] as const
    const foreign = publishing.find((field) => row[field] != null)
    if (foreign !== undefined) throw new ZeroError('invalid', `row.${foreign}: a schedule of a function has none`)
    return { ...row, next_at: nextTick(declared, new Date(now)) }
  }

  /** Checks a schedule that publishes an event, by a cron expression or once. */
  function checkEventSchedule(row: RowOf<'schedules'>): RowOf<'schedules'> {
    const { topic = null, cron, timezone, missed, overlap, run_at = null } = row
    if (topic === null) throw new ZeroError('invalid', 'row.topic: a schedule without a function has one')
    if (overlap !== null) throw new ZeroError('invalid', 'row.overlap: only a schedule of a function has it')
    if (cron !== null && timezone !== null && missed !== null && run_at === null) {
      const fault = cronFault({ cron, timezone })
      if (fault) throw new ZeroError('invalid', `row.${fault.field}: ${fault.message}`)
      return { ...row, next_at: nextTick({ cron, timezone }, new Date(now)) }
    }
    if (run_at === null || cron !== null || timezone !== null || missed !== null)
      throw new ZeroError('invalid', 'row.cron: a schedule has either cron, timezone and missed, or run_at')
    if (Date.parse(run_at) > now + MAX_DELAY_SECONDS * 1000 + MAX_AHEAD_MS)
      throw new ZeroError('invalid', `row.run_at: "${run_at}" must be at most a year from now`)
    if (++pendingEvents > MAX_PENDING_EVENTS)
      throw new ZeroError('invalid', `row.run_at: at most ${MAX_PENDING_EVENTS} events of a project can wait`)
    return { ...row, next_at: run_at }
  }

  function checkHookRow({ function_id, ordering_key, ...hook }: RowOf<'hooks'>): void {
    if ((hook.hook_type === 'function') !== (function_id !== null))
      throw new ZeroError(
        'invalid',
        `row.function_id: a hook of type ${hook.hook_type} has ${function_id ? 'none' : 'one'}`,
      )
    checkHook(app, hook, functions.get(String(function_id))?.name)
    if (ordering_key) pathOf(ordering_key.path)
  }

  return {
    row(table, { row, vectors }) {
      const kind = table as ProjectTable
      // A schedule without a function publishes events.
      const right = kind === 'schedules' && row['function_id'] === null ? 'zerodb:write' : RIGHTS[kind]
      needed.add(right)
      isAllowed &&= allows(caller.permissions, right)
      // Missing permissions are reported without further checks, because nothing is written.
      if (!isAllowed) return undefined
      const result = safeParse<z.ZodType>(PROJECT_ROWS[kind], vectors === undefined ? { row } : { row, vectors })
      if (!result.success) {
        const [issue] = result.error.issues
        throw new ZeroError('invalid', `${issue!.path.join('.')}: ${issue!.message}`)
      }
      const { row: parsed } = result.data as { row: unknown }
      checkTimes(row, now)
      switch (kind) {
        case 'functions':
          checkFunction(parsed as RowOf<'functions'>)
          return parsed as RowOf<'functions'>
        case 'function_versions':
          checkVersion(parsed as RowOf<'function_versions'>)
          return parsed as RowOf<'function_versions'>
        case 'schedules':
          return checkSchedule(parsed as RowOf<'schedules'>)
        case 'hooks':
          checkHookRow(parsed as RowOf<'hooks'>)
          return parsed as RowOf<'hooks'>
        default:
          return undefined
      }
    },

    end: () => requireAll(caller, [...needed]),
  }
}

function checkTimes(row: Readonly<Record<string, unknown>>, now: number): void {
  for (const field of PAST) {
    const value = row[field]
    if (typeof value !== 'string') continue
    const time = Date.parse(value)
    if (time < FIRST_TIME_MS || time > now + MAX_AHEAD_MS)
      throw new ZeroError('invalid', `row.${field}: "${value}" must be after 1970 and not in the future`)
  }
}
