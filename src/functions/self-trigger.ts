import { type EventName, eventTypeOf } from '../schema/events.ts'

/**
 * Returns a warning if the code calls a method whose event triggers the function again; null otherwise. The check is textual: it misses calls that
 * are spelled differently, and reports calls that never run. `filtered`: the trigger has a filter, which may or may not exclude these events.
 */
export function selfTriggerOf(
  files: Readonly<Record<string, unknown>>,
  event: EventName,
  filtered: boolean,
): string | null {
  const isCalled = (writer: string) => {
    const call = new RegExp(String.raw`\b${writer.replace('.', String.raw`\s*\.\s*`)}\s*\(`)
    return Object.values(files).some((file) => typeof file === 'string' && call.test(file))
  }
  const writer = eventTypeOf(event).writers.find(isCalled)
  if (writer === undefined) return null
  const filter = filtered
    ? 'check that its filter excludes its own writes'
    : 'add a filter that excludes its own writes'
  return `The function may trigger itself: ${writer} emits ${event}, which is one of its triggers. Such a chain ends at ZERODB_MAX_DEPTH; ${filter}`
}
