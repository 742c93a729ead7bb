import { z } from 'zod'
import { MAX_HOST_PATTERNS, parseHostPattern } from '../platform/network-policy.ts'
import { timestamp } from './common.ts'

/** A pattern of hosts, in its normal form. */
const hostPattern = z.string().transform((text, context) => {
  const pattern = parseHostPattern(text)
  if (!('problem' in pattern)) return pattern.text
  const { problem } = pattern
  context.addIssue({ code: 'custom', message: `${problem[0]!.toUpperCase()}${problem.slice(1)}` })
  return z.NEVER
})

const hostPatterns = z.array(hostPattern).max(MAX_HOST_PATTERNS)

/** The hosts that a program can connect to, as a list or as an object. Null counts as absent. */
export const network = z
  .union([
    hostPatterns.transform((allow) => ({ allow })),
    z.strictObject({
      allow: hostPatterns.describe(
        'Hosts: `api.example.com` or `*.example.com` at the ports 443 and 80, or with another port: `db.example.com:5432`',
      ),
    }),
  ])
  .nullish()
  .transform((policy) => policy ?? undefined)
  .meta({
    description:
      'Hosts that the program can connect to: a list of `host`, `*.host` and `host:port`, or `{allow}` with this list. Null or absent: it has no network',
    examples: [['api.example.com', '*.example.org', 'db.example.com:5432']],
  })

/** Maximum number of connections that a run records one by one. */
export const MAX_RECORDED_REQUESTS = 100

export const networkRequest = z
  .object({
    at: timestamp.describe('When the program asked for the connection: ISO 8601 in UTC'),
    host: z.string().describe('Host name or address that the program named'),
    port: z.number().describe('Port that the program named'),
    allowed: z.boolean().describe('False: the connection was refused'),
    reason: z
      .string()
      .nullable()
      .describe('Why the connection was refused, or ended early; null when the program or the host ended it'),
    bytes_sent: z.number().describe('Number of bytes that the program sent to the host'),
    bytes_received: z.number().describe('Number of bytes that the program received from the host'),
    duration_ms: z.number().describe('Time that the connection was open during the call, in milliseconds'),
  })
  .meta({ id: 'NetworkRequest', description: 'A connection that a program opened, or tried to open' })
/** A connection in the form that is stored with its run. */
export type RecordedRequest = z.infer<typeof networkRequest>

/** The fields of a record with the connections of a program. */
export const recordedRequests = {
  requests: z
    .array(networkRequest)
    .describe(`Connections, in the order in which they ended or were refused, at most ${MAX_RECORDED_REQUESTS}`),
  requests_omitted: z.number().describe(`Number of further connections, which are not in \`requests\``),
}
