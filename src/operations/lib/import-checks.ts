import type { z } from 'zod'
import type { App, Caller } from '../../app.ts'
import { type Permission, requireAll } from '../../auth/caller.ts'
import { ZeroError } from '../../errors.ts'
import { checkConfig, checkName } from '../../functions/deploy.ts'
import { codeOf, loadedEntry } from '../../functions/files.ts'
import { nextTick } from '../../functions/schedule.ts'
import { allows } from '../../schema/login.ts'
import { safeParse } from '../../schema/safe-parse.ts'
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
  functions: 'functions:write',
  function_versions: 'functions:write',
  schedules: 'functions:write',
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
type Schedule = Pick<RowOf<'schedules'>, 'cron' | 'timezone' | 'missed' | 'overlap'>

/**
 * Checks that the caller could create each row of an export through the API. Throws the errors of the corresponding operations. Functions come
 * before rows that name them.
 */
export function createImportChecks(app: App, caller: Caller): RowChecks {
  const needed = new Set<Permission>()
  const functions = new Map<string, { name: string; version: number; schedules: readonly Schedule[] }>()
  const now = app.clock.now()
  let isAllowed = true

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

  /** Checks that a schedule is in the config of its function's live version. It starts with the next tick, because no tick was missed here. */
  function checkSchedule(row: RowOf<'schedules'>): RowOf<'schedules'> {
    const asked = functions.get(row.function_id)?.schedules ?? []
    const fields = ['cron', 'timezone', 'missed', 'overlap'] as const
    if (!asked.some((schedule) => fields.every((field) => schedule[field] === row[field])))
      throw new ZeroError('invalid', 'row.cron: the live version of its function has no such schedule')
    return { ...row, next_at: nextTick(row, new Date(now)) }
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
      needed.add(RIGHTS[kind])
      isAllowed &&= allows(caller.permissions, RIGHTS[kind])
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
