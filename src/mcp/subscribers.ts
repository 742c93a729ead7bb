import { ZeroError } from '../errors.ts'

/** Connections of this process that listen for changes. */
const MAX_LISTENERS = 10_000
/** Word of further changes within this time comes as one. */
const COALESCE_MS = 100

interface Seat {
  user_id: string
  project_id: string
}

/** The clients that want to hear when the tools of their project change. */
export interface Subscribers {
  /** Throws `rate_limited` when there is no room for one more. */
  checkRoom(userId: string): void
  /** Calls `listener` after each change from now on, until the answer is called. */
  join(seat: Seat, listener: () => void): () => void
  /** Of this project; null: of any. */
  changed(projectId: string | null): void
}

/** `maxOfUser`: connections of one user at once. */
export function createSubscribers(maxOfUser: number): Subscribers {
  const rooms = new Map<string, Set<() => void>>()
  const users = new Map<string, number>()
  /** Projects of which word has gone out just now, and whether there is more to tell. */
  const told = new Map<string, { more: boolean }>()
  let seats = 0

  function tell(projectId: string): void {
    const state = { more: false }
    told.set(projectId, state)
    setTimeout(() => {
      told.delete(projectId)
      if (state.more) tell(projectId)
    }, COALESCE_MS).unref()
    for (const listener of rooms.get(projectId) ?? []) listener()
  }

  return {
    checkRoom(userId) {
      if (seats >= MAX_LISTENERS)
        throw new ZeroError('rate_limited', 'Too many clients listen for changes of tools', { retryAfter: 60 })
      if ((users.get(userId) ?? 0) >= maxOfUser)
        throw new ZeroError(
          'rate_limited',
          `This user has ${maxOfUser} clients that listen for changes of tools, as many as it may (ZERODB_QUOTA_MCP_LISTENERS)`,
          { retryAfter: 60 },
        )
    },
    join({ user_id, project_id }, listener) {
      const room = rooms.get(project_id) ?? new Set()
      rooms.set(project_id, room.add(listener))
      users.set(user_id, (users.get(user_id) ?? 0) + 1)
      seats++
      return () => {
        if (!room.delete(listener)) return
        seats--
        const left = users.get(user_id)! - 1
        if (left > 0) users.set(user_id, left)
        else users.delete(user_id)
        if (room.size === 0 && rooms.get(project_id) === room) rooms.delete(project_id)
      }
    },
    changed(projectId) {
      for (const each of projectId === null ? rooms.keys() : [projectId]) {
        const recently = told.get(each)
        if (recently) recently.more = true
        else if (rooms.has(each)) tell(each)
      }
    },
  }
}
