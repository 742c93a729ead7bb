const ROUNDS_PER_VACUUM = 10

/** Runs CHECKPOINT every `seconds`, with VACUUM every tenth time, by `exec`: PGlite has no background processes. */
export function startMaintenance(exec: (script: string) => Promise<void>, seconds: number): NodeJS.Timeout {
  let round = 0
  async function maintain(): Promise<void> {
    // Two scripts: VACUUM cannot run inside a transaction, and one script is one transaction.
    if (++round % ROUNDS_PER_VACUUM === 0) await exec('vacuum (analyze)')
    await exec('checkpoint')
  }
  // Errors are ignored: a broken database also fails the next statement of a caller.
  return setInterval(() => void maintain().catch(() => undefined), seconds * 1000).unref()
}
