import { hostname, networkInterfaces } from 'node:os'
import { z } from 'zod'
import type { App } from '../../app.ts'
import { selfTriggerOf } from '../../functions/self-trigger.ts'
import { handlerOf } from '../../handlers/index.ts'
import type { EventName } from '../../schema/events.ts'
import type { Hook } from '../../schema/hook.ts'
import { nearestName, suggestName } from '../../schema/nearest-name.ts'

/** Returns warnings about valid configurations that are probably mistakes. */
export async function warningsOf(app: App, hook: Hook): Promise<{ warnings?: string[] }> {
  const warning = hook.hook_type === 'webhook' ? webhookWarning(app, hook) : await functionWarning(app, hook)
  const warnings = [...configWarnings(hook), ...(warning === null ? [] : [warning])]
  return warnings.length === 0 ? {} : { warnings }
}

/** Returns warnings about unknown keys that resemble a key of the handler and are probably misspelled. */
function configWarnings({ hook_name, hook_type, hook_config }: Hook): string[] {
  const config = hook_type === 'function' ? undefined : handlerOf(hook_name)?.config
  if (!(config instanceof z.ZodObject)) return []
  const known = Object.keys(config.shape)
  return Object.keys(hook_config)
    .filter((name) => !known.includes(name) && nearestName(name, known) !== undefined)
    .map((name) => `hook_config.${name} means nothing to ${hook_name}${suggestName(name, known)}`)
}

function webhookWarning(app: App, { hook_config }: Hook): string | null {
  if (!isThisServer(app, new URL(String(hook_config['url'])))) return null
  return 'The url is this server itself: what this hook writes here may fire it again. A chain of such writes is ended at ZERODB_MAX_DEPTH only if they carry the header x-zerodb-chain on'
}

async function functionWarning(app: App, { function_id, event_type, filter }: Hook): Promise<string | null> {
  const fn = function_id ? await app.functions.byId(function_id) : null
  return fn && selfTriggerOf(fn.program.files, event_type as EventName, filter !== undefined)
}

function isThisServer({ config }: App, url: URL): boolean {
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80))
  const host = url.hostname.replace(/^\[|\]$|\.$/g, '')
  if (port !== config.port) return false
  const everywhere = config.host === '0.0.0.0' || config.host === '::'
  const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses?.map(({ address }) => address) ?? [])
  return (
    host === config.host.toLowerCase() ||
    /^(.*\.)?localhost$|^127\.|^::1$|^0\.0\.0\.0$|^::$/.test(host) ||
    (everywhere && [...own, hostname().toLowerCase()].includes(host))
  )
}
