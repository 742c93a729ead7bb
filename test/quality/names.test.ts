import { afterAll, beforeAll, expect, test } from 'vitest'
import { sql } from '../../src/db/sql.ts'
import { nameKeys, normalizeId } from '../../src/memory/names.ts'
import type { Scope } from '../../src/store/context.ts'
import { openTestApp, type TestApp } from '../support/app.ts'
import { DIFFERENT, SAME } from './name-pairs.ts'

let app: TestApp
beforeAll(async () => {
  app = await openTestApp()
})
afterAll(() => app.close())

test('of two names, the graph finds whether they name one entity', async () => {
  const user = await app.newUser()
  const scope: Scope = { user_id: user.user_id, project_id: user.project_id }
  const { store } = app.system.app
  const isSame = async ([first, second]: [string, string], namespace: string): Promise<boolean> => {
    const named = { ...nameKeys(first), name: first, type: 'other' }
    await store.transaction((tx) => tx.entities.findOrCreate(scope.project_id, namespace, [named]))
    const ref = { id: second, identifier: normalizeId(second), name: nameKeys(second) }
    return (await store.entities.find(scope, namespace, ref)) !== null
  }
  const found = async (pairs: [string, string][], label: string) => {
    const all: string[] = []
    for (const [i, pair] of pairs.entries()) if (await isSame(pair, `${label}-${i}`)) all.push(pair.join(' | '))
    return all
  }
  const right = (await found(SAME, 'same')).length
  const wrong = await found(DIFFERENT, 'different')
  const [precision, recall] = [right / (right + wrong.length), right / SAME.length]
  console.log(
    `names: ${SAME.length + DIFFERENT.length} pairs, precision ${precision.toFixed(3)}, recall ${recall.toFixed(3)}`,
  )
  expect(SAME.length + DIFFERENT.length).toBeGreaterThanOrEqual(500)
  expect(wrong).toEqual([])
  expect(recall).toBeGreaterThanOrEqual(0.8)
  const [entities] = await app.system.database.query<{ count: number }>(
    sql`select count(*)::int as count from zerodb_entities where project_id = ${user.project_id}::uuid`,
  )
  expect(entities!.count).toBe(SAME.length + DIFFERENT.length)
})
