import { Agent, fetch } from 'undici'

const dispatcher = new Agent({ headersTimeout: 0, bodyTimeout: 0 })

/** A `fetch` that waits for an answer as long as it takes: Node's own gives up after 300 s of silence. */
export const fetchWithoutTimeout = ((address: string, options: object) =>
  fetch(address, { ...options, dispatcher })) as unknown as typeof globalThis.fetch
