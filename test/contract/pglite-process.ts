import { statSync } from 'node:fs'
import { openPglite } from '../../src/db/pglite/pglite.ts'
import { sql } from '../../src/db/sql.ts'

// A separate process that uses a directory, for the tests that count its syncs and kill it.
//   count: runs several kinds of statements, and prints as JSON how often they synced the log
//   write: prints "ready", waits for a line, then writes until it is killed; prints the number of each acknowledged row

const [task, directory, durability] = process.argv.slice(2) as [string, string, 'process' | 'power']
const database = await openPglite({ directory, durability })
await database.exec('create table if not exists acknowledged (n int primary key)')
const insert = (n: number) => sql`insert into acknowledged values (${n}::int)`

/** The tests record a byte for every sync of the write-ahead log. */
const syncs = () => statSync(process.env['SYNC_LOG']!, { throwIfNoEntry: false })?.size ?? 0

async function during(work: () => Promise<unknown>): Promise<number> {
  const before = syncs()
  await work()
  return syncs() - before
}

async function count(): Promise<void> {
  const single: number[] = []
  for (let n = 0; n < 10; n++) single.push(await during(() => database.query(insert(n))))
  const together = await during(() =>
    Promise.all(Array.from({ length: 64 }, (_, n) => database.query(insert(100 + n)))),
  )
  const transaction = await during(() =>
    database.transaction(async (tx) => {
      for (let n = 200; n < 220; n++) await tx.query(insert(n))
    }),
  )
  const script = await during(() => database.exec('insert into acknowledged values (300)'))
  const reads = await during(() => database.query(sql`select count(*) from acknowledged`))
  // The row is acknowledged while the transaction after it is still open.
  let beforeTransaction = 0
  const before = syncs()
  let finish = () => {}
  const open = new Promise<void>((resolve) => {
    finish = resolve
  })
  await Promise.all([
    database.query(insert(400)).then(() => {
      beforeTransaction = syncs() - before
      finish()
    }),
    database.transaction(async (tx) => {
      await tx.query(insert(401))
      await open
    }),
  ])
  console.log(JSON.stringify({ single, together, transaction, script, reads, beforeTransaction }))
}

async function write(): Promise<void> {
  await database.exec('checkpoint')
  const begin = new Promise((resolve) => process.stdin.once('data', resolve))
  console.log('ready')
  await begin
  let last = 0
  async function writer(): Promise<never> {
    for (;;) {
      const n = ++last
      if (n % 5 === 0) await database.transaction((tx) => tx.query(insert(n)))
      else await database.query(insert(n))
      console.log(String(n))
    }
  }
  await Promise.all(Array.from({ length: 16 }, writer))
}

await (task === 'count' ? count() : write())
await database.close()
