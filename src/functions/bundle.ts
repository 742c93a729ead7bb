import { ZeroError } from '../errors.ts'
import { spawnLimited } from '../platform/spawn-limited.ts'
import type { BundleAnswer, BundleJob, BundleProblem } from './bundle-worker.ts'

const TIMEOUT_SECONDS = 20
const LIMITS = { heapMb: 256, dataMb: 1024, cpuSeconds: 2 * TIMEOUT_SECONDS }
const MAX_PROBLEMS = 20

/**
 * Bundles TypeScript or JavaScript into one module, from the given files and `node:` modules only. Runs in a separate process with limits on
 * memory and time. Throws `validation_failed` with file, line and column of each error.
 */
export async function bundle(job: BundleJob): Promise<{ code: string; source_map: string; warnings: string[] }> {
  const answer = await answerTo(job)
  if ('problems' in answer) throw mistakes(answer.problems)
  return answer
}

function answerTo(job: BundleJob): Promise<BundleAnswer> {
  const child = spawnLimited('bundle', [], LIMITS)
  return new Promise((resolve, reject) => {
    let complaint = ''
    const refuse = (what: string) =>
      reject(new ZeroError('invalid', `Cannot bundle the files: ${what}`, { cause: new Error(complaint) }))
    const timer = setTimeout(() => {
      refuse(`it takes longer than ${TIMEOUT_SECONDS} seconds`)
      child.kill('SIGKILL')
    }, TIMEOUT_SECONDS * 1000)
    child.on('message', (message) => resolve(message as BundleAnswer))
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      complaint = (complaint + text).slice(-2000)
    })
    child.once('error', reject)
    child.once('close', (code, signal) => {
      clearTimeout(timer)
      refuse(`the bundler exited (${signal ?? `exit code ${code}`}), probably out of memory`)
    })
    child.stdin!.on('error', () => {})
    child.stdin!.end(JSON.stringify(job))
  })
}

/** Returns `validation_failed` with each error in the uploaded code and its location. */
export function mistakes(problems: readonly BundleProblem[]): ZeroError {
  const fields = problems.slice(0, MAX_PROBLEMS).map(({ message, file, line, column }) => ({
    type: 'syntax_error',
    loc: ['body', ...(file === null ? ['source'] : ['files', file])],
    msg: `${[file, line, column].filter((part) => part !== null).join(':')}${line === null && file === null ? '' : ': '}${message}`,
    ctx: { file, line, column },
  }))
  return new ZeroError('validation_failed', 'The code has errors', { fields })
}
