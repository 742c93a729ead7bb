/** Calls `check` often enough to notice soon that a limit of `limitSeconds` is exceeded. The timer does not keep the process running. */
export function startWatchdog(limitSeconds: number, check: () => void): NodeJS.Timeout {
  return setInterval(check, Math.min(250, limitSeconds * 250)).unref()
}
