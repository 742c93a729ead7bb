import { expect, test } from 'vitest'
import { ownWriteOf } from './own-writes.ts'

const REMEMBERED = 'zeromemory.remembered'

test.each([
  ['await ctx.zerodb.memory.remember({ content })', true],
  ['const { memory } = ctx.zerodb\nmemory\n  .remember ({ content })', true],
  ['ctx.zerodb.memory.remember(content="x")', true],
  ['ctx.zerodb.memory.recall({ query })', false],
  ['memory.remembered()', false],
  ['// memory.remember', false],
])('%s', (code, writes) => {
  const said = ownWriteOf({ 'index.mjs': code }, REMEMBERED, false)
  if (writes) expect(said).toContain('memory.remember emits zeromemory.remembered')
  else expect(said).toBeNull()
})

test('only of the event that it is for, in any of its files, and not behind a filter', () => {
  const files = { 'a.py': 'x = 1', 'b.py': 'ctx.zerodb.vectors.upsert_batch(vectors=[])', 'c.bin': new Uint8Array(3) }
  expect(ownWriteOf(files, 'zerodb.vector.stored', false)).toBeNull()
  expect(ownWriteOf(files, 'zerodb.vector.batch_stored', false)).toContain('vectors.upsert_batch')
  expect(ownWriteOf(files, 'zerodb.vector.batch_stored', true)).toBeNull()
})
