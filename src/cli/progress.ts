const WIDTH = 30

/** A bar that moves on a terminal, on standard error; nothing elsewhere. */
export function progress(label: string): { at(done: number, total: number): void; end(): void } {
  if (!process.stderr.isTTY) return { at() {}, end() {} }
  let length = 0
  const show = (text: string) => {
    process.stderr.write(`\r${text.padEnd(length)}`)
    length = text.length
  }
  return {
    at(done, total) {
      const full = Math.round((WIDTH * Math.min(done, total)) / Math.max(1, total))
      show(`[${'='.repeat(full)}${' '.repeat(WIDTH - full)}] ${done}/${total} ${label}`)
    },
    end() {
      show('')
      process.stderr.write('\r')
    },
  }
}
