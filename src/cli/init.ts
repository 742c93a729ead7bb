import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { Command } from 'commander'
import pc from 'picocolors'
import { UsageError } from './failure.ts'
import { print } from './output.ts'
import { TEMPLATES } from './templates.ts'

export const init = new Command('init')
  .description('make a project that runs: functions, and what to type next')
  .argument('[folder]', 'where; here if not said', '.')
  .option('--template <name>', `one of ${Object.keys(TEMPLATES).join(', ')}`, 'typescript')
  .option('--json', 'print JSON')
  .action(async (folder: string, { template, json }: { template: string; json?: boolean }) => {
    const files = TEMPLATES[template]
    if (!files)
      throw new UsageError(`There is no template "${template}": take one of ${Object.keys(TEMPLATES).join(', ')}`)
    const place = resolve(folder)
    const written: string[] = []
    for (const [path, text] of Object.entries(files)) {
      const file = join(place, path)
      // What is there is somebody's work.
      if (existsSync(file)) continue
      await mkdir(dirname(file), { recursive: true })
      await writeFile(file, text.replaceAll('{{name}}', basename(place)))
      written.push(path)
    }
    if (json) return print(JSON.stringify({ folder: place, written }))
    const there = relative('.', place)
    print(
      [...written.map((path) => `${pc.green('+')} ${path}`), written.length === 0 ? 'All files are there already' : '']
        .filter(Boolean)
        .join('\n'),
    )
    const steps = [
      there === '' ? null : `cd ${there}`,
      'zerodb start          # in a terminal of its own',
      'zerodb dev',
      'zerodb invoke hello -d \'{"name": "Maria"}\'',
    ]
    print(
      `\nNext:\n${steps
        .filter(Boolean)
        .map((step) => `  ${step}`)
        .join('\n')}`,
    )
  })
