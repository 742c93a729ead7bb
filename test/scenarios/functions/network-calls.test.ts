import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'

const FUNCTIONS = '/api/v1/functions'

let app: TestApp
let user: TestUser
let server: http.Server
let port: number
beforeAll(async () => {
  server = http.createServer((request, response) => response.end(`hello from ${request.url}`))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  port = (server.address() as AddressInfo).port
  app = await openTestApp({ ZERODB_ALLOW_NETWORKS: '127.0.0.0/8' })
  user = await app.newUser()
})
afterAll(async () => {
  server.close()
  await app.close()
})

const SOURCES = {
  nodejs: 'export default async ({ data }) => (await fetch(data.url)).text()',
  python: `import urllib.request
def handler(event, ctx):
    return urllib.request.urlopen(event['data']['url']).read().decode()`,
}

/** Deploys a function that fetches `data.url`, calls it and returns the reply with the run. */
async function fetched(runtime: keyof typeof SOURCES, url: string, config: Record<string, unknown>) {
  const name = `${runtime}-${Object.keys(config).length}-${new URL(url).port}`
  const deployed = await user.post(FUNCTIONS, { name, runtime, source: SOURCES[runtime], config })
  expect(deployed.status).toBe(201)
  const { status, body } = await user.post(`${FUNCTIONS}/${name}/invoke`, { payload: { url } })
  const run = (await user.runs()).find(({ id }) => id === body.run_id)
  return { status, body, run }
}

test.each(['nodejs', 'python'] as const)(
  'a %s function reaches a host of its network, and the run records it',
  async (runtime) => {
    const { body, run } = await fetched(runtime, `http://localhost:${port}/a`, { network: [`localhost:${port}`] })
    expect(body).toMatchObject({ result: 'hello from /a' })
    expect(run).toMatchObject({
      status: 'succeeded',
      requests: [
        {
          host: 'localhost',
          port,
          allowed: true,
          reason: null,
          bytes_sent: expect.any(Number),
          bytes_received: expect.any(Number),
        },
      ],
    })
  },
)

test.each(['nodejs', 'python'] as const)('a %s function without network is told the key to set', async (runtime) => {
  const { run } = await fetched(runtime, 'http://api.example.com:8080/', {})
  expect(JSON.stringify(run)).toContain(
    "this function has no network: add network: ['api.example.com:8080'] to its config",
  )
})

test('a host outside of the list is refused and recorded', async () => {
  const { run } = await fetched('nodejs', 'http://api.example.com:8081/', { network: [`localhost:${port}`] })
  const reason =
    "this function may not connect to api.example.com:8081: add 'api.example.com:8081' to network in its config"
  expect(JSON.stringify(run)).toContain(reason)
  expect(run).toMatchObject({ requests: [{ host: 'api.example.com', port: 8081, allowed: false, reason }] })
})

test('a program of sandbox/execute has the network of its call', async () => {
  const code = `export default await (await fetch('http://localhost:${port}/b')).text()`
  const reply = await user.post('/api/v1/sandbox/execute', { language: 'nodejs', code, network: [`localhost:${port}`] })
  expect(reply.body).toMatchObject({ status: 'ok', result: 'hello from /b' })
})
