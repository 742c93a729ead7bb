import { openSync, readdirSync, readFileSync } from 'node:fs'

const CLOSE_ON_EXEC = 0o2000000

/**
 * Returns the descriptors above 2 that child processes would inherit. Node marks its own as close-on-exec, so these come from the parent of this
 * process; bubblewrap would pass them on.
 */
export function leakedDescriptors(): number[] {
  const leaked: number[] = []
  for (const name of readdirSync('/proc/self/fdinfo')) {
    const number = Number(name)
    if (number < 3) continue
    try {
      const flags = /^flags:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${name}`, 'utf8'))?.[1] ?? '0'
      if ((Number.parseInt(flags, 8) & CLOSE_ON_EXEC) === 0) leaked.push(number)
    } catch {
      // The descriptor of the directory listing itself is closed again.
    }
  }
  return leaked
}

/** Returns `stdio` with /dev/null in place of each leaked descriptor: nothing else would close them. */
export function withoutLeaks(stdio: readonly (string | number)[], leaked: readonly number[]): (string | number)[] {
  const covered = [...stdio]
  for (const number of leaked) {
    while (covered.length <= number) covered.push('ignore')
    if (number >= stdio.length) covered[number] = devNull()
  }
  return covered
}

let opened: number | undefined
function devNull(): number {
  opened ??= openSync('/dev/null', 'r+')
  return opened
}
