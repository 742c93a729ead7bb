import { PROTOCOL_VERSION, rememberSchemas, requestHeaders, type Schemas } from './headers.ts'
import type { Message } from './message.ts'

/** Data from earlier responses that the headers of later requests need. */
export interface Session {
  /** Whether the server has sent headers in the handshake of an older revision. */
  isOpen(): boolean
  /** Returns the headers for a request in an older revision. */
  headers(): Readonly<Record<string, string>>
  /** Returns the headers for messages to the server, in the revision of the message. A batch is of an older revision. */
  headersOf(messages: Message | Message[]): Readonly<Record<string, string>>
  /** Returns the headers for a request in the newest revision. */
  newestHeaders(request: Message): Readonly<Record<string, string>>
  /** Stores the session id, if the server has assigned one. */
  rememberId(response: Response): void
  /** Stores the protocol version and the schemas of tools that a message from the server has. */
  remember(message: Message): void
}

export function createSession(): Session {
  const headers: Record<string, string> = {}
  const schemas: Schemas = new Map()
  return {
    isOpen: () => Object.keys(headers).length > 0,
    headers: () => headers,
    headersOf: (messages) =>
      Array.isArray(messages) || !isNewest(messages) ? headers : requestHeaders(messages, schemas),
    newestHeaders: (request) => requestHeaders(request, schemas),
    rememberId(response) {
      const id = response.headers.get('mcp-session-id')
      if (id !== null) headers['mcp-session-id'] = id
    },
    remember({ result }) {
      rememberSchemas(result, schemas)
      if (result?.protocolVersion) headers['mcp-protocol-version'] = result.protocolVersion
    },
  }
}

/** Tells whether a message is of the newest revision, in which each request names its revision and there is no handshake. */
export function isNewest({ params }: Message): boolean {
  return params?._meta?.[PROTOCOL_VERSION] !== undefined
}
