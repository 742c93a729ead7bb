import { report } from './lib/failure.ts'
import { program } from './program.ts'

// Whoever reads no more (a pager that is closed, head) wants no more.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit()
})
program.parseAsync().catch((error) => {
  process.exitCode = report(error, process.argv.includes('--json'))
  // A thread that is still up must not keep a failed command alive.
  setTimeout(() => process.exit(), 500).unref()
})
