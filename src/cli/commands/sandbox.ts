import { readFileSync } from 'node:fs'
import type { SandboxExecuteInput } from '../../client/index.ts'
import { stringifyJson } from '../../exact-json.ts'
import { UsageError } from '../lib/failure.ts'
import { note } from '../lib/output.ts'
import { number, object } from '../lib/parse-options.ts'
import { ask, remote, type Session } from '../lib/remote.ts'
import { group, inputOf } from '../lib/verb.ts'

const execute = remote('execute', 'run a program in a new sandbox and print its output and result')
  .argument('<language>', 'python or javascript')
  .argument('<file>', 'file with the program, - for standard input')
  .option('--stdin <text>', 'standard input of the program')
  .option('--env <json>', 'environment variables, e.g. {"LANG": "en"}', object)
  .option('--timeout-seconds <n>', 'maximum number of seconds; 30 if not given', number)
  .action(
    ask(async ({ zerodb, json, print }: Session, language: string, file: string, options: Record<string, unknown>) => {
      const input = { language, code: readProgram(file), ...inputOf(options) } as SandboxExecuteInput
      const ended = await zerodb.sandbox.execute(input)
      if (ended.status !== 'ok') process.exitCode = 1
      if (!json && ended.stderr !== '') note(ended.stderr.trimEnd())
      if (!json && ended.error !== null) note(ended.error.stack ?? `${ended.error.name}: ${ended.error.message}`)
      else if (!json && ended.status !== 'ok') note(`The program ended with status ${ended.status}`)
      const result = ended.result === null ? [] : [stringifyJson(ended.result, 2)]
      print(ended, () => [...(ended.stdout === '' ? [] : [ended.stdout.trimEnd()]), ...result].join('\n'))
    }),
  )

function readProgram(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8')
  } catch (error) {
    throw new UsageError(`${file} cannot be read: ${(error as Error).message}`)
  }
}

export const sandbox = group('sandbox', 'programs that run once', [execute])
