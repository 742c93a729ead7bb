export const KEY = 'zdb_chaos_key_that_only_this_round_knows'

export interface Answer {
  status: number
  // biome-ignore lint/suspicious/noExplicitAny: tests read arbitrary responses
  body: any
}

/** Time limit of a request. Only a stopped process takes longer. */
const PATIENCE_MS = 20_000

/** Sends a request. Rejects if the connection breaks before the response is complete. */
export async function ask(url: string, method: string, path: string, body?: object): Promise<Answer> {
  const response = await fetch(url + path, {
    method,
    headers: { authorization: `Bearer ${KEY}`, ...(body ? { 'content-type': 'application/json' } : {}) },
    signal: AbortSignal.timeout(PATIENCE_MS),
    ...(body ? { body: JSON.stringify(body) } : {}),
  })
  return { status: response.status, body: await response.json() }
}

export async function mustBe(expected: number, answering: Promise<Answer>): Promise<void> {
  const { status, body } = await answering
  if (status !== expected) throw new Error(`status ${status} instead of ${expected}: ${JSON.stringify(body)}`)
}
