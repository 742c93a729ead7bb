import { createReadStream } from 'node:fs'
import { progress } from '../lib/progress.ts'
import { ask, remote, type Session } from '../lib/remote.ts'
import { counted, counting, iterable, megabytes, PATIENTLY, sizeOf, writeShown } from './files.ts'

export const exportProject = remote('export', 'write a project to a file: all its rows, and the contents of its files')
  .argument('<file>', 'where to, - for standard output')
  .action(
    ask(async ({ zerodb, json, print }: Session, file: string) => {
      const { stream } = await zerodb.projects.export({}, PATIENTLY)
      if (file === '-') {
        for await (const chunk of iterable(stream))
          if (!process.stdout.write(chunk)) await new Promise((resolve) => process.stdout.once('drain', resolve))
        return
      }
      const bytes = await writeShown(file, iterable(stream), 'exported', json)
      print({ file, bytes }, () => `Exported to ${file}, ${megabytes(bytes)}`)
    }),
  )

export const importProject = remote('import', 'make a project of an exported file, with the ids that it had')
  .argument('<file>', 'as "zerodb export" has written it, - for standard input')
  .action(
    ask(
      async ({ zerodb, json, print }: Session, file: string) => {
        const size = file === '-' ? null : await sizeOf(file)
        const pieces = file === '-' ? process.stdin : createReadStream(file)
        const bar = progress('sent', { amount: megabytes, json })
        const content = counting(pieces, (bytes) => bar.at(bytes, size))
        const made = await zerodb.projects.import({ content }).finally(bar.end)
        const secrets = made.without_secret.map((name) => `It needs a secret: zerodb hooks rotate-secret ${name}`)
        print(made, () => [`Project ${made.project_id} "${made.name}": ${counted(made.counts)}`, ...secrets].join('\n'))
      },
      { fetch: patiently },
    ),
  )

/** Loaded by who needs it: it takes longer than most commands do. */
async function patiently(...request: Parameters<typeof fetch>): Promise<Response> {
  const { fetchWithoutTimeout } = await import('../lib/fetch-without-timeout.ts')
  return fetchWithoutTimeout(...request)
}
