// `node scripts/run.mjs FILE.ts [arguments]`: installs packages, builds dist/ (worker threads, migrations), and runs a TypeScript
// file of the repository without compiling it first. Forwards the arguments, the signals and the exit code.
import { endWithNpm, prepare, run } from './install.mjs'

const [file, ...args] = process.argv.slice(2)
if (!file) {
  console.error('usage: node scripts/run.mjs FILE.ts [arguments]')
  process.exit(2)
}
endWithNpm()
if (!(await prepare())) process.exit(1)
// In a separate process with tsx, so that processes that the file forks can run TypeScript too.
const { code } = await run(process.execPath, ['--import', import.meta.resolve('tsx'), file, ...args])
process.exit(code)
