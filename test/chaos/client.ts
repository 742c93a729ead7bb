export const KEY = 'zdb_chaos_key_that_only_this_round_knows'

export interface Answer {
  status: number
  // biome-ignore lint/suspicious/noExplicitAny: a test reads whatever the server says
  body: any
}

/** Longer than anything but a process that has been stopped takes. */
const PATIENCE_MS = 20_000

/** Rejects when the connection breaks before the answer is there. */
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
  if (status !== expected) throw new Error(`${status} in place of ${expected}: ${JSON.stringify(body)}`)
}
