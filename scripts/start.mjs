// `npm start`: installs what running needs, builds, sees to the sandbox, and starts the program with the arguments given here.
// What is up to date is skipped. The program runs in this very process, so signals and the exit code are its own.
import { fileURLToPath } from 'node:url'
import { provideBubblewrap } from './bubblewrap.mjs'
import { endWithNpm, prepare } from './install.mjs'

endWithNpm()
if (!(await prepare())) process.exit(1)
await provideBubblewrap()

const program = new URL('../dist/zerodb.js', import.meta.url)
process.argv = [process.execPath, fileURLToPath(program), 'start', ...process.argv.slice(2)]
await import(program.href)
