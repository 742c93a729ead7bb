import { expect, test, vi } from 'vitest'
import { newWebhookSecret, signatureHeaders } from '../net/signature.ts'
import { verifyWebhook, type WebhookError } from './webhook.ts'

const secret = newWebhookSecret()
const now = 1_790_000_000
const body = JSON.stringify({ id: 'evt_1', event: 'zerodb.event.published', data: { topic: 'ünïcode' } })
vi.setSystemTime(now * 1000)

const signed = (fields: { body?: string; timestamp?: number } = {}, secrets = [secret]) =>
  signatureHeaders({ id: 'run-1', timestamp: now, body, ...fields }, secrets)
const failure = (call: Promise<unknown>) =>
  call.then(
    () => 'believed',
    (error: WebhookError) => error.code,
  )

test('what the server signs is believed, from any kind of headers and body', async () => {
  const message = JSON.parse(body)
  const headers = signed()
  expect(await verifyWebhook({ headers, body, secrets: secret })).toEqual(message)
  expect(await verifyWebhook({ headers: new Headers(headers), body, secrets: [secret] })).toEqual(message)
  expect(await verifyWebhook({ headers, body: new TextEncoder().encode(body), secrets: secret })).toEqual(message)
  const shouted = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toUpperCase(), [value]]))
  expect(await verifyWebhook({ headers: shouted, body, secrets: secret })).toEqual(message)
})

test('while a secret is rotated, either will do on both sides', async () => {
  const next = newWebhookSecret()
  expect(await failure(verifyWebhook({ headers: signed({}, [next, secret]), body, secrets: secret }))).toBe('believed')
  expect(await failure(verifyWebhook({ headers: signed(), body, secrets: [next, secret] }))).toBe('believed')
})

interface Given {
  headers?: Record<string, string>
  body?: string
  secrets?: string
}

test.each<[string, Given, WebhookError['code']]>([
  ['another body', { body: `${body} ` }, 'wrong_signature'],
  ['another secret', { secrets: newWebhookSecret() }, 'wrong_signature'],
  ['another id', { headers: { ...signed(), 'webhook-id': 'run-2' } }, 'wrong_signature'],
  [
    'no signature of this version',
    { headers: { ...signed(), 'webhook-signature': 'v2,AA v1,~ x' } },
    'wrong_signature',
  ],
  ['a message from before', { headers: signed({ timestamp: now - 301 }) }, 'too_old'],
  ['a message from the future', { headers: signed({ timestamp: now + 301 }) }, 'too_old'],
  ['a time that is none', { headers: { ...signed(), 'webhook-timestamp': 'today' } }, 'too_old'],
  ['no headers', { headers: {} }, 'unsigned'],
])('%s is not believed', async (_, given, code) => {
  expect(await failure(verifyWebhook({ headers: signed(), body, secrets: secret, ...given }))).toBe(code)
})

test('what is no secret is the receiver’s own mistake', async () => {
  await expect(verifyWebhook({ headers: signed(), body, secrets: 'whsec_~' })).rejects.toThrow(TypeError)
  await expect(verifyWebhook({ headers: signed(), body, secrets: '' })).rejects.toThrow(TypeError)
})
