import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

/** The version of the sandbox's own server that this server claims to be. */
const ENVD_VERSION = '0.6.4'
const HOME = '/home/user'

/** A request to create a sandbox, as the package `e2b` sends it. */
export interface CreateBody {
  templateID: string
  timeout: number
  allow_internet_access: boolean
  network?: { allowOut?: string[]; denyOut?: string[] }
}

/** An answer in the place of the next ones to a request. */
interface Failure {
  status: number
  message: string
  headers?: Record<string, string>
}

interface Sandbox {
  id: string
  token: string
  root: string
  processes: Map<number, ChildProcess>
  /** Answers that stream the output of a process. */
  streams: Set<ServerResponse>
}

/** Serves the protocol of E2B for the package `e2b`: REST for sandboxes, Connect RPC for processes, HTTP for files. */
export interface E2bServer {
  /** Settings of the package that select this server. */
  readonly env: Readonly<Record<'E2B_API_KEY' | 'E2B_API_URL' | 'E2B_SANDBOX_URL', string>>
  /** Bodies of the requests that created sandboxes. */
  readonly created: CreateBody[]
  /** Number of sandboxes that have not been killed and have not expired. */
  live(): number
  /** Number of requests that extended the life of a sandbox. */
  renewals(): number
  /** Answers the next requests of this kind with failures, one each. */
  fail(kind: 'create' | 'kill' | 'input' | 'files', ...failures: Failure[]): void
  /** Delays sandboxes that are created from now on until the returned function is called. */
  holdCreation(): () => void
  /** Cuts the connections that stream the output of processes. The processes continue. */
  cutStreams(): void
  /** Ends all sandboxes, as if their time had passed. */
  expire(): void
  close(): Promise<void>
}

/** Starts the server. Its sandboxes are folders and processes of this machine, without a boundary. */
export async function startE2bServer(): Promise<E2bServer> {
  const apiKey = 'e2b_0123456789abcdef0123456789abcdef01234567'
  const sandboxes = new Map<string, Sandbox>()
  const created: CreateBody[] = []
  const failures: Record<'create' | 'kill' | 'input' | 'files', Failure[]> = {
    create: [],
    kill: [],
    input: [],
    files: [],
  }
  let renewals = 0
  let held: Promise<void> | undefined
  let count = 0

  const end = async (sandbox: Sandbox) => {
    sandboxes.delete(sandbox.id)
    for (const { pid } of sandbox.processes.values()) {
      try {
        process.kill(-pid!, 'SIGKILL')
      } catch {
        // The process has already ended.
      }
    }
    for (const stream of sandbox.streams) stream.destroy()
    await rm(sandbox.root, { recursive: true, force: true, maxRetries: 5 })
  }

  async function control(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.headers['x-api-key'] !== apiKey) return json(response, 401, { code: 401, message: 'Invalid API key' })
    const [, id, what] = /^\/sandboxes\/(\w+)(?:\/(\w+))?$/.exec(request.url!) ?? []
    if (request.method === 'POST' && request.url === '/v2/sandboxes') {
      if (isFailing('create', response)) return
      const body = JSON.parse((await read(request)).toString()) as CreateBody
      await held
      created.push(body)
      const root = mkdtempSync(join(tmpdir(), 'zerodb-e2b-'))
      const sandbox = {
        id: `i${++count}`,
        token: `token-${count}`,
        root,
        processes: new Map(),
        streams: new Set<never>(),
      }
      sandboxes.set(sandbox.id, sandbox)
      const { templateID } = body
      return json(response, 201, {
        ...{ templateID, sandboxID: sandbox.id, clientID: 'c', envdVersion: ENVD_VERSION },
        envdAccessToken: sandbox.token,
      })
    }
    const sandbox = sandboxes.get(id ?? '')
    if (!sandbox) return json(response, 404, { code: 404, message: `sandbox "${id}" does not exist` })
    if (request.method === 'POST' && what === 'timeout') {
      renewals++
      return void response.writeHead(204).end()
    }
    if (request.method === 'DELETE' && what === undefined) {
      if (isFailing('kill', response)) return
      await end(sandbox)
      return void response.writeHead(204).end()
    }
    json(response, 404, { code: 404, message: 'Not found' })
  }

  /** Handles a request to the server within a sandbox. */
  async function inside(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const sandbox = sandboxes.get(String(request.headers['e2b-sandbox-id']))
    const { pathname, searchParams } = new URL(request.url!, 'http://sandbox')
    const isRpc = pathname.startsWith('/process.Process/')
    if (!sandbox)
      return json(response, 502, { code: isRpc ? 'unavailable' : 502, message: 'The sandbox was not found' })
    if (request.headers['x-access-token'] !== sandbox.token)
      return json(response, 401, { code: isRpc ? 'unauthenticated' : 401, message: 'Invalid access token' })
    const here = (path: string) => path.replaceAll(HOME, sandbox.root)
    switch (`${request.method} ${pathname}`) {
      case 'GET /health':
        return void response.writeHead(204).end()
      case 'POST /files': {
        if (isFailing('files', response)) return
        const form = await new Response(new Uint8Array(await read(request)), {
          headers: { 'content-type': request.headers['content-type']! },
        }).formData()
        const path = searchParams.get('path')!
        await mkdir(dirname(here(path)), { recursive: true })
        await writeFile(here(path), Buffer.from(await (form.get('file') as File).arrayBuffer()))
        return json(response, 200, [{ name: path.split('/').at(-1), path, type: 'file' }])
      }
      case 'POST /process.Process/Start': {
        const [message] = envelopes(await read(request)) as [{ process: { args: string[] }; stdin?: boolean }]
        return start(sandbox, here(message.process.args.at(-1)!), response)
      }
      case 'POST /process.Process/SendInput': {
        if (isFailing('input', response)) return
        const { process: selector, input } = JSON.parse((await read(request)).toString())
        const child = sandbox.processes.get(selector.pid)
        if (!child) return json(response, 404, { code: 'not_found', message: `process ${selector.pid} not found` })
        await new Promise<void>((resolve) => child.stdin!.write(Buffer.from(input.stdin, 'base64'), () => resolve()))
        return json(response, 200, {})
      }
      default:
        json(response, 404, { code: 'unimplemented', message: 'Not found' })
    }
  }

  function start(sandbox: Sandbox, command: string, response: ServerResponse): void {
    const child = spawn('sh', ['-c', `exec ${command}`], {
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'], TMPDIR: sandbox.root },
    })
    sandbox.processes.set(child.pid!, child)
    sandbox.streams.add(response)
    child.stdin.on('error', () => {})
    response.on('close', () => sandbox.streams.delete(response))
    response.writeHead(200, { 'content-type': 'application/connect+json' })
    const send = (event: object) => response.writableEnded || response.write(envelope({ event }))
    send({ start: { pid: child.pid } })
    for (const name of ['stdout', 'stderr'] as const)
      child[name].on('data', (chunk: Buffer) => {
        // Chunks have arbitrary boundaries, as on a network.
        const at = Math.floor(chunk.length / 2)
        for (const piece of [chunk.subarray(0, at), chunk.subarray(at)])
          send({ data: { [name]: piece.toString('base64') } })
      })
    child.once('close', (code, signal) => {
      sandbox.processes.delete(child.pid!)
      send({ end: { exitCode: code ?? -1, exited: code !== null, status: signal ?? `exit status ${code}` } })
      response.end(envelope({}, 2))
    })
  }

  function isFailing(kind: keyof typeof failures, response: ServerResponse): boolean {
    const failure = failures[kind].shift()
    if (failure) {
      for (const [name, value] of Object.entries(failure.headers ?? {})) response.setHeader(name, value)
      json(response, failure.status, { code: failure.status, message: failure.message })
    }
    return failure !== undefined
  }

  const servers = [control, inside].map((handle) =>
    createServer((request, response) => {
      handle(request, response).catch((error) => json(response, 500, { code: 500, message: String(error) }))
    }),
  )
  const urls = await Promise.all(
    servers.map(async (server) => {
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    }),
  )
  return {
    env: { E2B_API_KEY: apiKey, E2B_API_URL: urls[0]!, E2B_SANDBOX_URL: urls[1]! },
    created,
    live: () => sandboxes.size,
    renewals: () => renewals,
    fail: (kind, ...some) => void failures[kind].push(...some),
    holdCreation() {
      let release = () => {}
      held = new Promise((resolve) => {
        release = resolve
      })
      return release
    },
    cutStreams() {
      for (const { streams } of sandboxes.values()) for (const stream of streams) stream.destroy()
    },
    expire() {
      for (const sandbox of [...sandboxes.values()]) void end(sandbox)
    },
    async close() {
      await Promise.all([...sandboxes.values()].map(end))
      for (const server of servers) {
        server.closeAllConnections()
        server.close()
      }
    },
  }
}

/** Returns a message in the framing of Connect: flags, length, JSON. Flag 2 marks the last one. */
function envelope(message: object, flags = 0): Buffer {
  const body = Buffer.from(JSON.stringify(message))
  const head = Buffer.alloc(5)
  head.writeUInt8(flags)
  head.writeUInt32BE(body.length, 1)
  return Buffer.concat([head, body])
}

function envelopes(bytes: Buffer): unknown[] {
  const found: unknown[] = []
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at + 1)
    found.push(JSON.parse(bytes.subarray(at + 5, at + 5 + length).toString()))
    at += 5 + length
  }
  return found
}

async function read(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
