import { expect, test } from 'vitest'
import { webhookSecret } from '../schema/webhook.ts'
import { newWebhookSecret, signatureHeaders } from './signature.ts'

const message = { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', timestamp: 1614265330, body: '{"test": 2432232314}' }
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'

test('the example that Standard Webhooks publishes is signed as it says', () => {
  expect(signatureHeaders(message, [SECRET])).toEqual({
    'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  })
})

test('each secret signs, in their order', () => {
  const secrets = [newWebhookSecret(), SECRET]
  const signature = signatureHeaders(message, secrets)['webhook-signature']!
  expect(signature).toMatch(/^v1,\S{44} v1,g0hM9SsE\S+$/)
})

test('new secrets are different, and of the form that is accepted', () => {
  expect(newWebhookSecret()).not.toBe(newWebhookSecret())
  expect(webhookSecret.safeParse(newWebhookSecret()).success).toBe(true)
})
