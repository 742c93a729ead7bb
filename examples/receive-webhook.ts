// Receives webhooks signed as in Standard Webhooks (https://www.standardwebhooks.com) and publishes each once.
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Config, Context, HttpEvent } from 'zerodb-functions/functions'

export const config: Config = {
  http: { methods: ['POST'], auth: 'none' },
  secrets: ['WEBHOOK_SECRET'],
}

const TOLERANCE_SECONDS = 300

export default async function receiveWebhook({ data }: HttpEvent, ctx: Context) {
  const id = data.headers['webhook-id'] ?? ''
  const timestamp = data.headers['webhook-timestamp'] ?? ''
  const signatures = (data.headers['webhook-signature'] ?? '').split(' ')
  const body = typeof data.body === 'string' ? data.body : ''
  const key = Buffer.from(ctx.env['WEBHOOK_SECRET']!.replace(/^whsec_/, ''), 'base64')
  const right = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest()
  const genuine = signatures.some((signature) => {
    const given = Buffer.from(signature.replace(/^v1,/, ''), 'base64')
    return given.length === right.length && timingSafeEqual(given, right)
  })
  const late = Math.abs(Date.now() / 1000 - Number(timestamp)) > TOLERANCE_SECONDS
  if (!genuine || late) return ctx.response({ error: 'the signature is not valid' }, { status: 401 })
  await ctx.once(id, () =>
    ctx.zerodb.events.publish({ topic: 'webhook.received', event_payload: { id, body: data.json } }),
  )
  return ctx.response(null, { status: 204 })
}
