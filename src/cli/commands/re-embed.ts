import { progress } from '../lib/progress.ts'
import { ask, remote, type Session } from '../lib/remote.ts'

export const reembed = remote(
  're-embed',
  'convert stored embeddings to the configured model; searches use the old ones until all are converted',
).action(
  ask(async ({ zerodb, server, json, print }: Session) => {
    for await (const { id, name } of zerodb.projects.list()) {
      if (server.projectId !== undefined && id !== server.projectId) continue
      const bar = progress(`texts of ${name}`, { json })
      let converted = 0
      for (;;) {
        const step = await zerodb.embeddings.re_embed({ project_id: id })
        converted += step.converted
        bar.at(converted, converted + step.left)
        if (step.left > 0) continue
        bar.end()
        print(
          { project_id: id, converted, switched: step.switched, model: step.model },
          () => `${name}: ${step.switched} embeddings now use ${step.model}`,
        )
        break
      }
    }
  }),
)
