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
    () => 'accepted',
    (error: WebhookError) => error.code,
  )

test('a message signed by the server is accepted, with any kind of headers and body', async () => {
  const message = JSON.parse(body)
  const headers = signed()
  expect(await verifyWebhook({ headers, body, secrets: secret })).toEqual(message)
  expect(await verifyWebhook({ headers: new Headers(headers), body, secrets: [secret] })).toEqual(message)
  expect(await verifyWebhook({ headers, body: new TextEncoder().encode(body), secrets: secret })).toEqual(message)
  const shouted = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toUpperCase(), [value]]))
  expect(await verifyWebhook({ headers: shouted, body, secrets: secret })).toEqual(message)
})

test('during the rotation of a secret, both secrets are accepted on both sides', async () => {
  const next = newWebhookSecret()
  expect(await failure(verifyWebhook({ headers: signed({}, [next, secret]), body, secrets: secret }))).toBe('accepted')
  expect(await failure(verifyWebhook({ headers: signed(), body, secrets: [next, secret] }))).toBe('accepted')
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
  ['an invalid time', { headers: { ...signed(), 'webhook-timestamp': 'today' } }, 'too_old'],
  ['no headers', { headers: {} }, 'unsigned'],
])('%s is rejected', async (_, given, code) => {
  expect(await failure(verifyWebhook({ headers: signed(), body, secrets: secret, ...given }))).toBe(code)
})

test('an invalid secret is a TypeError', async () => {
  await expect(verifyWebhook({ headers: signed(), body, secrets: 'whsec_~' })).rejects.toThrow(TypeError)
  await expect(verifyWebhook({ headers: signed(), body, secrets: '' })).rejects.toThrow(TypeError)
})
