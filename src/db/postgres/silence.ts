import { Socket } from 'node:net'
import pg from 'pg'
import { unavailable } from './errors.ts'

/** Looks in a row that find no byte from the server before it is asked whether it is there, and before it is taken for silent. */
const [DOUBT_LOOKS, SILENT_LOOKS] = [3, 8]
const PROBE_LOOKS = SILENT_LOOKS - DOUBT_LOOKS

/** What knows whether a server has fallen silent: its connections stay open, and nobody answers. */
export interface SilenceWatch {
  /**
   * A socket for a connection to the server. It is destroyed with `DatabaseAway` when the server falls silent, and does not even try to
   * connect while it is: for whoever uses it, a silent server is one that has broken all connections and refuses others.
   */
  socket(): Socket
  /** Does `work`, which waits for answers over such sockets. The server is watched meanwhile. */
  ask<R>(work: () => Promise<R>): Promise<R>
  /** Resolves when nothing that has been asked is unanswered. */
  settled(): Promise<void>
  /** Ends the watch. What is left of connections keeps the process from ending no more. */
  close(): void
}

/**
 * Watches the server that `connection` leads to. A byte on any connection shows that it lives, however long a statement runs. When none has
 * come for three looks, each `lookMs` after the one before, it is asked on a connection of its own. Only its own word counts, also when it
 * says no: a machine that has just started again refuses, and knows nothing of the connections it had. After eight looks it is silent, until
 * it answers such a question. Looks are counted, not time: a process that was itself stopped learns first what has come meanwhile.
 */
export function watchSilence(connection: pg.ClientConfig, lookMs: number): SilenceWatch {
  /** With the bytes that the last look found to have come. */
  const sockets = new Map<Socket, number>()
  const asked = new Set<Promise<unknown>>()
  /** Looks in a row without a word. */
  let quiet = 0
  let timer: NodeJS.Timeout | undefined
  let probing: Socket | undefined
  let closed = false

  const isSilent = () => quiet >= SILENT_LOOKS
  const silence = () => unavailable(new Error('The server is silent: it neither answers nor refuses'))

  function lookSoon(): void {
    if (!closed) timer ??= setTimeout(look, lookMs).unref()
  }

  function look(): void {
    timer = undefined
    quiet = hasSpoken() ? 0 : quiet + 1
    if (quiet < DOUBT_LOOKS && asked.size === 0) {
      quiet = 0
      return
    }
    if (quiet >= DOUBT_LOOKS && !probing) void probe()
    if (quiet === SILENT_LOOKS) for (const socket of sockets.keys()) socket.destroy(silence())
    lookSoon()
  }

  function hasSpoken(): boolean {
    let any = false
    for (const [socket, before] of sockets) {
      if (socket.bytesRead === before) continue
      sockets.set(socket, socket.bytesRead)
      any = true
    }
    return any
  }

  async function probe(): Promise<void> {
    const socket = new Socket().unref()
    probing = socket
    const limit = { connectionTimeoutMillis: PROBE_LOOKS * lookMs, query_timeout: PROBE_LOOKS * lookMs }
    const client = new pg.Client({ ...connection, ...limit, stream: () => socket })
    client.on('error', () => undefined)
    try {
      await client.connect()
      await client.query('select 1')
      quiet = 0
      void client.end()
    } catch (error) {
      if (error instanceof pg.DatabaseError) quiet = 0
      socket.destroy()
    } finally {
      probing = undefined
    }
  }

  return {
    socket() {
      const socket = new Socket()
      sockets.set(socket, 0)
      socket.once('close', () => sockets.delete(socket))
      if (isSilent()) {
        socket.connect = () => {
          process.nextTick(() => socket.destroy(silence()))
          return socket
        }
      }
      return socket
    },
    async ask(work) {
      lookSoon()
      const answering = work()
      asked.add(answering)
      try {
        return await answering
      } finally {
        asked.delete(answering)
      }
    },
    async settled() {
      await Promise.allSettled(asked)
    },
    close() {
      closed = true
      clearTimeout(timer)
      probing?.destroy()
      for (const socket of sockets.keys()) socket.unref()
    },
  }
}
