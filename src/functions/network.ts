import type { App } from '../app.ts'
import { ZeroError } from '../errors.ts'
import { type NetworkPolicy, patternsBeyond } from '../platform/network-policy.ts'
import type { NetworkRequest } from '../sandbox/index.ts'
import { MAX_RECORDED_REQUESTS, type RecordedRequest } from '../schema/network.ts'

export type NetworkSetting = App['config']['functionsNetwork']

const SETTING = 'ZERODB_FUNCTIONS_NETWORK'
/** No host name is longer. */
const MAX_HOST_CHARACTERS = 253
const MAX_REASON_CHARACTERS = 1_000

/** Returns the hosts of a policy that the setting of this server does not allow. */
export function hostsBeyond(setting: NetworkSetting, policy: NetworkPolicy | undefined): string[] {
  if (policy === undefined || setting === 'allow-list') return []
  return setting === 'off' ? [...policy.allow] : patternsBeyond(policy, setting)
}

/** Returns the part of a policy that the setting of this server allows; null for no network. */
export function boundedPolicy(setting: NetworkSetting, policy: NetworkPolicy | undefined): NetworkPolicy | null {
  if (policy === undefined || setting === 'off') return null
  const beyond = hostsBeyond(setting, policy)
  return { allow: policy.allow.filter((host) => !beyond.includes(host)) }
}

/** Tells that the setting of this server does not allow these hosts. */
export function withheld(setting: NetworkSetting, hosts: readonly string[]): string {
  const names = hosts.map((host) => `"${host}"`).join(', ')
  return setting === 'off'
    ? `${SETTING} of this server is off, so no program has network: ${names} cannot be reached`
    : `${SETTING} of this server does not allow ${names}: name hosts that it allows, or ask its operator`
}

/** Throws `validation_failed` if the setting of this server does not allow a host of the policy, which is at `loc` in the request. */
export function checkPolicy(setting: NetworkSetting, policy: NetworkPolicy | undefined, loc: readonly string[]): void {
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
  { host, port, allowed, reason, bytes_sent, bytes_received, milliseconds }: NetworkRequest,
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
    duration_ms: Math.round(milliseconds * 1000) / 1000,
  }
}

const storable = (text: string) => text.replaceAll('\u0000', '\ufffd').toWellFormed()
