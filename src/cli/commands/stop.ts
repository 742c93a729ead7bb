/** One Ctrl-C can arrive twice, from the terminal and from npm: a second signal within this time is ignored. */
const DUPLICATE_MS = 1_000

/** Resolves with the first signal to stop. A later signal ends the process immediately. */
export function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let asked: number | undefined
    const ask = (signal: NodeJS.Signals) => {
      if (asked !== undefined && performance.now() - asked > DUPLICATE_MS) process.exit(130)
      asked ??= performance.now()
      resolve(signal)
    }
    process.on('SIGINT', ask)
    process.on('SIGTERM', ask)
  })
}
