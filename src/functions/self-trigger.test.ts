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

test('the warning is for its own event only, in any of its files, and mentions the filter if there is one', () => {
  const files = { 'a.py': 'x = 1', 'b.py': 'ctx.zerodb.vectors.upsert_batch(vectors=[])', 'c.bin': new Uint8Array(3) }
  expect(selfTriggerOf(files, 'zerodb.vector.stored', false)).toBeNull()
  const said =
    'The function may trigger itself: vectors.upsert_batch emits zerodb.vector.batch_stored, which is one of its triggers. '
  expect(selfTriggerOf(files, 'zerodb.vector.stored', true)).toBeNull()
  expect(selfTriggerOf(files, 'zerodb.vector.batch_stored', false)).toBe(
    `${said}Such a chain ends at ZERODB_MAX_DEPTH; add a filter that excludes its own writes`,
  )
  expect(selfTriggerOf(files, 'zerodb.vector.batch_stored', true)).toBe(
    `${said}Such a chain ends at ZERODB_MAX_DEPTH; check that its filter excludes its own writes`,
  )
})
