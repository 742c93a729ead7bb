import { createHmac } from 'node:crypto'
import {
  createRequestStateCodec,
  type InputRequiredResult,
  isInputRequiredResult,
  type RequestStateCodec,
} from '@modelcontextprotocol/server'
import { parseStoredJson } from '../exact-json.ts'
import type { GuestResult } from '../sandbox/index.ts'

/** State that a function keeps between its request for input and the call with the responses. */
export interface RequestState {
  /** Id of the function that asked for input. Other functions must not read the state. */
  function: string
  /** State as JSON. */
  state: string
}

/** Creates the codec that signs request states, which clients hold between two calls. A state is valid for ten minutes. */
export function createStateCodec(secret: Uint8Array): RequestStateCodec<RequestState> {
  return createRequestStateCodec({ key: createHmac('sha256', secret).update('zerodb-mcp-state').digest() })
}

/** Returns a result `{resultType: 'input_required', …}`, with which a function asks the client for input. Null for any other result. */
export function inputRequestsOf(result: GuestResult | null): (InputRequiredResult & { requestState?: unknown }) | null {
  if (result?.kind !== 'json') return null
  const value = parseStoredJson(Buffer.from(result.body).toString())
  return isInputRequiredResult(value) ? value : null
}

const METHODS = ['elicitation/create', 'sampling/createMessage', 'roots/list']

/** Returns what is wrong with a function's input requests, or null. */
export function inputRequestsError({ inputRequests, requestState }: InputRequiredResult): string | null {
  const requests = Object.entries(inputRequests ?? {})
  if (requests.length === 0 && requestState === undefined) return 'it has neither inputRequests nor requestState'
  const [key] = requests.find(([, { method } = { method: '' }]) => !METHODS.includes(method)) ?? []
  return key === undefined ? null : `inputRequests.${key} must have a method: one of ${METHODS.join(', ')}`
}
