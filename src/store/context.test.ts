import { expect, test } from 'vitest'
import { type Executor, type QueryOptions, sql } from '../db/sql.ts'
import { ZeroError } from '../errors.ts'
import { bounded } from './context.ts'

test('A2: a bounded statement gets five seconds, and its time-out says what to do', async () => {
  let asked: QueryOptions | undefined
  const db = (outcome: () => unknown[]): Executor => ({
    query: async (_, options) => {
      asked = options
      return outcome() as never
    },
  })
  expect(await bounded(db(() => [1])).query(sql`select 1`)).toEqual([1])
  expect(asked).toEqual({ timeoutSeconds: 5 })
  const failing = (error: Error) =>
    bounded(
      db(() => {
        throw error
      }),
    ).query(sql`select 1`)
  await expect(failing(new ZeroError('query_timeout'))).rejects.toMatchObject({
    code: 'query_timeout',
    status: 503,
    message: expect.stringContaining('took longer than 5 s'),
  })
  const other = new ZeroError('unavailable')
  await expect(failing(other)).rejects.toBe(other)
})
