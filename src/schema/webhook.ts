import { z } from 'zod'
import { integer, metadata, timestamp, uuid, warnings } from './common.ts'
import { hook } from './hook.ts'

/** Matches names of webhooks: `webhook:` and a label. */
export const WEBHOOK_NAME = /^webhook:[A-Za-z0-9_.-]{1,80}$/

const MAX_HEADERS = 20
/** Headers that control the transport, or that receivers trust as set by this server. */
const RESERVED_HEADERS =
  /^(host|content-(length|type|encoding)|connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|expect|accept-encoding|traceparent|tracestate|webhook-.*|x-zerodb-.*)$/i

const url = z
  .string()
  .max(2048)
  .refine((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol), {
    error: 'Must be an address such as https://example.com/path',
    abort: true,
  })
  .refine((text) => !new URL(text).username && !new URL(text).password, {
    error: 'Must not have a user or password: put them into the header Authorization',
  })

const headerName = z
  .string()
  .max(100)
  .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'Must be the name of a header')
  .refine((name) => !RESERVED_HEADERS.test(name), {
    error: ({ input }) => `The header "${String(input)}" is set by the sender`,
  })
const headerValue = z
  .string()
  .max(4096)
  .regex(/^[\x20-\x7e\t]*$/, 'Must be printable ASCII')

/** A secret in the form of Standard Webhooks: `whsec_` and the base64 of 24 to 64 bytes. */
export const webhookSecret = z.string().refine(
  (text) => {
    const base64 = /^whsec_((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)$/.exec(text)?.[1]
    if (base64 === undefined) return false
    const bytes = (base64.replaceAll('=', '').length * 3) >> 2
    return bytes >= 24 && bytes <= 64
  },
  { error: 'Must be "whsec_" followed by the base64 of 24 to 64 bytes' },
)

/** The `hook_config` of a webhook. The secret is removed from it at creation and stored separately. */
export const webhookConfig = z
  .looseObject({
    url: url.describe('Address that events are posted to: http or https, without user and password'),
    headers: z
      .record(headerName, headerValue)
      .refine((headers) => Object.keys(headers).length <= MAX_HEADERS, {
        error: `Must have at most ${MAX_HEADERS} headers`,
      })
      .default({})
      .describe('Further headers of the message, at most 20'),
    timeout_seconds: z.number().min(1).max(60).default(15).describe('Seconds for a whole attempt'),
    secret: z
      .unknown()
      .refine((given) => given === undefined, {
        error: 'The secret can only be set at creation, and later with rotate-secret',
      })
      .optional()
      .describe('Not allowed here: it is sent at creation, and later with rotate-secret'),
    format: z
      .enum(['standard', 'trigger'])
      .default('standard')
      .describe(
        'Form of the message. `standard`: the event and its run. `trigger`: `{event_type, table_name, row_id, data, old_data}`, with the rows after and before the event',
      ),
    include: z
      .array(z.enum(['row', 'previous']))
      .max(2)
      .default([])
      .describe('Rows that a standard message has in addition: `row` after the event, `previous` before it'),
  })
  .refine(({ format, include }) => format === 'standard' || include.length === 0, {
    path: ['include'],
    error: 'A message in the format trigger always has both rows: leave include out',
  })

export const hookChanged = hook.extend({ warnings }).meta({ id: 'HookChanged', description: 'The changed hook' })
export const hookCreated = hookChanged
  .extend({
    webhook_secret: z
      .string()
      .optional()
      .describe('Secret that signs the messages of this webhook. The server shows it only in this response'),
  })
  .meta({ id: 'HookCreated', description: 'The new hook' })

/** The secret, which is removed from `hook_config` before the rest is validated. */
export const secretGiven = z.object({ hook_config: metadata.and(z.object({ secret: webhookSecret.optional() })) })

export const secretRotate = z.object({
  hook_id: uuid.describe('Id of the hook'),
  secret: webhookSecret
    .optional()
    .describe('New secret: `whsec_` and the base64 of 24 to 64 bytes. When absent, the server makes one'),
  keep_seconds: integer(0, 2_592_000)
    .default(86_400)
    .describe('Seconds for which messages carry the signature of the old secret too'),
})
export const secretRotated = z
  .object({
    webhook_secret: z.string().describe('The new secret. The server shows it only in this response'),
    previous_valid_until: timestamp
      .nullable()
      .describe('Until when messages carry the signature of the old secret too; null when there was none'),
  })
  .meta({ id: 'SecretRotated', description: 'The new secret of a webhook' })
