import { z } from 'zod'
import { allows, DEFAULT_PORTS, MAX_HOST_PATTERNS, parseHostPattern } from '../platform/network-policy.ts'
import { timestamp } from './common.ts'

/** A pattern of hosts, in its normal form. */
const hostPattern = z.string().transform((text, context) => {
  const pattern = parseHostPattern(text)
  if (!('problem' in pattern)) return pattern.text
  const { problem } = pattern
  context.addIssue({ code: 'custom', message: `${problem[0]!.toUpperCase()}${problem.slice(1)}` })
  return z.NEVER
})

const MAX_INJECTED_HOSTS = 50
const MAX_INJECTED_HEADERS = 16
/** Headers on which the protocol itself depends. */
const RESERVED_HEADERS = [
  ...['accept-encoding', 'connection', 'content-length', 'expect', 'host', 'keep-alive', 'proxy-authenticate'],
  ...['proxy-authorization', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade'],
]
/** Matches the place of a secret in the value of a header. */
const SECRET_PLACE = /\$\{([A-Za-z_][A-Za-z0-9_]{0,63})\}/g

/** Returns the names of the secrets in the value of a header. */
export const secretsIn = (value: string): string[] => [...value.matchAll(SECRET_PLACE)].map(([, name]) => name!)

/** Replaces the names of secrets in the value of a header. */
export const fillSecrets = (value: string, secretOf: (name: string) => string): string =>
  value.replace(SECRET_PLACE, (_, name: string) => secretOf(name))

/** A host without wildcard whose requests get headers. The normal form has no port 443. */
const injectedHost = z.string().transform((text, context) => {
  const pattern = parseHostPattern(text)
  const problem =
    'problem' in pattern
      ? pattern.problem
      : pattern.isWildcard
        ? 'must name one host: a secret for "*" would reach hosts that you do not know'
        : null
  if (problem === null && !('problem' in pattern)) return pattern.text.replace(/:443$/, '')
  context.addIssue({ code: 'custom', message: `${problem![0]!.toUpperCase()}${problem!.slice(1)}` })
  return z.NEVER
})

const headerName = z
  .string()
  .max(128)
  .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'Must be the name of a header, such as authorization')
  .transform((name) => name.toLowerCase())
  .refine((name) => !RESERVED_HEADERS.includes(name), 'Belongs to the protocol and cannot be injected')

/** Adds an issue for each key whose normal form another one has too: a record would keep only the last of them. */
function refuseSameKeys(given: unknown, context: z.RefinementCtx, normalize: (key: string) => string): unknown {
  if (typeof given !== 'object' || given === null) return given
  const seen = new Map<string, string>()
  for (const key of Object.keys(given)) {
    const first = seen.get(normalize(key))
    if (first !== undefined)
      context.addIssue({ code: 'custom', path: [key], message: `Is given twice: "${first}" is the same` })
    seen.set(normalize(key), key)
  }
  return given
}

const headerValue = z
  .string()
  .min(1)
  .max(4_096)
  .regex(/^[!-~](?:[ -~]*[!-~])?$/, 'Must be printable ASCII without spaces at its ends')
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the place of a secret
  .refine((value) => !value.replace(SECRET_PLACE, '').includes('${'), 'Has "${" without the name of a secret and "}"')

/** Returns the normal form of a key of `inject`, and an invalid one as it is. */
const normalPlace = (text: string): string => injectedHost.safeParse(text).data ?? text

const injections = z
  .preprocess(
    (given, context) => refuseSameKeys(given, context, normalPlace),
    z.record(
      injectedHost,
      z.strictObject({
        headers: z
          .preprocess(
            (given, context) => refuseSameKeys(given, context, (name) => name.toLowerCase()),
            z.record(headerName, headerValue),
          )
          .refine((headers) => Object.keys(headers).length >= 1, 'Must have at least one header')
          .refine(
            (headers) => Object.keys(headers).length <= MAX_INJECTED_HEADERS,
            `Must have at most ${MAX_INJECTED_HEADERS} headers`,
          )
          // biome-ignore lint/suspicious/noTemplateCurlyInString: the place of a secret
          .describe('Values by name. `${NAME}` stands for the value of this secret of the project'),
      }),
    ),
  )
  .refine((hosts) => Object.keys(hosts).length <= MAX_INJECTED_HOSTS, `Must have at most ${MAX_INJECTED_HOSTS} hosts`)
  .meta({
    description:
      'Headers that the server adds to the requests of the program to a host, over https. The program does not know their values. The host must be in `allow`',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the place of a secret
    examples: [{ 'api.openai.com': { headers: { authorization: 'Bearer ${OPENAI_KEY}' } } }],
  })

const hostPatterns = z.array(hostPattern).max(MAX_HOST_PATTERNS)

/** Returns host and port of a key of `inject`. */
export function placeOf(text: string): { host: string; port: number } {
  const pattern = parseHostPattern(text)
  if ('problem' in pattern) throw new Error(`${text} is not a host`)
  return { host: pattern.host, port: pattern.port ?? DEFAULT_PORTS[0]! }
}

/** The hosts that a program can connect to, as a list or as an object. Null counts as absent. */
export const network = z
  .union([
    hostPatterns.transform((allow): { allow: string[]; inject?: z.output<typeof injections> } => ({ allow })),
    z
      .strictObject({
        allow: hostPatterns.describe(
          'Hosts: `api.example.com` or `*.example.com` at the ports 443 and 80, or with another port: `db.example.com:5432`',
        ),
        inject: injections.optional(),
      })
      .superRefine(({ allow, inject = {} }, context) => {
        for (const place of Object.keys(inject)) {
          const { host, port } = placeOf(place)
          if (!allows({ allow }, host, port))
            context.addIssue({
              code: 'custom',
              path: ['inject', place],
              message: `Is not in allow: add "${place}" there`,
            })
        }
      }),
  ])
  .nullish()
  .transform((policy) => policy ?? undefined)
  .meta({
    description:
      'Hosts that the program can connect to: a list of `host`, `*.host` and `host:port`, or `{allow, inject}` with this list. Null or absent: it has no network',
    examples: [['api.example.com', '*.example.org', 'db.example.com:5432']],
  })

export type NetworkConfig = NonNullable<z.infer<typeof network>>

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
    injected: z.boolean().describe('Whether the server added headers of `inject` to the requests of the connection'),
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
