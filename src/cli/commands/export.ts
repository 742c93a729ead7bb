import { createReadStream } from 'node:fs'
import { counting, formatCounts, iterable, LONG_TIMEOUT, megabytes, sizeOf, writeWithProgress } from '../lib/file-io.ts'
import { progress } from '../lib/progress.ts'
import { ask, remote, type Session } from '../lib/remote.ts'

export const exportProject = remote(
  'export',
  'write a project to a file, with all its rows and the contents of its files',
)
  .argument('<file>', 'path to write to, - for standard output')
  .action(
    ask(async ({ zerodb, json, print }: Session, file: string) => {
      const { stream } = await zerodb.projects.export({}, LONG_TIMEOUT)
      if (file === '-') {
        for await (const chunk of iterable(stream))
          if (!process.stdout.write(chunk)) await new Promise((resolve) => process.stdout.once('drain', resolve))
        return
      }
      const bytes = await writeWithProgress(file, iterable(stream), 'exported', json)
      print({ file, bytes }, () => `Exported to ${file}, ${megabytes(bytes)}`)
    }),
  )

export const importProject = remote('import', 'create a project from an exported file, with its original ids')
  .argument('<file>', 'file written by "zerodb export", - for standard input')
  .action(
    ask(
      async ({ zerodb, json, print }: Session, file: string) => {
        const size = file === '-' ? null : await sizeOf(file)
        const pieces = file === '-' ? process.stdin : createReadStream(file)
        const bar = progress('sent', { amount: megabytes, json })
        const content = counting(pieces, (bytes) => bar.at(bytes, size))
        const imported = await zerodb.projects.import({ content }).finally(bar.end)
        const { project_id, name, counts, without_secret } = imported
        const secrets = without_secret.map(
          (hook) => `The webhook ${hook} needs a new secret: zerodb hooks rotate-secret ${hook}`,
        )
        print(imported, () => [`Project ${project_id} "${name}": ${formatCounts(counts)}`, ...secrets].join('\n'))
      },
      { fetch: lazyFetchWithoutTimeout },
    ),
  )

/** Loads undici on the first call: loading takes longer than most commands run. */
async function lazyFetchWithoutTimeout(...request: Parameters<typeof fetch>): Promise<Response> {
  const { fetchWithoutTimeout } = await import('../lib/fetch-without-timeout.ts')
  return fetchWithoutTimeout(...request)
}
