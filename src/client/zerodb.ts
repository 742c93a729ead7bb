import { operationsOver } from './bind.ts'
import { knownServer } from './defaults.ts'
import type { Operations } from './generated.ts'
import { httpTransport } from './http.ts'
import type { JsonCodec } from './transport.ts'

export interface ZeroDBOptions {
  /** Of the server, e.g. `http://127.0.0.1:8000`. Without it `ZERODB_URL` says, else the `credentials.json` of a server started here. */
  url?: string | undefined
  /** An API key or an access token; null sends none. */
  apiKey?: string | null | undefined
  /** The project of calls that name none; else the key's own. */
  projectId?: string | undefined
  /** How often a call is sent again that changes nothing or has certainly not been done; 2 unless given. */
  maxRetries?: number | undefined
  /** Seconds that the server may take to answer; 60 unless given. */
  timeoutSeconds?: number | undefined
  /** Sent with every request. */
  headers?: Record<string, string> | undefined
  fetch?: typeof fetch | undefined
  /** Reads and writes JSON in place of the global `JSON`, which rounds numbers of more digits than a double has. */
  json?: JsonCodec | undefined
}

/** A server, with every operation of its API as `zerodb.<noun>.<verb>(input)`. */
export type ZeroDB = Operations

class Client {
  constructor(options: ZeroDBOptions = {}) {
    const { url, apiKey } = options.url === undefined ? knownServer() : { url: options.url, apiKey: null }
    const transport = httpTransport({
      url,
      apiKey: options.apiKey === undefined ? apiKey : options.apiKey,
      projectId: options.projectId ?? null,
      maxRetries: options.maxRetries ?? 2,
      timeoutSeconds: options.timeoutSeconds ?? 60,
      headers: options.headers ?? {},
      json: options.json ?? JSON,
      fetch: options.fetch ?? ((...request) => globalThis.fetch(...request)),
    })
    Object.assign(this, operationsOver(transport))
  }
}

/** Opens nothing: the first call does. */
export const ZeroDB = Client as unknown as new (options?: ZeroDBOptions) => ZeroDB
