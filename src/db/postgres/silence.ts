import { Socket } from 'node:net'
import pg from 'pg'
import { unavailable } from './errors.ts'

/** Checks in a row without a byte from the server before it is probed, and before it counts as silent. */
const [PROBE_AFTER_CHECKS, SILENT_AFTER_CHECKS] = [3, 8]
const PROBE_TIMEOUT_CHECKS = SILENT_AFTER_CHECKS - PROBE_AFTER_CHECKS

/** Detects a silent server: its connections stay open, but nothing arrives on them. */
export interface SilenceWatch {
  /**
   * Returns a socket for a connection to the server. If the server falls silent, the socket is destroyed with `DatabaseUnavailable` and new
   * sockets fail to connect. To callers, a silent server looks like one that is down.
   */
  socket(): Socket
  /** Runs `work`, which waits for results over these sockets, and watches the server until it settles. */
  run<R>(work: () => Promise<R>): Promise<R>
  /** Resolves when all work passed to `run` has settled. */
  drained(): Promise<void>
  /** Ends the watch. Connections that are still open do not keep the process alive. */
  close(): void
}

/**
 * Watches the server of `connection`. A byte on any connection shows that the server is alive, however long a statement runs. After three checks
 * without a byte, `checkMs` apart, it is probed on a separate connection. Only a PostgreSQL message counts as an answer, an error included: a
 * machine that was just rebooted refuses connections and has lost the old ones. After eight checks the server is silent until a probe succeeds.
 * The watch counts checks, not time: a process that was itself suspended reads the buffered data first.
 */
export function watchSilence(connection: pg.ClientConfig, checkMs: number): SilenceWatch {
  /** Open sockets with the number of bytes each had read at the last check. */
  const sockets = new Map<Socket, number>()
  const pending = new Set<Promise<unknown>>()
  /** Checks in a row without a byte. */
  let silentChecks = 0
  let timer: NodeJS.Timeout | undefined
  let probing: Socket | undefined
  let closed = false

  const isSilent = () => silentChecks >= SILENT_AFTER_CHECKS
  const silentError = () => unavailable(new Error('The server is silent: it neither responds nor refuses connections'))

  function scheduleCheck(): void {
    if (!closed) timer ??= setTimeout(check, checkMs).unref()
  }

  function check(): void {
    timer = undefined
    silentChecks = hasReceived() ? 0 : silentChecks + 1
    if (silentChecks < PROBE_AFTER_CHECKS && pending.size === 0) {
      silentChecks = 0
      return
    }
    if (silentChecks >= PROBE_AFTER_CHECKS && !probing) void probe()
    if (silentChecks === SILENT_AFTER_CHECKS) for (const socket of sockets.keys()) socket.destroy(silentError())
    scheduleCheck()
  }

  function hasReceived(): boolean {
    let hasNewBytes = false
    for (const [socket, before] of sockets) {
      if (socket.bytesRead === before) continue
      sockets.set(socket, socket.bytesRead)
      hasNewBytes = true
    }
    return hasNewBytes
  }

  async function probe(): Promise<void> {
    const socket = new Socket().unref()
    probing = socket
    const timeoutMs = PROBE_TIMEOUT_CHECKS * checkMs
    const timeouts = { connectionTimeoutMillis: timeoutMs, query_timeout: timeoutMs }
    const client = new pg.Client({ ...connection, ...timeouts, stream: () => socket })
    client.on('error', () => undefined)
    try {
      await client.connect()
      await client.query('select 1')
      silentChecks = 0
      void client.end()
    } catch (error) {
      if (error instanceof pg.DatabaseError) silentChecks = 0
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
          process.nextTick(() => socket.destroy(silentError()))
          return socket
        }
      }
      return socket
    },
    async run(work) {
      scheduleCheck()
      const working = work()
      pending.add(working)
      try {
        return await working
      } finally {
        pending.delete(working)
      }
    },
    async drained() {
      await Promise.allSettled(pending)
    },
    close() {
      closed = true
      clearTimeout(timer)
      probing?.destroy()
      for (const socket of sockets.keys()) socket.unref()
    },
  }
}
