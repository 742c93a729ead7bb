// Stores the topics of each new memory in the table "memory_tags".
import type { Config, Context, RememberedEvent } from 'zerodb-functions/functions'

export const config: Config = {
  triggers: [{ event: 'zeromemory.remembered', ordering_key: 'data.entity_id' }],
}

const TOPICS: Record<string, RegExp> = {
  travel: /\b(flight|hotel|trip|travel|airport)\b/i,
  food: /\b(eat|food|restaurant|vegetarian|coffee)\b/i,
  work: /\b(meeting|project|deadline|client|invoice)\b/i,
}

export default async function tagMemory(event: RememberedEvent, ctx: Context) {
  const memory = await ctx.row()
  if (memory === null) return { tags: [], reason: 'the memory has been deleted' }
  const content = String(memory['content'])
  const tags = Object.keys(TOPICS).filter((topic) => TOPICS[topic]!.test(content))
  // Delivery is at least once, so a write that must happen once needs ctx.once.
  await ctx.once(`tags ${event.data.memory_id}`, () =>
    ctx.zerodb.rows.insert({ table: 'memory_tags', row_data: { memory_id: event.data.memory_id, tags } }),
  )
  ctx.log(`${event.data.memory_id}: ${tags.join(', ') || 'no tag'}`)
  return { tags }
}
