import { confirm, isCancel } from '@clack/prompts'
import { UsageError } from './failure.ts'

/** Asks on a terminal for confirmation of an irreversible action. Without a terminal, throws `UsageError` unless `yes` is set. */
export async function confirmed(question: string, yes: boolean | undefined): Promise<boolean> {
  if (yes) return true
  if (!process.stdin.isTTY || !process.stdout.isTTY || process.env['CI'])
    throw new UsageError(`${question} There is no terminal to ask on: add --yes to confirm`)
  const answer = await confirm({ message: question, initialValue: false })
  return !isCancel(answer) && answer
}
