import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Database, DbError, isUniqueViolation, join, json, type Statement, sql } from '../../src/db/sql.ts'
import { encodeAll } from '../../src/db/wire.ts'
import { ZeroError } from '../../src/errors.ts'
import { eventually } from '../support/eventually.ts'

export interface OpenOptions {
  statementTimeoutSeconds?: number
}

/** Opens a new, empty database; `remove` closes and deletes it. */
export interface TestDatabase {
  database: Database
  remove(): Promise<void>
}

/** What every database driver must do. */
export function databaseContract(open: (options?: OpenOptions) => Promise<TestDatabase>): void {
  let opened: TestDatabase
  let db: Database
  beforeAll(async () => {
    opened = await open()
    db = opened.database
  })
  afterAll(() => opened?.remove())

  async function one<Row>(statement: ReturnType<typeof sql>): Promise<Row> {
    const rows = await db.query<Row>(statement)
    expect(rows).toHaveLength(1)
    return rows[0]!
  }
  const single = async (statement: ReturnType<typeof sql>) => (await one<{ value: unknown }>(statement)).value

  async function refusal(work: Promise<unknown>): Promise<DbError> {
    const error = await work.then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    expect(error).toBeInstanceOf(DbError)
    return error as DbError
  }

  const codeOf = async (work: Promise<unknown>) => {
    const error = await work.then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    expect(error).toBeInstanceOf(ZeroError)
    return (error as ZeroError).code
  }

  describe('values', () => {
    test.each([
      ['an object', { a: 1, b: [true, null] }, 'object'],
      ['an empty object', {}, 'object'],
      ['an array', [1, 'two', [3]], 'array'],
      ['an empty array', [], 'array'],
      ['a string', 'plain', 'string'],
      ['a string that looks like JSON', '{"a":1}', 'string'],
      ['an empty string', '', 'string'],
      ['quotes, backslashes and line ends', 'a "b" \\ c\n\t\'d\'', 'string'],
      ['other scripts', 'Zoë 東京 🦜 \u2028', 'string'],
      ['a number', 12.5, 'number'],
      ['a large number', 1e300, 'number'],
      ['true', true, 'boolean'],
      ['null', null, 'null'],
      ['nesting', { a: { b: { c: [{ d: 'e' }, [[]]] } } }, 'object'],
    ])('a JSON value is stored as that value, and not as a string: %s', async (_, value, type) => {
      expect(
        await one(sql`select ${json(value)}::jsonb as value, jsonb_typeof(${json(value)}::jsonb) as type`),
      ).toEqual({
        value,
        type,
      })
    })

    test('any JSON value is read back unchanged', async () => {
      const text = fc.string({ unit: 'binary' }).filter((candidate) => !candidate.includes('\0'))
      const { value: anyJson } = fc.letrec((tie) => ({
        value: fc.oneof(
          { maxDepth: 4 },
          fc.constant(null),
          fc.boolean(),
          fc.integer(),
          fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => (Object.is(n, -0) ? 0 : n)),
          text,
          fc.array(tie('value'), { maxLength: 5 }),
          fc.dictionary(text, tie('value'), { maxKeys: 5 }),
        ),
      }))
      await fc.assert(
        fc.asyncProperty(anyJson, async (value) => {
          expect(await single(sql`select ${json(value)}::jsonb as value`)).toEqual(JSON.parse(JSON.stringify(value)))
        }),
        { numRuns: 200 },
      )
    })

    test('JSON that is nested too deeply is refused before it reaches the database, and strings of brackets are not', async () => {
      const nested = (levels: number) => JSON.parse(`${'[{"a":'.repeat(levels / 2)}1${'}]'.repeat(levels / 2)}`)
      expect(await single(sql`select ${json(nested(500))}::jsonb as value`)).toEqual(nested(500))
      for (const levels of [502, 200_000])
        expect(() => json(nested(levels))).toThrow('JSON is nested too deep: at most 500 levels')
      const brackets = { text: `"\\"${'['.repeat(2_000)}\\`, wide: Array.from({ length: 2_000 }, () => [{}]) }
      expect(await single(sql`select ${json(brackets)}::jsonb as value`)).toEqual(brackets)
    })

    test('any list of texts is read back unchanged as text[], with nulls', async () => {
      const text = fc.string({ unit: 'binary' }).filter((candidate) => !candidate.includes('\0'))
      const awkward = fc.constantFrom(
        '',
        'NULL',
        'null',
        '{}',
        '{a,b}',
        '"',
        '\\',
        '\\"',
        ',',
        ' ',
        '\n',
        "'",
        '\r\n',
        'a\tb',
      )
      await fc.assert(
        fc.asyncProperty(fc.array(fc.option(fc.oneof(text, awkward)), { maxLength: 8 }), async (list) => {
          expect(await one(sql`select ${list}::text[] as value, cardinality(${list}::text[]) as length`)).toEqual({
            value: list,
            length: list.length,
          })
        }),
        { numRuns: 200 },
      )
    })

    test('a list is read back unchanged if one of its texts has a million characters', async () => {
      const list = ['"\\,'.repeat(333_333), 'short']
      expect(await single(sql`select ${list}::text[] as value`)).toEqual(list)
    })

    test('texts never become SQL', async () => {
      const hostile = `'; drop table x; --$1\${}\\`
      expect(await single(sql`select ${hostile} as value`)).toBe(hostile)
    })

    test('scalars are read back unchanged, and undefined is null', async () => {
      expect(
        await one(sql`select
          ${'text'} as text, ${''} as empty, ${42}::int as int, ${-1.5}::float8 as float, ${0.1}::real as real, ${'1.10'}::numeric as numeric,
          ${9007199254740993n}::bigint::text as bigint, ${9007199254740991}::bigint as safe, ${true}::bool as yes, ${false}::bool as no,
          ${null}::text as nothing, ${undefined}::int as missing, ${'8e4b0d1c-6e6c-4a3f-8a7d-0f6a3e1c9b11'}::uuid as uuid`),
      ).toEqual({
        text: 'text',
        empty: '',
        int: 42,
        float: -1.5,
        real: 0.1,
        numeric: '1.10',
        bigint: '9007199254740993',
        safe: 9007199254740991,
        yes: true,
        no: false,
        nothing: null,
        missing: null,
        uuid: '8e4b0d1c-6e6c-4a3f-8a7d-0f6a3e1c9b11',
      })
    })

    test('lists of numbers and uuids are read back unchanged, including empty ones', async () => {
      const uuid = '8e4b0d1c-6e6c-4a3f-8a7d-0f6a3e1c9b11'
      expect(
        await one(sql`select
          ${[1, -2, null]}::int[] as ints, ${[9007199254740991]}::bigint[] as bigints, ${[1]}::smallint[] as smallints,
          ${[0.5, 1e300]}::float8[] as floats, ${[0.1]}::real[] as reals, ${[uuid, null]}::uuid[] as uuids, ${[]}::text[] as none`),
      ).toEqual({
        ints: [1, -2, null],
        bigints: [9007199254740991],
        smallints: [1],
        floats: [0.5, 1e300],
        reals: [0.1],
        uuids: [uuid, null],
        none: [],
      })
    })

    test('bytes are read back unchanged', async () => {
      const bytes = Uint8Array.from({ length: 256 }, (_, i) => i)
      const { value, empty } = await one<{ value: Buffer; empty: Buffer }>(
        sql`select ${bytes}::bytea as value, ${new Uint8Array()}::bytea as empty`,
      )
      expect([...value]).toEqual([...bytes])
      expect(empty).toHaveLength(0)
    })

    test('times are ISO 8601 in UTC with microseconds', async () => {
      expect(
        await one(sql`select
          ${'2026-06-10T08:00:00.123456Z'}::timestamptz as micro, ${'2026-06-10T10:00:00.5+02:00'}::timestamptz as zoned,
          ${new Date('2026-06-10T08:00:00.789Z')}::timestamptz as date, ${'infinity'}::timestamptz as never,
          now() at time zone 'UTC' = now()::timestamp as is_utc`),
      ).toEqual({
        micro: '2026-06-10T08:00:00.123456Z',
        zoned: '2026-06-10T08:00:00.500000Z',
        date: '2026-06-10T08:00:00.789000Z',
        never: 'infinity',
        is_utc: true,
      })
    })

    test('vectors are sent as binary and keep every bit', async () => {
      const vector = Float32Array.from([0.1, -0.2, 1 / 3, 1.17549435e-38, 3.4028234e38, 0, 16_777_217])
      const [bytes] = encodeAll([vector], { vector: 1 })
      expect(bytes).toBeInstanceOf(Uint8Array)
      expect(bytes).toHaveLength(4 + 4 * vector.length)
      expect(await one(sql`select ${vector}::vector as value, vector_dims(${vector}::vector) as dims`)).toEqual({
        value: vector,
        dims: 7,
      })
    })

    test('a vector with a value that is not a finite number is refused', async () => {
      for (const component of [Number.NaN, Number.POSITIVE_INFINITY])
        await refusal(db.query(sql`select ${Float32Array.from([component])}::vector as value`))
      await refusal(db.query(sql`select ${new Float32Array()}::vector as value`))
    })

    test('lists of vectors are sent as binary, including nulls', async () => {
      const list = [Float32Array.from([1, 2]), null, Float32Array.from([0.1, -0.1, 7])]
      const rows = await db.query<{ value: Float32Array | null }>(
        sql`select value from unnest(${list}::vector[]) with ordinality as item (value, n) order by n`,
      )
      expect(rows.map((row) => row.value)).toEqual(list)
      expect(encodeAll([list], { vector: 1 })[0]).toBeInstanceOf(Uint8Array)
      expect(await single(sql`select cardinality(${[null, null]}::vector[]) as value`)).toBe(2)
    })

    test('more parameters than the protocol allows are refused', async () => {
      const many = join(
        Array.from({ length: 65_536 }, (_, i) => sql`${i}::int`),
        ', ',
      )
      expect(await codeOf(db.query(sql`select ${many}`))).toBe('invalid')
    })
  })

  describe('statements', () => {
    test('a nested statement keeps its values', async () => {
      const inner = sql`${'b'}::text || ${'c'}::text`
      const wrapped = sql`(${inner} || ${'d'})`
      expect(await single(sql`select ${'a'}::text || ${wrapped} || ${inner} || ${'e'}::text as value`)).toBe('abcdbce')
    })

    test('pieces are joined by a separator, and no pieces give an empty statement', async () => {
      const conditions = [1, 2, 3].map((n) => sql`n = ${n}::int`)
      const found = await db.query(
        sql`select n from generate_series(1, 5) n where (${join(conditions, ' or ')}) and ${4}::int > n${join([], ', ')} order by n`,
      )
      expect(found).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }])
      expect(join([], ', ')).toMatchObject({ text: '', values: [] })
      expect(join([sql`a`], ', ').text).toBe('a')
    })

    test('no rows are an empty list, and a statement may return no rows', async () => {
      expect(await db.query(sql`select 1 as n where false`)).toEqual([])
      expect(await db.query(sql`create table nothing (n int)`)).toEqual([])
      expect(await db.query(sql`insert into nothing values (1)`)).toEqual([])
    })

    test('more distinct statements than the cache holds still work', async () => {
      const texts = Array.from({ length: 700 }, (_, i) => sql([`select ${i} as n`] as unknown as TemplateStringsArray))
      for (const [i, statement] of texts.entries()) expect(await db.query(statement)).toEqual([{ n: i }])
      for (const i of [0, 1, 499, 500, 501, 699, 699]) expect(await db.query(texts[i]!)).toEqual([{ n: i }])
      expect(await single(sql`select ${'still'} as value`)).toBe('still')
    })

    test.each(['statement', 'script'])(
      'a prepared statement still works after its table gets a column, by a %s',
      async (by) => {
        const name = sql([`changing_by_${by}`] as unknown as TemplateStringsArray)
        const all = sql`select * from ${name}`
        await db.exec(`create table changing_by_${by} (a int); insert into changing_by_${by} values (1)`)
        const everywhere = () => Promise.all([db.query(all), db.query(all), db.query(all), db.asyncCommit.query(all)])
        for (let i = 0; i < 3; i++) await everywhere()
        if (by === 'script') await db.exec(`alter table changing_by_script add column b int default 2`)
        else await db.query(sql`alter table ${name} add column b int default 2`)
        for (let i = 0; i < 2; i++) {
          for (const rows of await everywhere()) expect(rows).toEqual([{ a: 1, b: 2 }])
        }
      },
    )

    test('a statement that no longer fits its table fails its transaction, and works in the next one', async () => {
      await db.exec('create table shrinking (a int, b int); insert into shrinking values (1, 2)')
      const all = () => db.transaction((tx) => tx.query(sql`select * from shrinking`))
      // On a server, on each connection that the next transactions may use.
      await Promise.all([all(), all(), all(), all(), all()])
      await db.query(sql`alter table shrinking drop column b`)
      await all().catch((error) => expect(error).toMatchObject({ name: 'DbError', code: '0A000' }))
      expect(await all()).toEqual([{ a: 1 }])
    })

    test('a script runs all its statements or none', async () => {
      await db.exec(`
        create table scripted (n int);
        insert into scripted values (1), (2);
        update scripted set n = n + 1;
      `)
      expect(await db.query(sql`select n from scripted order by n`)).toEqual([{ n: 2 }, { n: 3 }])
      const error = await refusal(db.exec('delete from scripted; select 1 / 0'))
      expect(error.code).toBe('22012')
      expect(await single(sql`select count(*) as value from scripted`)).toBe(2)
    })

    test('the database reports its name and version', async () => {
      expect(await db.version()).toMatch(/^PostgreSQL \d+/)
    })
  })

  describe('errors', () => {
    beforeAll(() =>
      db.exec('create table strict (n int constraint strict_key primary key, m int constraint small check (m < 10))'),
    )

    test('an error carries SQLSTATE, constraint and detail', async () => {
      await db.query(sql`insert into strict values (${1}::int, ${1}::int)`)
      const twice = await refusal(db.query(sql`insert into strict values (${1}::int, ${1}::int)`))
      expect(twice).toMatchObject({ code: '23505', constraint: 'strict_key', detail: 'Key (n)=(1) already exists.' })
      expect(isUniqueViolation(twice, 'strict_key')).toBe(true)
      expect(isUniqueViolation(twice, 'another')).toBe(false)
      const large = await refusal(db.query(sql`insert into strict values (${2}::int, ${10}::int)`))
      expect(large).toMatchObject({ code: '23514', constraint: 'small' })
      expect(isUniqueViolation(large)).toBe(false)
    })

    test.each([
      ['42601', sql`selec 1`],
      ['42P01', sql`select * from missing`],
      ['22P02', sql`select ${'x'}::int`],
      ['22012', sql`select 1 / ${0}::int`],
      ['22021', sql`select ${'a\0b'}::text`],
    ])('after the error %s the database works', async (code, statement) => {
      for (let i = 0; i < 2; i++) expect((await refusal(db.query(statement))).code).toBe(code)
      expect(await single(sql`select ${1}::int as value`)).toBe(1)
    })

    test('after an error the transaction refuses further statements, and the next transaction works', async () => {
      const failed = db.transaction(async (tx) => {
        await tx.query(sql`insert into strict values (3, 3)`)
        await refusal(tx.query(sql`select 1 / 0`))
        expect((await refusal(tx.query(sql`select 1`))).code).toBe('25P02')
        throw new Error('enough')
      })
      await expect(failed).rejects.toThrow('enough')
      expect(await db.transaction((tx) => tx.query(sql`select n from strict where n = 3`))).toEqual([])
    })

    test('a value that cannot be bound is refused, and nothing is sent', async () => {
      await expect(db.query(sql`select ${{ a: 1 } as never}`)).rejects.toThrow('wrap objects in json(value)')
      expect(await single(sql`select 1 as value`)).toBe(1)
    })
  })

  describe('transactions', () => {
    beforeAll(() => db.exec('create table account (name text primary key, amount int not null)'))
    const amounts = async () =>
      Object.fromEntries(
        (await db.query<{ name: string; amount: number }>(sql`select name, amount from account`)).map((row) => [
          row.name,
          row.amount,
        ]),
      )
    const put = (name: string, amount = 0) => sql`insert into account values (${name}, ${amount}::int)`

    test('a transaction stores all its writes, and returns the value of its body', async () => {
      const returned = await db.transaction(async (tx) => {
        await tx.query(put('a1'))
        await tx.query(put('a2'))
        return (await tx.query<{ count: number }>(sql`select count(*) from account where name like 'a%'`))[0]!.count
      })
      expect(returned).toBe(2)
      expect(await amounts()).toMatchObject({ a1: 0, a2: 0 })
    })

    test('a transaction stores nothing if its body throws, and rethrows the same error', async () => {
      const thrown = Object.assign(new Error('connection to the printer lost'), { code: 'ENOENT' })
      const failed = db.transaction(async (tx) => {
        await tx.query(put('b1'))
        throw thrown
      })
      expect(await failed.catch((error: unknown) => error)).toBe(thrown)
      expect(await amounts()).not.toHaveProperty('b1')
    })

    test('a transaction with a failed statement does not count as stored, even if its body ignores the error', async () => {
      const failed = db.transaction(async (tx) => {
        await tx.query(put('c1'))
        await tx.query(put('c1')).catch(() => undefined)
      })
      expect((await refusal(failed)).code).toBe('25P02')
      expect(await amounts()).not.toHaveProperty('c1')
    })

    test('a deferred constraint fails the transaction at its end', async () => {
      await db.exec('create table late (n int constraint late_key unique deferrable initially deferred)')
      const failed = db.transaction((tx) => tx.query(sql`insert into late values (1), (1)`))
      expect(await refusal(failed)).toMatchObject({ code: '23505', constraint: 'late_key' })
      expect(await db.query(sql`select n from late`)).toEqual([])
    })

    test('a statement outside a running transaction is not part of it', async () => {
      let outside: Promise<unknown>[] = []
      const failed = db.transaction(async (tx) => {
        await tx.query(put('d1'))
        outside = [
          db.query(put('d2')),
          db.asyncCommit.query(put('d3')),
          db.query(sql`select name from account where name = 'd1'`),
        ]
        await tx.query(put('d4'))
        throw new Error('never mind')
      })
      await expect(failed).rejects.toThrow('never mind')
      expect(await Promise.all(outside)).toEqual([[], [], []])
      const names = Object.keys(await amounts()).filter((name) => name.startsWith('d'))
      expect(names.sort()).toEqual(['d2', 'd3'])
    })

    test('a statement after the end of its transaction is refused', async () => {
      const { tx } = await db.transaction(async (tx) => ({ tx }))
      expect(await codeOf(tx.query(put('e1')))).toBe('internal')
      expect(await amounts()).not.toHaveProperty('e1')
    })

    test('concurrent transactions do not lose each other’s writes, and failed ones leave none', async () => {
      await db.query(put('f', 0))
      const add = (n: number) =>
        db.transaction(async (tx) => {
          const [row] = await tx.query<{ amount: number }>(sql`select amount from account where name = 'f' for update`)
          await tx.query(sql`update account set amount = ${row!.amount + 1}::int where name = 'f'`)
          if (n % 4 === 0) throw new Error('one of four')
        })
      const plain = (n: number) => db.query(put(`f${n}`))
      const settled = await Promise.allSettled(Array.from({ length: 40 }, (_, n) => [add(n), plain(n)]).flat())
      expect(settled.filter(({ status }) => status === 'rejected')).toHaveLength(10)
      const stored = await amounts()
      expect(stored['f']).toBe(30)
      expect(Object.keys(stored).filter((name) => /^f\d/.test(name))).toHaveLength(40)
    })

    test('a transaction inside another one that waits for it ends both with an error, at the latest at their timeout', async () => {
      const { database, remove } = await open({ statementTimeoutSeconds: 0.5 })
      try {
        await database.exec('create table t (n int)')
        const nested = database.transaction(async (tx) => {
          await tx.query(sql`insert into t values (1)`)
          await database.query(sql`lock table t`)
        })
        await expect(nested).rejects.toThrow()
        expect(await database.query(sql`select n from t`)).toEqual([])
      } finally {
        await remove()
      }
    })

    test('a transaction that waits for anything but the database is rolled back at its timeout', async () => {
      const { database, remove } = await open({ statementTimeoutSeconds: 0.5 })
      try {
        await database.exec('create table t (n int)')
        const idle = database.transaction(async (tx) => {
          await tx.query(sql`insert into t values (1)`)
          await new Promise(() => undefined)
        })
        expect(await codeOf(idle)).toBe('query_timeout')
        expect(await database.query(sql`select n from t`)).toEqual([])
        await database.transaction((tx) => tx.query(sql`insert into t values (2)`))
        expect(await database.query(sql`select n from t`)).toEqual([{ n: 2 }])
      } finally {
        await remove()
      }
    })
  })

  describe('statement timeouts', () => {
    const endless = sql`select count(*) from generate_series(1, 1000000000000)`
    let hasty: TestDatabase
    let quick: Database
    beforeAll(async () => {
      hasty = await open({ statementTimeoutSeconds: 1 })
      quick = hasty.database
      await quick.exec('create table t (n int)')
    })
    afterAll(() => hasty?.remove())

    test('A2: a statement that never ends is cancelled, later ones are answered, and the database works afterwards', async () => {
      const ended = quick.query(endless)
      const behind = Array.from({ length: 5 }, (_, i) => quick.query(sql`select ${i}::int as n`))
      const inTransaction = quick.transaction(async (tx) => {
        await tx.query(sql`insert into t values (1)`)
        return tx.query(sql`delete from t returning n`)
      })
      expect(await codeOf(ended)).toBe('query_timeout')
      expect(await Promise.all(behind)).toEqual([0, 1, 2, 3, 4].map((n) => [{ n }]))
      expect(await inTransaction).toEqual([{ n: 1 }])
      expect(await quick.query(sql`select ${Float32Array.from([1])}::vector as v`)).toEqual([
        { v: Float32Array.from([1]) },
      ])
    })

    test('a transaction with a cancelled statement stores nothing, even if its body continues', async () => {
      const failed = quick.transaction(async (tx) => {
        await tx.query(sql`insert into t values (1)`)
        expect(await codeOf(tx.query(endless))).toBe('query_timeout')
        await tx.query(sql`insert into t values (2)`).catch(() => undefined)
      })
      await expect(failed).rejects.toThrow()
      expect(await quick.query(sql`select n from t`)).toEqual([])
      await quick.transaction((tx) => tx.query(sql`insert into t values (3)`))
      expect(await quick.query(sql`delete from t returning n`)).toEqual([{ n: 3 }])
    })

    test('a longer timeout applies to its statement, also inside a transaction, and does not change the default', async () => {
      const slow = sql`select count(*) from (select pg_sleep(1.6)) slept`
      const generous = { timeoutSeconds: 60 }
      expect(await quick.query(slow, generous)).toEqual([{ count: 1 }])
      expect(await quick.transaction((tx) => tx.query(slow, generous))).toEqual([{ count: 1 }])
      expect(await codeOf(quick.query(endless))).toBe('query_timeout')
      const failed = quick.transaction(async (tx) => {
        await tx.query(slow, generous)
        await tx.query(endless)
      })
      expect(await codeOf(failed)).toBe('query_timeout')
    })

    test('a shorter timeout applies to its statement', async () => {
      const ended = db.query(endless, { timeoutSeconds: 0.5 })
      await expect(ended).rejects.toMatchObject({
        code: 'query_timeout',
        message: 'A statement was cancelled after 0.5 s',
      })
      // No connection keeps the changed timeout.
      const next = Array.from({ length: 20 }, () => single(sql`select 1 as value, pg_sleep(0.01)`))
      expect(await Promise.all(next)).toEqual(Array(20).fill(1))
    })
  })

  test('a search in a rare namespace finds all matches, although the index visits other rows first', async () => {
    const dims = 8
    await db.exec(`create table items (ns text, embedding vector(${dims}))`)
    // 9,900 rows near one direction, 100 near the opposite one, far from the query.
    await db.query(sql`
      insert into items
      select
        case when n % 100 = 0 then 'rare' else 'common' end,
        ('[' || case when n % 100 = 0 then '-1' else '1' end || (select string_agg(',' || ((n * 7919 * k) % 1000 / 2000.0), '') from generate_series(2, ${dims}::int) k) || ']')::vector
      from generate_series(1, 10000) n`)
    await db.exec('create index items_hnsw on items using hnsw (embedding vector_cosine_ops); analyze items')
    const wanted = Float32Array.from([1, ...Array(dims - 1).fill(0.1)])
    const search = sql`select ns from items where ns = 'rare' order by embedding <=> ${wanted}::vector limit 10`
    const [found, plan] = await db.transaction(async (tx) => {
      // The planner would use a sequential scan for such a small table.
      await tx.query(sql`set local enable_seqscan = off`)
      return [await tx.query(search), await tx.query<{ 'QUERY PLAN': string }>(sql`explain ${search}`)]
    })
    expect(plan.map((line) => line['QUERY PLAN']).join('\n')).toContain('items_hnsw')
    expect(found).toEqual(Array(10).fill({ ns: 'rare' }))
  })

  test('no statement is compiled by JIT, whatever its estimated cost', async () => {
    for (const side of [db, db.asyncCommit]) {
      const plan = await side.query<{ 'QUERY PLAN': string }>(sql`
        explain (analyze) with recursive costly as (select 1 as n union all select n + 1 from costly where n < 10)
        select count(*) from costly a, costly b, costly c, costly d, costly e, costly f`)
      expect(plan.map((line) => line['QUERY PLAN']).join('\n')).not.toContain('JIT')
    }
  })

  describe('pipelined statements', () => {
    /** The database refuses pipelined statements until their connection is open. */
    const pairOf = (first: Statement, next: Statement) =>
      eventually(() => {
        const pair = db.pipeline<{ n: number }, { n: number }>(first, () => next)
        expect(pair).not.toBe(null)
        return pair!
      })

    test('run in order: the second sees the commit of the first', async () => {
      await db.query(sql`create table pairs (n int)`)
      const pair = await pairOf(
        sql`insert into pairs values (1) returning n`,
        sql`update pairs set n = n + ${1}::int returning n`,
      )
      expect(await Promise.all([pair.first, pair.next])).toEqual([[{ n: 1 }], [{ n: 2 }]])
    })

    test('are two commits: the second runs if the first fails, and the first stays if the second fails', async () => {
      await db.query(sql`create table halves (n int primary key)`)
      const insert = sql`insert into halves values (${1}::int) returning n`
      const failing = sql`select 1 / 0 as n`
      const one = await pairOf(failing, insert)
      await expect(one.first).rejects.toMatchObject({ code: '22012' })
      expect(await one.next).toEqual([{ n: 1 }])
      const two = await pairOf(sql`insert into halves values (2) returning n`, insert)
      expect(await two.first).toEqual([{ n: 2 }])
      await expect(two.next).rejects.toMatchObject({ code: '23505' })
      expect(await db.query(sql`select n from halves order by n`)).toEqual([{ n: 1 }, { n: 2 }])
    })

    test('are refused if no connection is free, and neither runs', async () => {
      await db.query(sql`create table refused (n int)`)
      const insert = sql`insert into refused values (1) returning n`
      let pairs = 0
      await eventually(async () => {
        const given = [db.pipeline(insert, () => insert), db.pipeline(insert, () => insert)].filter(
          (pair) => pair !== null,
        )
        await Promise.all(given.flatMap((pair) => [pair.first, pair.next]))
        pairs += given.length
        expect(pairs).toBeGreaterThan(0)
      })
      expect(await db.query(sql`select count(*)::int as n from refused`)).toEqual([{ n: 2 * pairs }])
    })
  })

  test('a write with asynchronous commit is visible', async () => {
    await db.asyncCommit.query(sql`create table async_rows (n int)`)
    await db.asyncCommit.query(sql`insert into async_rows values (1)`)
    expect(await db.query(sql`select n from async_rows`)).toEqual([{ n: 1 }])
  })

  test('closing waits for pending statements, can be repeated, and refuses later ones', async () => {
    const { database, remove } = await open()
    try {
      const given = database.query(sql`select 1 as n`)
      const [rows] = await Promise.all([given, database.close(), database.close()])
      expect(rows).toEqual([{ n: 1 }])
      await database.close()
      expect(await codeOf(database.query(sql`select 1`))).toBe('unavailable')
      expect(await codeOf(database.transaction((tx) => tx.query(sql`select 1`)))).toBe('unavailable')
      expect(await codeOf(database.exec('select 1'))).toBe('unavailable')
    } finally {
      await remove()
    }
  })
}
