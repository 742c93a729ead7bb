import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Response to one message. `hang`: no response. */
export type ReceiverAnswer =
  | { status: number; headers?: Record<string, string>; body?: string | Buffer }
  | 'hang'
  | 'drip'
  | 'endless'
  | 'reset'

export interface ReceivedMessage {
  method: string
  path: string
  headers: IncomingMessage['headers']
  /** The raw body, which is signed. */
  text: string
  // biome-ignore lint/suspicious/noExplicitAny: tests read arbitrary messages
  body: any
}

export interface Receiver {
  /** `http://127.0.0.1:<port>/hook` */
  url: string
  port: number
  /** Messages in order of arrival. */
  messages: ReceivedMessage[]
  /** Responses in order; the last one is repeated. Initially 204. */
  answers: ReceiverAnswer[]
  /** Returns the response to a message: by default the next of `answers`. */
  answer(message: ReceivedMessage): ReceiverAnswer | Promise<ReceiverAnswer>
  /** Returns the secrets that have signed the message, by an independent implementation of Standard Webhooks. */
  signedBy(message: ReceivedMessage, ...secrets: string[]): boolean[]
  /** Resolves when this many messages have arrived. */
  received(count: number): Promise<void>
  close(): Promise<void>
}

/** A server on loopback that receives webhooks. */
export async function startReceiver(host = '127.0.0.1'): Promise<Receiver> {
  const messages: ReceivedMessage[] = []
  const waiting = new Set<() => void>()
  const server = createServer((request, response) => {
    take(request, response).catch(() => response.destroy())
  })

  async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const text = Buffer.concat(chunks).toString()
    const { method = '', url: path = '', headers } = request
    const message = { method, path, headers, text, body: text === '' ? undefined : JSON.parse(text) }
    messages.push(message)
    for (const look of [...waiting]) look()
    reply(request, response, await receiver.answer(message))
  }

  server.listen(0, host)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const receiver: Receiver = {
    url: `http://${host}:${port}/hook`,
    port,
    messages,
    answers: [{ status: 204 }],
    answer: () => (receiver.answers.length > 1 ? receiver.answers.shift()! : receiver.answers[0]!),
    signedBy({ headers, text }, ...secrets) {
      const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${text}`
      const signatures = String(headers['webhook-signature']).split(' ')
      return secrets.map((secret) => {
        const key = Buffer.from(secret.replace('whsec_', ''), 'base64')
        return signatures.includes(`v1,${createHmac('sha256', key).update(signed).digest('base64')}`)
      })
    },
    received: (count) =>
      new Promise((resolve) => {
        const look = () => {
          if (messages.length < count) return
          waiting.delete(look)
          resolve()
        }
        waiting.add(look)
        look()
      }),
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return receiver
}

function reply(request: IncomingMessage, response: ServerResponse, answer: ReceiverAnswer): void {
  if (answer === 'hang') return
  if (answer === 'reset') {
    request.socket.resetAndDestroy()
    return
  }
  if (typeof answer === 'object') {
    response.writeHead(answer.status, answer.headers)
    response.end(answer.body)
    return
  }
  response.writeHead(200, { 'content-type': 'text/plain' })
  if (answer === 'drip') {
    const drip = setInterval(() => response.write('.'), 5)
    response.on('close', () => clearInterval(drip))
    return
  }
  const pour = () => {
    while (!response.destroyed && response.write('x'.repeat(64 * 1024)));
  }
  response.on('drain', pour)
  pour()
}
