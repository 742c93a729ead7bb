/** One Ctrl-C may arrive twice, from the terminal and from npm: so soon after the first, a signal is no second wish. */
const ECHO_MS = 1_000

/** Resolves with the first signal to stop; a later one ends the process at once. */
export function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let asked: number | undefined
    const ask = (signal: NodeJS.Signals) => {
      if (asked !== undefined && performance.now() - asked > ECHO_MS) process.exit(130)
      asked ??= performance.now()
      resolve(signal)
    }
    process.on('SIGINT', ask)
    process.on('SIGTERM', ask)
  })
}
