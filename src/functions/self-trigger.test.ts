import { expect, test } from 'vitest'
import { selfTriggerOf } from './self-trigger.ts'

const REMEMBERED = 'zeromemory.remembered'

test.each([
  ['await ctx.zerodb.memory.remember({ content })', true],
  ['const { memory } = ctx.zerodb\nmemory\n  .remember ({ content })', true],
  ['ctx.zerodb.memory.remember(content="x")', true],
  ['ctx.zerodb.memory.recall({ query })', false],
  ['memory.remembered()', false],
  ['// memory.remember', false],
])('%s', (code, writes) => {
  const said = selfTriggerOf({ 'index.mjs': code }, REMEMBERED, false)
  if (writes) expect(said).toContain('memory.remember emits zeromemory.remembered')
  else expect(said).toBeNull()
})

test('only of the event that it is for, in any of its files, and in softer words behind a filter', () => {
  const files = { 'a.py': 'x = 1', 'b.py': 'ctx.zerodb.vectors.upsert_batch(vectors=[])', 'c.bin': new Uint8Array(3) }
  expect(selfTriggerOf(files, 'zerodb.vector.stored', false)).toBeNull()
  const said = 'It may set itself off: vectors.upsert_batch emits zerodb.vector.batch_stored, on which it runs. '
  expect(selfTriggerOf(files, 'zerodb.vector.stored', true)).toBeNull()
  expect(selfTriggerOf(files, 'zerodb.vector.batch_stored', false)).toBe(
    `${said}Such a chain ends at ZERODB_MAX_DEPTH; a filter can keep its own writes out`,
  )
  expect(selfTriggerOf(files, 'zerodb.vector.batch_stored', true)).toBe(
    `${said}Such a chain ends at ZERODB_MAX_DEPTH; its filter may not keep its own writes out: see that it does`,
  )
})
