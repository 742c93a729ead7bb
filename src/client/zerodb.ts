import { operationsOver } from './bind.ts'
import { knownServer } from './defaults.ts'
import type { Operations } from './generated.ts'
import { httpTransport } from './http.ts'
import type { JsonCodec } from './transport.ts'

export interface ZeroDBOptions {
  /** Address of the server, e.g. `http://127.0.0.1:8000`. By default `ZERODB_URL`, or the server in `credentials.json` that was started here. */
  url?: string | undefined
  /** API key or access token; null sends none. */
  apiKey?: string | null | undefined
  /** Default project of calls; the project of the key if absent. */
  projectId?: string | undefined
  /** Maximum number of retries of safe calls, and of calls that were certainly not executed. Default 2. */
  maxRetries?: number | undefined
  /** Timeout of responses in seconds. Default 60. */
  timeoutSeconds?: number | undefined
  /** Headers of every request. */
  headers?: Record<string, string> | undefined
  fetch?: typeof fetch | undefined
  /** Replaces the global `JSON`, which rounds numbers with more digits than a double. */
  json?: JsonCodec | undefined
}

/** A client with all operations of the API as `zerodb.<noun>.<verb>(input)`. */
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

/** Creates a client. Connects with the first call. */
export const ZeroDB = Client as unknown as new (options?: ZeroDBOptions) => ZeroDB
