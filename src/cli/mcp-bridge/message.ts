import { z } from 'zod'
import { parseStoredJson } from '../../exact-json.ts'

/** A JSON-RPC message: a request, a notification or a response. */
export interface Message {
  jsonrpc: '2.0'
  id?: string | number | null
  method?: string
  // biome-ignore lint/suspicious/noExplicitAny: defined by the client and the server, not by the bridge
  params?: any
  // biome-ignore lint/suspicious/noExplicitAny: defined by the client and the server, not by the bridge
  result?: any
  error?: { code: number; message: string; data?: unknown }
}

const PARSE_ERROR = -32700
const SERVER_ERROR = -32000
const SUBSCRIPTION = 'io.modelcontextprotocol/subscriptionId'
const CHANGED = 'notifications/tools/list_changed'

const message = z.looseObject({ jsonrpc: z.literal('2.0'), method: z.string().optional() })

/** Parses a line with a message or a batch of messages. Keeps all digits of numbers. Returns null if the line is malformed. */
export function parseMessages(line: string): Message | Message[] | null {
  try {
    return z.union([message, z.array(message).min(1)]).parse(parseStoredJson(line)) as Message | Message[]
  } catch {
    return null
  }
}

export function isRequest({ id, method }: Message): boolean {
  return id !== undefined && method !== undefined
}

export function isResponse({ id, method }: Message): boolean {
  return id !== undefined && method === undefined
}

/** Response to a line that is malformed, so its id is unknown. */
export const MALFORMED: Message = {
  jsonrpc: '2.0',
  id: null,
  error: { code: PARSE_ERROR, message: 'Not a valid JSON-RPC message' },
}

/** Returns the error response to a request that failed in transport. */
export function transportFailure({ id }: Message, reason: string): Message {
  return { jsonrpc: '2.0', ...(id === undefined ? {} : { id }), error: { code: SERVER_ERROR, message: reason } }
}

/** Returns the notification that the list of tools has changed, for the subscription with this request if there is one. */
export function toolsChanged(subscription?: Message): Message {
  const params = subscription === undefined ? {} : { params: { _meta: { [SUBSCRIPTION]: subscription.id } } }
  return { jsonrpc: '2.0', method: CHANGED, ...params }
}
