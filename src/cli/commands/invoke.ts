import { stringifyJson } from '../../exact-json.ts'
import { findFunction } from '../lib/find.ts'
import { json } from '../lib/parse-options.ts'
import { ask, remote } from '../lib/remote.ts'

export const invoke = remote('invoke', 'call a function and print its result')
  .argument('<name>')
  .option('-d, --data <json>', 'payload, @file or - for standard input', json)
  .option('--async', 'queue a durable run and do not wait for the result')
  .action(
    ask(
      async ({ zerodb, server, print }, given: string, { data, async: later }: { data?: unknown; async?: boolean }) => {
        const name = await findFunction(zerodb, server.projectId, given)
        const done = await zerodb.functions.invoke({ name, payload: data, wait: !later, project_id: server.projectId })
        print(done, () =>
          later ? `${done.run_id} is queued. Watch it: zerodb logs ${done.run_id} -f` : stringifyJson(done.result, 2),
        )
      },
    ),
  )
