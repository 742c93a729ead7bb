// Compiled by `tsc --noEmit`, never run: each marked line must not compile.
import type { Config, Context, Handler } from '../../src/client/functions.ts'
import { type Event, type Hook, type RecalledMemory, type Run, verifyWebhook, ZeroDB } from '../../src/client/index.ts'

export async function mistakes(zerodb: ZeroDB): Promise<void> {
  // @ts-expect-error: content is missing
  await zerodb.memory.remember({})
  // @ts-expect-error: a number is not a text
  await zerodb.memory.remember({ content: 7 })
  // @ts-expect-error: unknown field
  await zerodb.memory.remember({ content: 'text', contents: 'text' })
  // @ts-expect-error: unknown kind of memory
  await zerodb.memory.remember({ content: 'text', memory_type: 'forgotten' })
  // @ts-expect-error: unknown event
  await zerodb.hooks.create({ event_type: 'zerodb.vector.stord', hook_name: 'auto_embed' })
  // @ts-expect-error: unknown verb
  await zerodb.hooks.remove({ hook_id: 'id' })
  // @ts-expect-error: unknown noun
  await zerodb.webhooks.list()
  // @ts-expect-error: the id is missing
  await zerodb.runs.get()
  // @ts-expect-error: only files have ranges
  await zerodb.runs.list({}, { range: { start: 0 } })
  // @ts-expect-error: the response does not have this field
  void (await zerodb.memory.recall({ query: 'text' })).hits
  // @ts-expect-error: a list of hooks is one complete page
  for await (const hook of zerodb.hooks.list()) void hook
  // @ts-expect-error: unknown option
  new ZeroDB({ url: 'http://127.0.0.1:8000', key: 'key' })
  // @ts-expect-error: secrets is missing
  await verifyWebhook({ headers: {}, body: '' })
}

export async function uses(zerodb: ZeroDB): Promise<void> {
  const { results }: { results: RecalledMemory[] } = await zerodb.memory.recall({ query: 'text', limit: 3 })
  const hooks: Hook[] = await zerodb.hooks.list()
  const { items }: { items: Run[] } = await zerodb.runs.list({ status: 'dead' })
  for await (const run of zerodb.runs.list()) void (run satisfies Run)
  // In the project of the key, or in another one.
  await zerodb.vectors.upsert({ document: 'text' })
  await zerodb.vectors.upsert({ document: 'text', project_id: 'id' })
  await zerodb.files.upload({ file_name: 'name', content: new Uint8Array(3) })
  const bytes: Uint8Array = await (await zerodb.files.download({ file_id: 'id' }, { range: { start: 0 } })).bytes()
  for await (const message of zerodb.runs.logs({ run_id: 'id' }, { signal: AbortSignal.timeout(1) })) {
    if (message.event === 'log') void message.data.message
    // @ts-expect-error: only an end message has no attempts
    else if (message.event === 'end') void message.data.attempts
  }
  for await (const message of zerodb.event_log.stream()) if (message.event === 'event') narrow(message.data)
  narrow(await verifyWebhook({ headers: new Headers(), body: '', secrets: ['one', 'another'] }))
  void [results, hooks, items, bytes]
}

/** The type of the event narrows the data in a function, too. */
export const handler: Handler = async (event, ctx: Context) => {
  if (event.event === 'http.request') return event.data.method
  if (event.event === 'cron.tick') return event.data.scheduled_at
  // @ts-expect-error: a call has no method
  if (event.event === 'zeromemory.remembered') return event.data.method
  const { results } = await ctx.zerodb.memory.recall({ query: 'text' })
  // @ts-expect-error: content is missing
  await ctx.zerodb.memory.remember({})
  return results[0]?.content satisfies string | undefined
}
// @ts-expect-error: unknown event
export const config: Config = { triggers: 'zerodb.vector.removed' }

/** The type of the event determines the fields of its data. */
function narrow(event: Event | Awaited<ReturnType<typeof verifyWebhook>>): string | number {
  if (event.event === 'zerodb.vector.stored') return event.data.vector_id
  if (event.event === 'zerodb.vector.batch_stored') return event.data.count
  // @ts-expect-error: memories do not have vectors
  return event.data.vector_id
}
