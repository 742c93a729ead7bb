import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { json, sql } from '../../src/db/sql.ts'
import { compileHookFilter } from '../../src/store/filters/hook-filter.ts'
import { openTestApp, type TestApp, type TestUser } from '../support/app.ts'
import { anyFilter, anyObject, anyPath, type Filter, HOSTILE_KEYS, keyAt, meets, objectsOf } from './filter-model.ts'

// Random hooks and random writes must create exactly the documented runs. The oracle implements the documentation without SQL.

let app: TestApp
beforeAll(async () => {
  app = await openTestApp()
})
afterAll(() => app.close())

/** A kind of write: how to create it from a random object, and which fields filters see. */
interface Kind {
  event: string
  /** Paths that contain the written object. */
  roots: readonly string[]
  write(user: TestUser, project: string, given: Given): Promise<{ data: object; row: object }>
}
interface Given {
  object: Record<string, unknown>
  text: string
}

/** Returns the response to a write. */
async function stores(user: TestUser, path: string, body: object, headers: Record<string, string> = {}) {
  const reply = await user.post(path, body, headers)
  if (reply.status > 201) throw new Error(`${path} answered ${reply.status}: ${JSON.stringify(reply.body)}`)
  return reply.body
}

const KINDS: readonly Kind[] = [
  {
    event: 'zerodb.vector.stored',
    roots: ['row.metadata', 'row.namespace', 'data.namespace', 'row.document', 'data.source'],
    async write(user, project, { object, text }) {
      const body = {
        document: text,
        vector_embedding: [1],
        namespace: text || 'none',
        vector_metadata: object,
        source: 'test',
      }
      const stored = await stores(user, `/api/v1/projects/${project}/database/vectors/upsert`, body)
      const { vector_id, namespace, document, metadata, source } = stored
      return {
        data: { vector_id, project_id: project, namespace, source },
        row: { vector_id, namespace, document, metadata, source },
      }
    },
  },
  {
    event: 'zerodb.table.row_inserted',
    roots: ['row', 'row.a', 'data.table_name'],
    async write(user, project, { object }) {
      const body = await stores(user, `/api/v1/projects/${project}/database/tables/t/rows`, { row_data: object })
      return { data: { table_name: 't', row_id: body.row_id, project_id: project }, row: object }
    },
  },
  {
    event: 'zerodb.event.published',
    roots: ['row.event_payload', 'row.topic', 'data.topic', 'row.correlation_id'],
    async write(user, project, { object, text }) {
      const body = { topic: text || 'none', event_payload: object, correlation_id: text || null }
      const stored = await stores(user, `/api/v1/projects/${project}/database/events/publish`, body)
      const row = { topic: body.topic, event_payload: object, source: null, correlation_id: body.correlation_id }
      return { data: { event_id: stored.event_id, project_id: project, topic: body.topic }, row }
    },
  },
  {
    event: 'zeromemory.remembered',
    roots: ['row.metadata', 'row.tags', 'row.importance', 'row.entity_id', 'data.namespace'],
    async write(user, project, { object, text }) {
      const given = {
        content: text || 'none',
        metadata: object,
        tags: Object.keys(object),
        importance: 0.5,
        entity_id: text || null,
      }
      const body = await stores(user, '/api/v1/public/memory/v2/remember', given, { 'x-project-id': project })
      const rest = {
        memory_id: body.memory_id,
        entity_id: given.entity_id,
        memory_type: 'episodic',
        namespace: 'global',
      }
      return { data: rest, row: { ...given, ...rest, agent_id: null, session_id: null, role: null } }
    },
  },
]

interface ModelHook {
  id: string
  event: string
  project: string | null
  isActive: boolean
  filter: Filter | null
  key: string | null
}

const place = fc.constantFrom(0, 1)
/** `which` chooses among the existing hooks. */
const which = fc.nat({ max: 20 })
const making = fc.constantFrom(...KINDS).chain(({ event, roots }) =>
  fc.record({
    do: fc.constant('hook' as const),
    event: fc.constant(event),
    place: fc.option(place, { freq: 2 }),
    filter: fc.option(anyFilter(roots), { freq: 1 }),
    key: fc.option(anyPath(roots), { freq: 2 }),
  }),
)
const writing = fc.record({
  do: fc.constant('write' as const),
  event: fc.constantFrom(...KINDS.map(({ event }) => event)),
  place,
  object: anyObject,
  text: fc.constantFrom('', 'x', 'xy', '10', 'é'),
})
const changing = fc.oneof(
  fc.record({ do: fc.constant('switch' as const), which, on: fc.boolean() }),
  fc.record({ do: fc.constant('delete' as const), which }),
  fc.record({
    do: fc.constant('change' as const),
    which,
    filter: fc.option(anyFilter(['row', 'row.metadata', 'row.event_payload', 'data.topic']), { freq: 2 }),
  }),
)
const action = fc.oneof(
  { weight: 2, arbitrary: making },
  { weight: 6, arbitrary: writing },
  { weight: 1, arbitrary: changing },
)
const schedule = fc
  .tuple(fc.array(making, { minLength: 4, maxLength: 8 }), fc.array(action, { minLength: 8, maxLength: 24 }))
  .map(([hooks, actions]) => [...hooks, ...actions])
type Action = typeof action extends fc.Arbitrary<infer Type> ? Type : never

interface ModelRun {
  hook: string
  /** The number of the write that caused it. */
  write: number
  key: string | null
}

/** Describes each run, with the number of the first write that has the same hook and key instead of the key. */
function inWords(runs: ModelRun[]): string[] {
  const sorted = runs.toSorted((a, b) => a.write - b.write)
  const first = (run: ModelRun) => sorted.find(({ hook, key }) => hook === run.hook && key === run.key)!
  return sorted
    .map((run) => `${run.hook} for ${run.write}${run.key === null ? '' : `, with ${first(run).write}`}`)
    .sort()
}

/** The runs that a schedule should create, and those that it created. */
async function play(actions: readonly Action[]): Promise<{ expected: string[]; found: string[] }> {
  const user = await app.newUser()
  const projects = [user.project_id, await user.project()]
  for (const project of projects) await user.post(`/api/v1/projects/${project}/database/tables`, { table_name: 't' })
  let hooks: ModelHook[] = []
  const expected: ModelRun[] = []
  let label = 0
  let writes = 0

  async function take(action: Action): Promise<void> {
    if (action.do === 'write') {
      const project = projects[action.place]!
      const n = writes++
      const seen = await KINDS.find(({ event }) => event === action.event)!.write(user, project, action)
      const document = JSON.parse(JSON.stringify(seen))
      for (const hook of hooks) {
        if (!hook.isActive || hook.event !== action.event) continue
        if (hook.project !== null && hook.project !== project) continue
        if (hook.filter !== null && !meets(hook.filter, document)) continue
        expected.push({ hook: hook.id, write: n, key: hook.key === null ? null : keyAt(document, hook.key) })
      }
      // Filters see the row and the hooks as they are at dispatch.
      await app.drained()
      return
    }
    if (action.do === 'hook') {
      const project = action.place === null ? null : projects[action.place]!
      const { event, filter, key } = action
      const hook = await user.hook(event, `webhook:h${label++}`, {
        // Paused: runs are created and wait, and nothing is sent.
        ...{ project_id: project, paused: true, hook_config: { url: 'https://hooks.example.com/' } },
        ...{ filter, ordering_key: key },
      })
      hooks.push({ id: hook.id, event, project, isActive: true, filter, key })
      return
    }
    const hook = hooks[action.which % Math.max(1, hooks.length)]
    if (!hook) return
    const url = `/api/v1/hooks/${hook.id}`
    if (action.do === 'delete') {
      await user.delete(url)
      hooks = hooks.filter((other) => other !== hook)
    } else if (action.do === 'switch') {
      await user.patch(url, { is_active: action.on })
      hook.isActive = action.on
    } else {
      await user.patch(url, { filter: action.filter })
      hook.filter = action.filter
    }
  }

  for (const each of actions) await take(each)
  const numbers = new Map((await user.events()).map(({ id }, n) => [id, n]))
  const found = (await user.runs()).map(({ hook_id, event_id, ordering_key }) => {
    return { hook: hook_id!, write: numbers.get(event_id!)!, key: ordering_key }
  })
  for (const { id } of hooks) await user.delete(`/api/v1/hooks/${id}`)
  return { expected: inWords(expected), found: inWords(found) }
}

test('a filter matches exactly as documented', async () => {
  const roots = ['row.a', 'row.b', 'data.c', 'row.__proto__']
  const objects = objectsOf(HOSTILE_KEYS)
  const cases = fc.tuple(anyFilter(roots, { keys: HOSTILE_KEYS }), objects, objects)
  let met = 0
  await fc.assert(
    fc.asyncProperty(fc.array(cases, { minLength: 20, maxLength: 20 }), async (all) => {
      const documents = all.map(([, data, row]) => ({ data, row }))
      const answers = await app.system.database.query<{ is_met: boolean }>(sql`
        select coalesce(jsonb_path_match(document, path::jsonpath, '{}', true), false) as is_met
        from jsonb_array_elements(${json(documents)}::jsonb) with ordinality as d (document, place)
        join unnest(${all.map(([filter]) => compileHookFilter(filter))}::text[]) with ordinality as f (path, place) using (place)
        order by place`)
      const expected = all.map(([filter], n) => meets(filter, documents[n] as never))
      expect(answers.map(({ is_met }) => is_met)).toEqual(expected)
      met += expected.filter(Boolean).length
    }),
    { numRuns: 150 },
  )
  console.log(`${met} of 3000 filters were met`)
  expect(met).toBeGreaterThan(500)
  expect(met).toBeLessThan(2500)
}, 60_000)

test('exactly the runs exist that hooks, filters and writes require', async () => {
  let runs = 0
  let writes = 0
  await fc.assert(
    fc.asyncProperty(schedule, async (actions) => {
      const { expected, found } = await play(actions)
      expect(found).toEqual(expected)
      runs += found.length
      writes += actions.filter((each) => each.do === 'write').length
    }),
    { numRuns: 80 },
  )
  console.log(`${runs} runs of ${writes} writes were as they should be`)
  expect(runs).toBeGreaterThan(200)
}, 180_000)
