/** A `fetch` that waits for an answer as long as it takes: Node's own gives up after 300 s of silence. */
export const patientFetch: typeof fetch = async (address, options) => {
  // Loaded for who needs it: it takes longer to load than most commands take.
  const { Agent, fetch } = await import('undici')
  const dispatcher = new Agent({ headersTimeout: 0, bodyTimeout: 0 })
  return fetch(address as string, { ...(options as object), dispatcher }) as unknown as Promise<Response>
}
