import { report } from './lib/failure.ts'
import { program } from './program.ts'

// The reader of the output, such as a pager or head, has closed the pipe.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit()
})
program.parseAsync().catch((error) => {
  process.exitCode = report(error, process.argv.includes('--json'))
  // A worker thread that is still running must not keep a failed command alive.
  setTimeout(() => process.exit(), 500).unref()
})
