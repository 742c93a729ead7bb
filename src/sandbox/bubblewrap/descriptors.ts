import { openSync, readdirSync, readFileSync } from 'node:fs'

const CLOSE_ON_EXEC = 0o2000000

/**
 * Descriptors of this process that a program started by it would inherit, besides the first three: what our own starter has left open. Node
 * marks what it opens itself, and bubblewrap passes on whatever it gets.
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
      // The one that the listing itself has used.
    }
  }
  return leaked
}

/** `stdio` with /dev/null in the place of every leaked descriptor: nothing else closes them on the way. */
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
