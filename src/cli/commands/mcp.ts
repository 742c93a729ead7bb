import { createInterface } from 'node:readline'
import { stringifyJson } from '../../exact-json.ts'
import { note } from '../lib/output.ts'
import { provenFetch } from '../lib/proven-fetch.ts'
import { ask, remote } from '../lib/remote.ts'
import { createBridge } from '../mcp-bridge/bridge.ts'

export const mcp = remote(
  'mcp',
  'run an MCP server on standard input and output, for agents that start their servers themselves',
)
  .summary('run an MCP server on standard input and output')
  .action(
    ask(async ({ server }) => {
      const bridge = createBridge({
        url: new URL('mcp', `${server.url.replace(/\/+$/, '')}/`).href,
        headers: {
          authorization: `Bearer ${server.apiKey}`,
          ...(server.projectId === undefined ? {} : { 'x-project-id': server.projectId }),
        },
        fetch: provenFetch(server.url),
        warn: note,
        send: (message) => process.stdout.write(`${stringifyJson(message)}\n`),
      })
      for await (const line of createInterface({ input: process.stdin }))
        if (line.trim() !== '') void bridge.receive(line)
      await bridge.finish()
    }),
  )
