import { createHmac } from 'node:crypto'
import {
  createRequestStateCodec,
  type InputRequiredResult,
  isInputRequiredResult,
  type RequestStateCodec,
} from '@modelcontextprotocol/server'
import { parseStoredJson } from '../exact-json.ts'
import type { GuestResult } from '../sandbox/index.ts'

/** What a function that asks the client something has noted for itself until the answer comes. */
export interface RequestState {
  /** The id of the one that has asked: no other may read it. */
  function: string
  /** As JSON. */
  state: string
}

/** Seals notes, which travel to the client and back. They are good for ten minutes. */
export function createSeal(secret: Uint8Array): RequestStateCodec<RequestState> {
  return createRequestStateCodec({ key: createHmac('sha256', secret).update('zerodb-mcp-state').digest() })
}

/** `{resultType: 'input_required', …}`: the function cannot go on before the client has answered. Null for any other result. */
export function inputRequestsOf(result: GuestResult | null): (InputRequiredResult & { requestState?: unknown }) | null {
  if (result?.kind !== 'json') return null
  const value = parseStoredJson(Buffer.from(result.body).toString())
  return isInputRequiredResult(value) ? value : null
}

const ASKED = ['elicitation/create', 'sampling/createMessage', 'roots/list']

/** What is wrong with a function's questions; null when nothing is. */
export function inputRequestsError({ inputRequests, requestState }: InputRequiredResult): string | null {
  const requests = Object.entries(inputRequests ?? {})
  if (requests.length === 0 && requestState === undefined) return 'it has neither inputRequests nor requestState'
  const [key] = requests.find(([, { method } = { method: '' }]) => !ASKED.includes(method)) ?? []
  return key === undefined ? null : `inputRequests.${key} must have a method: ${ASKED.join(', ')}`
}
