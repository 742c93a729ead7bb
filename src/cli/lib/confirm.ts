import { confirm, isCancel } from '@clack/prompts'
import { UsageError } from './failure.ts'

/** Asks before something is done that cannot be undone, on a terminal. Elsewhere nobody can answer: `--yes` must have said so. */
export async function confirmed(question: string, yes: boolean | undefined): Promise<boolean> {
  if (yes) return true
  if (!process.stdin.isTTY || !process.stdout.isTTY || process.env['CI'])
    throw new UsageError(`${question} Nobody can be asked here: add --yes`)
  const answer = await confirm({ message: question, initialValue: false })
  return !isCancel(answer) && answer
}
