import { Agent, fetch } from 'undici'

const dispatcher = new Agent({ headersTimeout: 0, bodyTimeout: 0 })

/** A `fetch` that waits for a response without limit. The built-in one fails after 300 s without data. */
export const fetchWithoutTimeout = ((address: string, options: object) =>
  fetch(address, { ...options, dispatcher })) as unknown as typeof globalThis.fetch
