import { Command } from 'commander'
import { z } from 'zod'
import { reembedResult } from '../schema/reembed.ts'
import { findServer } from './server.ts'

const projects = z.array(z.object({ id: z.string(), name: z.string() }))

export const reembed = new Command('re-embed')
  .description('convert stored embeddings to the configured model; searches use the old ones until all are converted')
  .option('--project <id>', 'only this project')
  .option('--json', 'print JSON, a line a project')
  .action(async (options: { project?: string; json?: boolean }) => {
    const ask = await findServer()
    const all = projects.parse(await ask('GET', '/api/v1/projects?limit=1000'))
    for (const { id, name } of options.project ? all.filter((project) => project.id === options.project) : all) {
      let converted = 0
      for (;;) {
        const step = reembedResult.parse(await ask('POST', `/api/v1/projects/${id}/database/embeddings/re-embed`, {}))
        converted += step.converted
        if (process.stdout.isTTY && !options.json) process.stdout.write(`\r${bar(converted, step.left)} ${name}`)
        if (step.left > 0) continue
        if (options.json)
          console.log(JSON.stringify({ project_id: id, converted, switched: step.switched, model: step.model }))
        else
          console.log(
            `${process.stdout.isTTY ? '\r' : ''}${name}: ${step.switched} embeddings are now by ${step.model}`,
          )
        break
      }
    }
  })

function bar(done: number, left: number): string {
  const width = 30
  const full = Math.round((width * done) / Math.max(1, done + left))
  return `[${'='.repeat(full)}${' '.repeat(width - full)}] ${done}/${done + left}`
}
