import { createReadStream } from 'node:fs'
import { counted, iterable, megabytes, mustExist, writeWhole } from './files.ts'
import { ask, remote, type Session } from './remote.ts'

export const exportProject = remote('export', 'write a project to a file: all its rows, and the contents of its files')
  .argument('<file>', 'where to, - for standard output')
  .action(
    ask(async ({ zerodb, print }: Session, file: string) => {
      const { stream } = await zerodb.projects.export()
      if (file === '-') {
        for await (const chunk of iterable(stream))
          if (!process.stdout.write(chunk)) await new Promise((resolve) => process.stdout.once('drain', resolve))
        return
      }
      const bytes = await writeWhole(file, iterable(stream))
      print({ file, bytes }, () => `Exported to ${file}, ${megabytes(bytes)}`)
    }),
  )

export const importProject = remote('import', 'make a project of an exported file, with the ids that it had')
  .argument('<file>', 'as "zerodb export" has written it, - for standard input')
  .action(
    ask(async ({ zerodb, print }: Session, file: string) => {
      if (file !== '-') await mustExist(file)
      const content = file === '-' ? process.stdin : createReadStream(file)
      const made = await zerodb.projects.import({ content })
      const secrets = made.without_secret.map((name) => `It needs a secret: zerodb hooks rotate-secret ${name}`)
      print(made, () => [`Project ${made.project_id} "${made.name}": ${counted(made.counts)}`, ...secrets].join('\n'))
    }),
  )
