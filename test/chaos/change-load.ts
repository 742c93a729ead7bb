import { type Database, type Statement, sql } from '../../src/db/sql.ts'
import { type Answer, ask } from './client.ts'
import type { LoadOptions } from './load.ts'
import { newName } from './writes.ts'

const DATABASE = '/api/v1/projects/-/database'
/** The table and the namespace whose rows and vectors are changed. */
export const CHANGING = 'changing'
const MAX_CHANGES = 6
const PAUSE_MS = { between: 8, away: 50 }

/** A change that the server has acknowledged: the object has state `n`, or is deleted. */
export interface Change {
  name: string
  n: number | null
}

/** A kind of object that is changed. State `n` is in its data. */
interface Changeable {
  /** Stores a new object with state 1. */
  create(name: string): [method: string, path: string, body: object]
  /** Requests that give an object the state `n`. */
  updates: ((name: string, id: string, n: number) => [method: string, path: string, body: object])[]
  delete(name: string, id: string): [method: string, path: string]
}

const rows: Changeable = {
  create: (name) => ['POST', `${DATABASE}/tables/${CHANGING}/rows`, { row_data: { name, n: 1 } }],
  updates: [
    (_, id, n) => ['PATCH', `${DATABASE}/tables/${CHANGING}/rows/${id}`, { row_data: { n } }],
    (name, id, n) => ['PUT', `${DATABASE}/tables/${CHANGING}/rows/${id}`, { row_data: { name, n } }],
    (name, _, n) => ['PATCH', `${DATABASE}/tables/${CHANGING}/rows`, { filter: { name }, update: { $set: { n } } }],
  ],
  delete: (_, id) => ['DELETE', `${DATABASE}/tables/${CHANGING}/rows/${id}`],
}

const upsertVector = (name: string, n: number): [string, string, object] => [
  'POST',
  `${DATABASE}/vectors/upsert`,
  { vector_id: name, namespace: CHANGING, vector_embedding: [n, 1], vector_metadata: { name, n } },
]
const vectors: Changeable = {
  create: (name) => upsertVector(name, 1),
  updates: [
    (name, _, n) => upsertVector(name, n),
    (name, _, n) => ['PATCH', `${DATABASE}/vectors/${name}`, { namespace: CHANGING, vector_metadata: { name, n } }],
  ],
  delete: (name) => ['DELETE', `${DATABASE}/vectors/${name}?namespace=${CHANGING}`],
}

/** Writes one object after the other: stores it, changes it some times, and sometimes deletes it. Requests without a response are not repeated. */
export async function changeUntil(
  isStopped: () => boolean,
  { targets, random, complain }: Pick<LoadOptions, 'targets' | 'random' | 'complain'>,
  acknowledged: Change[],
): Promise<void> {
  async function send(method: string, path: string, body?: object): Promise<Answer | null> {
    const up = targets()
    try {
      const answer = up.length === 0 ? null : await ask(random.oneOf(up), method, path, body)
      if (answer !== null && answer.status < 300) return answer
      if (answer !== null && answer.status !== 503)
        complain(`${method} ${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`)
    } catch {
      // The server was killed, or is about to be.
    }
    return null
  }

  while (!isStopped()) {
    const kind = random.oneOf([rows, vectors])
    const name = newName()
    const created = await send(...kind.create(name))
    await pause(created ? PAUSE_MS.between : PAUSE_MS.away)
    if (!created) continue
    acknowledged.push({ name, n: 1 })
    const id = String(created.body.row_id ?? name)
    const changes = Math.floor(random.between(0, MAX_CHANGES))
    for (let n = 2; n < 2 + changes && !isStopped(); n++) {
      const updated = await send(...random.oneOf(kind.updates)(name, id, n))
      if (updated) acknowledged.push({ name, n })
      await pause(updated ? PAUSE_MS.between : PAUSE_MS.away)
    }
    if (random.chance(0.4) && (await send(...kind.delete(name, id)))) acknowledged.push({ name, n: null })
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Events of changes, of which each has a before-image. The event of a replaced vector is that of a stored one. */
const CHANGE_EVENTS = [
  'zerodb.table.row_updated',
  'zerodb.table.row_deleted',
  'zerodb.vector.updated',
  'zerodb.vector.deleted',
]

/** Checks that a change, its event and its before-image exist together, and that the before-images lead to the present state. */
export async function judgeChanges(
  acknowledged: readonly Change[],
  none: (what: string, statement: Statement) => Promise<void>,
): Promise<void> {
  // Each state of an object is the present one or a before-image.
  const states = sql`(
    select id as row_id, data ->> 'name' as name, (data ->> 'n')::int as n, null::bigint as seq, version from zerodb_rows
    where data ? 'name'
    union all
    select id, metadata ->> 'name', (metadata ->> 'n')::int, null, null from zerodb_vectors where namespace = ${CHANGING}
    union all
    select
      c.row_id, coalesce(c.before -> 'data', c.before -> 'metadata') ->> 'name', (coalesce(c.before -> 'data', c.before -> 'metadata') ->> 'n')::int,
      c.seq, (c.before ->> 'version')::int
    from zerodb_changes c
  ) as state`
  const given = sql`jsonb_to_recordset(${JSON.stringify(acknowledged)}::jsonb) as given (name text, n int)`
  await none(
    'acknowledged states that the object never had',
    sql`select name, n from ${given} where n is not null except select name, n from ${states}`,
  )
  await none(
    'acknowledged deletions of objects that exist',
    sql`select name from ${given} where n is null intersect select name from ${states} where seq is null`,
  )
  await none(
    'events of a change without exactly one before-image',
    sql`
      select e.id, e.event from zerodb_events e left join zerodb_changes c using (seq)
      where e.event = any(${CHANGE_EVENTS}::text[])
      group by e.id, e.event having count(c.seq) <> 1`,
  )
  await none(
    'before-images without their event',
    sql`select seq from zerodb_changes except select seq from zerodb_events`,
  )
  await none(
    'before-images of another row than that of their event',
    sql`select seq from zerodb_changes c join zerodb_events e using (seq) where e.ref <> c.row_id::text`,
  )
  await none(
    'states that are not later than the state before them',
    sql`
      select row_id, n, earlier from (
        select row_id, n, version, lag(n) over w as earlier, lag(version) over w as earlier_version
        from ${states} window w as (partition by row_id order by seq nulls last)
      ) chain
      where n <= earlier or version <> earlier_version + 1 or (earlier_version is null and version <> 1)`,
  )
  await none(
    'objects whose number of states is not that of their events',
    sql`
      select state.row_id, count(*) as states, (select count(*) from zerodb_events e where e.ref = state.row_id::text) as events
      from ${states}
      group by state.row_id
      having count(*) <> (
        select count(*) from zerodb_events e where e.ref = state.row_id::text and e.event not like '%deleted'
      )`,
  )
  await none(
    'objects that exist after the event of their deletion',
    sql`
      select e.ref from zerodb_events e join ${states} on state.row_id::text = e.ref and state.seq is null
      where e.event like '%deleted'`,
  )
}

/** Counts the before-images. */
export async function countChanges(database: Database): Promise<number> {
  const [row] = await database.query<{ count: number }>(sql`select count(*) from zerodb_changes`)
  return row!.count
}
