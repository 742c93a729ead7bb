// `npm start`: installs packages, builds, installs the sandbox if possible, and starts the program with the arguments given here.
// Steps that are up to date are skipped. The program runs in this process, so it gets the signals and sets the exit code.
import { fileURLToPath } from 'node:url'
import { provideBubblewrap } from './bubblewrap.mjs'
import { endWithNpm, prepare } from './install.mjs'

endWithNpm()
if (!(await prepare())) process.exit(1)
await provideBubblewrap()

const program = new URL('../dist/zerodb.js', import.meta.url)
process.argv = [process.execPath, fileURLToPath(program), 'start', ...process.argv.slice(2)]
await import(program.href)
