// `node scripts/run.mjs FILE.ts [arguments]`: runs a TypeScript file of the repository as it stands, with everything
// installed and dist/ built (worker threads, migrations). Passes on the arguments, the signals and the exit code.
import { endWithNpm, prepare, run } from './install.mjs'

const [file, ...args] = process.argv.slice(2)
if (!file) {
  console.error('Which file? node scripts/run.mjs FILE.ts [arguments]')
  process.exit(2)
}
endWithNpm()
if (!(await prepare())) process.exit(1)
// In a process of its own, so that whatever it forks understands TypeScript too.
const { code } = await run(process.execPath, ['--import', import.meta.resolve('tsx'), file, ...args])
process.exit(code)
