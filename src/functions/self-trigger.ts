import type { EventName } from '../schema/events.ts'

/** What emits an event of each type, as code says it. */
const WRITERS: Record<EventName, string> = {
  'zerodb.vector.stored': 'vectors.upsert',
  'zerodb.vector.batch_stored': 'vectors.upsert_batch',
  'zerodb.memory.stored': 'memory.store',
  'zeromemory.remembered': 'memory.remember',
  'zerodb.file.uploaded': 'files.upload',
  'zerodb.table.row_inserted': 'rows.insert',
  'zerodb.event.published': 'events.publish',
}

/**
 * A sentence when the code speaks of a write whose event sets it off again; null when it does not. Read from the text: a write that is spelled in
 * another way is not seen, and one that is never carried out is. `filtered`: a filter stands between, of which nobody can tell from the text
 * whether it takes what the code writes.
 */
export function selfTriggerOf(
  files: Readonly<Record<string, unknown>>,
  event: EventName,
  filtered: boolean,
): string | null {
  const writer = WRITERS[event]
  const call = new RegExp(String.raw`\b${writer.replace('.', String.raw`\s*\.\s*`)}\s*\(`)
  if (!Object.values(files).some((file) => typeof file === 'string' && call.test(file))) return null
  const filter = filtered
    ? 'its filter may not keep its own writes out: see that it does'
    : 'a filter can keep its own writes out'
  return `It may set itself off: ${writer} emits ${event}, on which it runs. Such a chain ends at ZERODB_MAX_DEPTH; ${filter}`
}
