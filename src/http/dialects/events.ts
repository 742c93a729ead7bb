const TRUE = /^(true|1|yes|on)$/i
const FALSE = /^(false|0|no|off)?$/i

/**
 * Returns the canonical path and query of a request that lists events in another form: with `after` it polls, with `consume=true` it takes
 * events, with `count_only=true` it counts. `array` selects the form of the response and not the operation.
 */
export function rewriteEventsQuery(
  path: string,
  query: string | undefined,
): { path: string; query: string | undefined } {
  if (query === undefined) return { path, query }
  const rest: string[] = []
  const switches = new Map<string, boolean>()
  let isPoll = false
  for (const part of query.split('&')) {
    const [name = '', value = ''] = part.split('=')
    // Any other value stays, and is rejected as an unknown parameter.
    const isSwitch = ['consume', 'count_only', 'array'].includes(name) && (TRUE.test(value) || FALSE.test(value))
    if (isSwitch) switches.set(name, TRUE.test(value))
    else rest.push(part)
    if (name === 'after') isPoll = true
  }
  const verb = switches.get('count_only') ? '/count' : switches.get('consume') ? '/consume' : isPoll ? '/poll' : ''
  return { path: `${path}${verb}`, query: rest.join('&') }
}

/** Operations whose response is an object with a list, for clients that read only the list. */
const LISTS: Readonly<Record<string, string>> = {
  'events.list': 'events',
  'events.poll': 'events',
  'events.consume': 'events',
  'vectors.list': 'vectors',
  'memory.search': 'results',
}

/** Clients of these paths read bare arrays. */
const BARE_PATHS = /^\/(?:api\/)?v1\/public\/projects\//

/** Returns the field of the response that is sent in its place, as a bare array; undefined for the whole response. `url` is as the client sent it. */
export function bareListOf(operation: string, url: string): string | undefined {
  const list = LISTS[operation]
  if (list === undefined) return undefined
  const [path = '', query = ''] = url.split('?')
  const isPoll = operation === 'events.poll' && !/\/events\/poll\/*$/.test(path)
  const isAsked = query.split('&').some((part) => part.startsWith('array=') && TRUE.test(part.slice('array='.length)))
  return isPoll || isAsked || BARE_PATHS.test(path) ? list : undefined
}
