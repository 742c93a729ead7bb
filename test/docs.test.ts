import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { describeConfig } from '../src/config.ts'
import { OPERATIONS } from '../src/operations/index.ts'
import { packageRoot } from '../src/platform/package.ts'
import { EVENT_TYPES } from '../src/schema/events.ts'
import { available, run } from './support/commands.ts'
import { type ListeningServer, startServer } from './support/listening.ts'

const DOCS = join(packageRoot(), 'docs')
const PAGES = readdirSync(DOCS)
  .filter((name) => name.endsWith('.md'))
  .sort()
const textOf = (page: string) => readFileSync(join(DOCS, page), 'utf8')

const tools =
  available('bash', ['--version']) && available('node', ['--version']) && available('curl', ['--fail-with-body', '-V'])

interface Block {
  script: string
  /** Every curl in the block must be refused. */
  refused: boolean
  /** The output of the block according to the page. */
  answer: unknown
}

/** Returns the blocks of a page that are run: ```sh, or ```sh error; the answer is the ```json answer that follows directly. */
function blocksOf(page: string): Block[] {
  const fences = [...textOf(page).matchAll(/^```(\S+)([^\n]*)\n(.*?)^```$/gms)].map(([, language, mark, body]) => ({
    kind: `${language}${mark!.trimEnd()}`,
    body: body!,
  }))
  for (const [i, { kind }] of fences.entries()) {
    if (kind === 'json answer' && !fences[i - 1]?.kind.startsWith('sh'))
      throw new Error(`${page}: a \`\`\`json answer follows no \`\`\`sh`)
  }
  return fences.flatMap(({ kind, body }, i) => {
    if (kind !== 'sh' && kind !== 'sh error') return []
    const next = fences[i + 1]
    const answer = next?.kind === 'json answer' ? JSON.parse(next.body) : undefined
    return [{ script: body, refused: kind === 'sh error', answer }]
  })
}

/** Returns the shape of a JSON value: its keys and the types of its leaves. A list is represented by its first item. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? [] : [shapeOf(value[0])]
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shapeOf(inner)]))
  }
  return value === null ? null : typeof value
}

/**
 * Accepts that an object of an example already exists: from another page, or from an earlier run. A streamed answer that ends with an error
 * is a failure.
 */
const ACCEPTED = `curl() {
  local code= printed=$(mktemp)
  { command curl --fail-with-body --show-error --max-time 30 "$@" || echo $? > "$printed.code"; } | tee "$printed"
  ! grep -qx 'event: error' "$printed" &&
    { [ ! -e "$printed.code" ] || grep -qE '"code":"(hook_exists|table_exists|email_taken)"' "$printed"; }
}`
/** The command line, which may report that an object already exists. */
const zerodbScript = (program: string) => `#!/bin/bash
errors=$(mktemp)
node '${program}' "$@" 2> >(tee "$errors" >&2)
code=$?
wait
grep -q 'exists already' "$errors" && exit 0
exit $code
`
const REFUSED =
  'curl() { if command curl --fail-with-body --max-time 30 "$@"; then echo "not refused" >&2; exit 1; fi; }'

/** Returns the blocks of a page as one script, so variables stay set. The output of each block goes to a separate file. */
function scriptOf(blocks: readonly Block[], folder: string): string {
  const parts = blocks.map(({ script, refused }, i) => {
    return `${refused ? REFUSED : ACCEPTED}\n{\n${script}} > '${join(folder, String(i))}'\n`
  })
  return `set -e -o pipefail\n${parts.join('')}`
}

/** A stand-in for the API of a model, on loopback. */
async function startModel(): Promise<Server> {
  const model = createServer(async (request, response) => {
    const isAsked = request.url === '/v1/chat/completions' && request.headers.authorization?.startsWith('Bearer sk-')
    const body = await text(request)
    if (!isAsked) return response.writeHead(404).end()
    if (JSON.parse(body).stream) {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      for (const content of ['Rooibos', ', for', ' example.'])
        response.write(`data: ${JSON.stringify({ choices: [{ delta: { content } }] })}\n\n`)
      return response.end('data: [DONE]\n\n')
    }
    const answer = { choices: [{ message: { role: 'assistant', content: 'Rooibos.' } }] }
    return response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
  })
  model.listen(0, '127.0.0.1')
  await once(model, 'listening')
  return model
}

/** Lets the examples call the stand-in instead of the public API. */
function withModel(script: string, { port }: AddressInfo): string {
  return script
    .replaceAll('https://api.openai.com', `http://127.0.0.1:${port}`)
    .replaceAll(/(['"])api\.openai\.com\1/g, `"127.0.0.1:${port}"`)
}

const ZERODB_METRICS_TOKEN = 'a token that reads metrics'

describe.runIf(tools)('the blocks of docs/ run as written', () => {
  let server: ListeningServer
  let model: Server

  beforeAll(async () => {
    model = await startModel()
    server = await startServer({
      ZERODB_REGISTRATION: 'on',
      ZERODB_INSTANT_DB: 'on',
      ZERODB_METRICS_TOKEN,
      ZERODB_ALLOW_NETWORKS: '127.0.0.0/8',
    })
  })
  afterAll(async () => {
    await server?.stop()
    model?.close()
  })

  let user: { TOKEN: string; PROJECT: string }
  beforeAll(async () => {
    const post = async (path: string, body: object, token = '') => {
      const reply = await fetch(`${server.url}/api/v1/auth/${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
        body: JSON.stringify(body),
      })
      expect(reply.status).toBe(201)
      return (await reply.json()) as Record<string, string>
    }
    const account = await post('register', { email: 'reader@example.com', password: 'a long password' })
    const { key } = await post('api-keys', { name: 'reader' }, account['access_token'])
    user = { TOKEN: key!, PROJECT: account['default_project_id']! }
  })

  /** Answers on pages that were compared with a response of the server. */
  const compared = new Set<string>()

  /** Runs the blocks of a page in a new folder, and compares their output. */
  async function follow(page: string): Promise<void> {
    const blocks = blocksOf(page)
    const folder = await mkdtemp(join(tmpdir(), 'zerodb-docs-'))
    const printed = (i: number) => readFile(join(folder, String(i)), 'utf8')
    try {
      const PATH = `${folder}:${process.env['PATH']}`
      const env = {
        ...process.env,
        ...user,
        PATH,
        TMPDIR: folder,
        API: `${server.url}/api/v1`,
        no_proxy: '*',
        ZERODB_METRICS_TOKEN,
      }
      // Like a folder in which the package is installed.
      await mkdir(join(folder, 'node_modules'))
      await symlink(packageRoot(), join(folder, 'node_modules', 'zerodb-functions'), 'dir')
      const program = join(packageRoot(), 'dist', 'zerodb.js')
      await writeFile(join(folder, 'zerodb'), zerodbScript(program), { mode: 0o755 })
      const script = withModel(scriptOf(blocks, folder), model.address() as AddressInfo)
      await writeFile(join(folder, 'script'), script)
      await run('bash', [join(folder, 'script')], { cwd: folder, env }).catch(async (error) => {
        const last = blocks.findLastIndex((_, i) => existsSync(join(folder, String(i))))
        throw new Error(
          `This block failed:\n${blocks[last]?.script}It printed:\n${await printed(last)}\n${error.message}`,
        )
      })
      for (const [i, { script, answer }] of blocks.entries()) {
        if (answer === undefined) continue
        const text = await printed(i)
        if (/"code":"(hook|table)_exists"/.test(text) && !script.includes('_exists')) continue
        expect(shapeOf(JSON.parse(text)), `the answer to\n${script}is\n${text}`).toEqual(shapeOf(answer))
        compared.add(`${page} ${i}`)
      }
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }

  const pages = PAGES.filter((page) => blocksOf(page).length > 0)
  test.each(pages)('E: %s works as written', follow, 240_000)
  test.each([...pages].reverse())('E: %s works a second time, after the pages that follow it', follow, 240_000)

  test('E: every answer on a page was compared', () => {
    const answers = pages.flatMap((page) =>
      blocksOf(page).flatMap(({ answer }, i) => (answer === undefined ? [] : [`${page} ${i}`])),
    )
    expect([...compared].sort()).toEqual(answers.sort())
  })
})

test('the table of settings matches the program', () => {
  const rows = [...textOf('self-hosting.md').matchAll(/^\| `([A-Z_]+)` \| (?:`(.*?)`|none) \|/gm)]
  const onPage = rows.map(([, name, value]) => ({ name, value: value ?? '(none)' }))
  expect(onPage).toEqual(describeConfig({}).map(({ name, value }) => ({ name, value })))
})

test('the table of event types matches the program', () => {
  const rows = [...textOf('events.md').matchAll(/^\| `(zero[\w.]+)` \| `(\w+)` \| .* \| (.*) \|$/gm)]
  const onPage = rows.map(([, name, channel, fields]) => ({
    name,
    channel,
    data: [...fields!.matchAll(/`(\w+)`/g)].map(([, field]) => field),
  }))
  expect(onPage).toEqual(
    EVENT_TYPES.map(({ name, channel, data }) => ({ name, channel, data: Object.keys(data.shape) })),
  )
})

test('every operation is used in a block that is run', () => {
  const scripts = PAGES.flatMap((page) => blocksOf(page).map(({ script }) => script)).join('\n')
  for (const { name, route } of OPERATIONS) {
    // Their addresses are in the answers of files.presign and files.presign_upload, which examples call.
    if (name === 'files.download_presigned' || name === 'files.upload_presigned') continue
    const [method, path] = route.split(' ') as [string, string]
    const address = path.replace('/api/v1', '\\$API').replace(/:\w+/g, '[^\\s"/?]+')
    const asked = method === 'GET' ? '' : `-X ${method} "?`
    expect(scripts, `${name}: ${route}`).toMatch(new RegExp(`${asked}${address}["?\\s]`))
  }
})

test('the README links to every page', () => {
  const readme = readFileSync(join(packageRoot(), 'README.md'), 'utf8')
  for (const page of PAGES) expect(readme).toContain(`(docs/${page}`)
})

test('the map of the architecture page has every folder', () => {
  const page = textOf('architecture.md')
  const map = page.slice(page.indexOf('## Map'), page.indexOf('## From a write'))
  const folders = (path: string) =>
    readdirSync(join(packageRoot(), path), { withFileTypes: true }).filter((entry) => entry.isDirectory())
  for (const { name } of [...folders('src'), ...folders('test').filter((folder) => folder.name !== 'support')])
    expect(map, name).toContain(`${name}/`)
})

test.each(['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'docs/architecture.md'])(
  'every path in %s exists',
  (page) => {
    const text = readFileSync(join(packageRoot(), page), 'utf8')
    const paths = [...text.matchAll(/\b(?:src|test|docs|scripts|bench|examples|deploy)\/[\w./-]*\w\/?/g)].map(
      ([path]) => path,
    )
    expect(paths.length).toBeGreaterThan(0)
    expect(paths.filter((path) => !existsSync(join(packageRoot(), path)))).toEqual([])
  },
)

/** Returns the headings of a page as anchors of GitHub. */
function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-'),
  )
}

test('every link between pages has a target', () => {
  const root = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md'].map((page) => join('..', page))
  for (const page of [...root, ...PAGES]) {
    for (const [, target, anchor] of textOf(page).matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)) {
      const file = target ? join(DOCS, dirname(page), target) : join(DOCS, page)
      expect(existsSync(file), `${page} links to ${target}`).toBe(true)
      if (anchor) expect(anchorsOf(readFileSync(file, 'utf8')), `${page} links to ${target}`).toContain(anchor)
    }
  }
})
