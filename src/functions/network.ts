import type { App } from '../app.ts'
import { ZeroError } from '../errors.ts'
import { type InjectedHost, type NetworkPolicy, patternsBeyond } from '../platform/network-policy.ts'
import type { NetworkRequest } from '../sandbox/index.ts'
import {
  fillSecrets,
  MAX_RECORDED_REQUESTS,
  type NetworkConfig,
  placeOf,
  type RecordedRequest,
  secretsIn,
} from '../schema/network.ts'

export type NetworkSetting = App['config']['functionsNetwork']

const SETTING = 'ZERODB_FUNCTIONS_NETWORK'
/** No host name is longer. */
const MAX_HOST_CHARACTERS = 253
/** What the value of a header can have. */
const HEADER_TEXT = /^[ -~]*$/
const MAX_REASON_CHARACTERS = 1_000

/** Returns the hosts of a policy that the setting of this server does not allow. */
export function hostsBeyond(setting: NetworkSetting, policy: NetworkConfig | undefined): string[] {
  if (policy === undefined || setting === 'allow-list') return []
  return setting === 'off' ? [...policy.allow] : patternsBeyond(policy, setting)
}

/** Returns the part of a policy that the setting of this server allows, with the values of secrets; null for no network. */
export function boundedPolicy(
  setting: NetworkSetting,
  policy: NetworkConfig | undefined,
  secrets: Readonly<Record<string, string>>,
): NetworkPolicy | null {
  if (policy === undefined || setting === 'off') return null
  const beyond = hostsBeyond(setting, policy)
  const inject = Object.entries(policy.inject ?? {}).map(([place, { headers }]) =>
    injectedHost(place, headers, secrets),
  )
  return {
    allow: policy.allow.filter((host) => !beyond.includes(host)),
    ...(inject.length > 0 ? { inject } : {}),
  }
}

function injectedHost(
  place: string,
  headers: Readonly<Record<string, string>>,
  secrets: Readonly<Record<string, string>>,
): InjectedHost {
  const names = [...new Set(Object.values(headers).flatMap(secretsIn))]
  const known = names.filter((name) => Object.hasOwn(secrets, name))
  const missing = names.find((name) => !known.includes(name))
  const unfit = known.find((name) => !HEADER_TEXT.test(secrets[name]!))
  const problem =
    missing !== undefined
      ? `the secret ${missing}, which inject of this function needs for ${place}, is not set: set it, or change the config`
      : unfit !== undefined
        ? `the secret ${unfit} has characters that a header of ${place} cannot have: set it without line breaks and in ASCII`
        : null
  const fill = (value: string) => fillSecrets(value, (name) => secrets[name]!)
  return {
    ...placeOf(place),
    headers: problem === null ? mapValues(headers, fill) : {},
    secrets: Object.fromEntries(known.map((name) => [name, secrets[name]!])),
    problem,
  }
}

const mapValues = (record: Readonly<Record<string, string>>, change: (value: string) => string) =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value)]))

/** A header that the server adds to requests, and the secrets in its value. */
interface InjectedHeader {
  host: string
  header: string
  secrets: string[]
}

/** Returns the headers that a configuration injects. */
export function injectedHeaders(policy: NetworkConfig | undefined): InjectedHeader[] {
  return Object.entries(policy?.inject ?? {}).flatMap(([host, { headers }]) =>
    Object.entries(headers).map(([header, value]) => ({ host, header, secrets: secretsIn(value) })),
  )
}

/** Throws `validation_failed` if a secret of an injected header is not among `known`. */
export function checkSecrets(
  policy: NetworkConfig | undefined,
  known: Readonly<Record<string, unknown>>,
  loc: readonly string[],
): void {
  const fields = injectedHeaders(policy).flatMap(({ host, header, secrets }) =>
    secrets
      .filter((name) => !Object.hasOwn(known, name))
      .map((name) => ({
        type: 'value_error',
        loc: [...loc, 'inject', host, 'headers', header],
        msg: `The secret ${name} is not set: set it before, or use another name`,
        input: policy!.inject![host]!.headers[header]!,
      })),
  )
  if (fields.length > 0) throw new ZeroError('validation_failed', undefined, { fields })
}

/** Tells that the setting of this server does not allow these hosts. */
export function withheld(setting: NetworkSetting, hosts: readonly string[]): string {
  const names = hosts.map((host) => `"${host}"`).join(', ')
  return setting === 'off'
    ? `${SETTING} of this server is off, so no program has network: ${names} cannot be reached`
    : `${SETTING} of this server does not allow ${names}: name hosts that it allows, or ask its operator`
}

/** Throws `validation_failed` if the setting of this server does not allow a host of the policy, which is at `loc` in the request. */
export function checkPolicy(setting: NetworkSetting, policy: NetworkConfig | undefined, loc: readonly string[]): void {
  const fields = hostsBeyond(setting, policy).map((host) => ({
    type: 'value_error',
    loc: [...loc],
    msg: withheld(setting, [host]),
    input: host,
  }))
  if (fields.length > 0) throw new ZeroError('validation_failed', undefined, { fields })
}

/** The connections of one attempt or program, up to a limit. */
export interface RequestBook {
  readonly requests: RecordedRequest[]
  /** Returns the number of connections that exceeded the limit. */
  omitted(): number
  /** Returns whether the connection was kept. */
  add(request: RecordedRequest): boolean
}

export function createRequestBook(): RequestBook {
  const requests: RecordedRequest[] = []
  let omitted = 0
  return {
    requests,
    omitted: () => omitted,
    add(request) {
      const isKept = requests.length < MAX_RECORDED_REQUESTS
      if (isKept) requests.push(request)
      else omitted++
      return isKept
    },
  }
}

/** Counts a connection in the metrics, and returns the form that is stored and sent to clients. */
export function recordRequest(
  { clock, metrics }: Pick<App, 'clock' | 'metrics'>,
  { host, port, allowed, reason, bytes_sent, bytes_received, milliseconds, injected }: NetworkRequest,
  redact: (text: string) => string = (text) => text,
): RecordedRequest {
  metrics.networkRequests.inc({ outcome: allowed ? 'allowed' : 'refused' })
  if (allowed) {
    metrics.networkBytes.inc({ direction: 'sent' }, bytes_sent)
    metrics.networkBytes.inc({ direction: 'received' }, bytes_received)
  }
  return {
    at: new Date(clock.now() - milliseconds).toISOString(),
    host: storable(redact(host)).slice(0, MAX_HOST_CHARACTERS),
    port,
    allowed,
    reason: reason === null ? null : storable(redact(reason)).slice(0, MAX_REASON_CHARACTERS),
    bytes_sent,
    bytes_received,
    injected,
    duration_ms: Math.round(milliseconds * 1000) / 1000,
  }
}

const storable = (text: string) => text.replaceAll('\u0000', '\ufffd').toWellFormed()
