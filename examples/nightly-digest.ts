// Stores a summary of the last day's published events as a memory, every morning at six in Berlin.
import type { Config, Context, CronEvent } from 'zerodb-functions/functions'

export const config: Config = {
  schedule: [{ cron: '0 6 * * *', timezone: 'Europe/Berlin', missed: 'run_once' }],
  timeout_seconds: 60,
}

export default async function nightlyDigest(event: CronEvent, ctx: Context) {
  const page = await ctx.zerodb.events.list({ limit: 1000 })
  const events = Array.isArray(page) ? page : page.events
  const since = Date.parse(event.data.scheduled_at) - 86_400_000
  const counts = new Map<string, number>()
  for (const { topic, published_at } of events) {
    if (Date.parse(published_at) >= since) counts.set(topic, (counts.get(topic) ?? 0) + 1)
  }
  const lines = [...counts].sort(([, a], [, b]) => b - a).map(([topic, count]) => `${topic}: ${count}`)
  const content = lines.length > 0 ? `Events of the day: ${lines.join(', ')}` : 'A day without events'
  const day = event.data.scheduled_at.slice(0, 10)
  await ctx.once(`digest ${day}`, () => ctx.zerodb.memory.remember({ content, entity_id: 'digest', tags: [day] }))
  return { content }
}
