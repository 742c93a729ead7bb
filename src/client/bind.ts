import { ZeroDBError } from './errors.ts'
import { KINDS, type OperationName, type Operations, PAGES, ROUTES, STREAMED } from './generated.ts'
import type { CallOptions, Message, Page, Transport } from './transport.ts'

type Input = Record<string, unknown>

/** Returns all operations as methods over a transport: `operationsOver(transport).memory.remember({ content })`. */
export function operationsOver(transport: Transport): Operations {
  const nouns: Record<string, Record<string, unknown>> = {}
  for (const name of Object.keys(ROUTES) as OperationName[]) {
    const [noun, verb] = name.split('.') as [string, string]
    nouns[noun] ??= {}
    nouns[noun][verb] = methodOf(transport, name)
    const streamed = STREAMED[name]
    if (streamed !== undefined)
      nouns[noun][streamed] = (input: Input, options: CallOptions = {}) => {
        if (transport.stream) return transport.stream(name, input, options)
        throw new ZeroDBError({ code: 'misused', detail: `${name}: this transport cannot stream results` })
      }
  }
  return nouns as unknown as Operations
}

function methodOf(transport: Transport, name: OperationName) {
  const call = (input: Input = {}, options: CallOptions = {}) => transport.call(name, input, options)
  if (KINDS[name] === 'stream') return (input?: Input, options?: CallOptions) => messages(() => call(input, options))
  const key = PAGES[name]
  if (key === undefined) return call
  return (input?: Input, options?: CallOptions) => page(call, key, input ?? {}, options)
}

async function* messages(open: () => Promise<unknown>): AsyncGenerator<Message, void> {
  yield* (await open()) as AsyncIterable<Message>
}

/** Requests the first page immediately, and further pages during iteration. */
function page(
  call: (input: Input, options?: CallOptions) => Promise<unknown>,
  key: string,
  input: Input,
  options: CallOptions | undefined,
): Page<unknown, unknown> {
  const first = call(input, options)
  async function* items(): AsyncGenerator<unknown, void> {
    let request = input
    for (let answer = await first; ; answer = await call(request, options)) {
      const found = itemsOf(answer, key)
      yield* found
      const next = after(request, answer as Input, found)
      if (next === null) return
      request = next
    }
  }
  return Object.assign(first, { [Symbol.asyncIterator]: items })
}

function itemsOf(answer: unknown, key: string): unknown[] {
  // Some operations return a bare array for some inputs.
  return (Array.isArray(answer) ? answer : (answer as Input)[key]) as unknown[]
}

/** Returns the input for the next page, or null after the last page. */
function after(request: Input, answer: Input, found: readonly unknown[]): Input | null {
  if ('next_cursor' in answer)
    return answer['next_cursor'] === null ? null : { ...request, offset: undefined, cursor: answer['next_cursor'] }
  // The last page of a bare array has no cursor.
  if (request['cursor'] !== undefined) return null
  const isLast =
    found.length === 0 ||
    answer['has_more'] === false ||
    (request['limit'] !== undefined && found.length < Number(request['limit']))
  return isLast ? null : { ...request, offset: Number(request['offset'] ?? 0) + found.length }
}
