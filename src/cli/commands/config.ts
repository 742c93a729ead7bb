import { Command } from 'commander'
import { describeConfig } from '../../config.ts'

export const config = new Command('config')
  .description('print the current settings, with secrets hidden')
  .option('--json', 'print JSON')
  .action((options: { json?: boolean }) => {
    const settings = describeConfig(process.env)
    if (options.json) {
      console.log(
        JSON.stringify(
          Object.fromEntries(settings.map(({ name, value, source }) => [name, { value, source }])),
          null,
          2,
        ),
      )
      return
    }
    for (const { name, value, source } of settings)
      console.log(`${name.padEnd(32)} ${value}${source === 'default' ? '  (default)' : ''}`)
  })
