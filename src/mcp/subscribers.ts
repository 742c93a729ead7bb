import { ZeroError } from '../errors.ts'

/** Maximum number of subscriptions in this process. */
const MAX_SUBSCRIBERS = 10_000
/** Changes within this time after a notification are sent as one. */
const COALESCE_MS = 100

interface Scope {
  user_id: string
  project_id: string
}

/** The clients that subscribe to changes of the tools of a project. */
export interface Subscribers {
  /** Throws `rate_limited` if the process or the user has reached its limit. */
  checkLimits(userId: string): void
  /** Calls `listener` after each change from now on. Returns the function that ends the subscription. */
  add(scope: Scope, listener: () => void): () => void
  /** Notifies the subscribers of this project, or of all projects if null. */
  notify(projectId: string | null): void
}

/** Creates the registry of subscribers; `maxPerUser` limits the subscriptions of one user. */
export function createSubscribers(maxPerUser: number): Subscribers {
  const listenersByProject = new Map<string, Set<() => void>>()
  const countByUser = new Map<string, number>()
  /** Projects within COALESCE_MS after a notification, and whether another change happened since. */
  const recent = new Map<string, { hasMore: boolean }>()
  let count = 0

  function notifyNow(projectId: string): void {
    const state = { hasMore: false }
    recent.set(projectId, state)
    setTimeout(() => {
      recent.delete(projectId)
      if (state.hasMore) notifyNow(projectId)
    }, COALESCE_MS).unref()
    for (const listener of listenersByProject.get(projectId) ?? []) listener()
  }

  return {
    checkLimits(userId) {
      if (count >= MAX_SUBSCRIBERS)
        throw new ZeroError(
          'rate_limited',
          `Subscription limit reached: ${MAX_SUBSCRIBERS} clients of this server listen for tool changes`,
          { retryAfter: 60 },
        )
      if ((countByUser.get(userId) ?? 0) >= maxPerUser)
        throw new ZeroError(
          'rate_limited',
          `Subscription limit reached: ${maxPerUser} clients of this user listen for tool changes (ZERODB_QUOTA_MCP_LISTENERS)`,
          { retryAfter: 60 },
        )
    },
    add({ user_id, project_id }, listener) {
      const listeners = listenersByProject.get(project_id) ?? new Set()
      listenersByProject.set(project_id, listeners.add(listener))
      countByUser.set(user_id, (countByUser.get(user_id) ?? 0) + 1)
      count++
      return () => {
        if (!listeners.delete(listener)) return
        count--
        const left = countByUser.get(user_id)! - 1
        if (left > 0) countByUser.set(user_id, left)
        else countByUser.delete(user_id)
        if (listeners.size === 0 && listenersByProject.get(project_id) === listeners)
          listenersByProject.delete(project_id)
      }
    },
    notify(projectId) {
      for (const each of projectId === null ? listenersByProject.keys() : [projectId]) {
        const state = recent.get(each)
        if (state) state.hasMore = true
        else if (listenersByProject.has(each)) notifyNow(each)
      }
    },
  }
}
