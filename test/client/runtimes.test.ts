import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runtimePath } from '../../scripts/runtimes.mjs'
import { packageRoot } from '../../src/platform/package.ts'
import { openTestApp, type TestApp } from '../support/app.ts'
import { available, run } from '../support/commands.ts'
import { EXPECTED } from './program.ts'

let app: TestApp
let url: string
let folder: string
beforeAll(async () => {
  app = await openTestApp()
  url = await app.server.listen({ host: '127.0.0.1', port: 0 })
  folder = await mkdtemp(join(tmpdir(), 'zerodb-runtimes-'))
})
afterAll(async () => {
  await app.close()
  await rm(folder, { recursive: true, force: true })
})

/** Returns program.ts as one script for a new user, and a way to pass its result back. */
async function bundled(address: string, report: string): Promise<string> {
  const { key } = await app.newUser()
  const { outputFiles } = await build({
    stdin: {
      contents: `import { exercise } from './program.ts'
        exercise(${JSON.stringify(address)}, ${JSON.stringify(key)})
          .catch((error) => ({ error: String(error), stack: error.stack }))
          .then((seen) => { const report = JSON.stringify(seen); ${report} })`,
      resolveDir: join(packageRoot(), 'test', 'client'),
      loader: 'ts',
    },
    bundle: true,
    // The bundle excludes Node: an import of a Node module would fail.
    platform: 'browser',
    format: 'iife',
    write: false,
  })
  return outputFiles[0]!.text
}

async function runIn(command: string, args: string[]): Promise<unknown> {
  const script = join(folder, 'program.js')
  await writeFile(script, await bundled(url, 'console.log(report)'))
  return JSON.parse(await run(command, [...args, script], { env: { PATH: '', NO_PROXY: '*' } }))
}

/** In CI a missing runtime is a failure. */
function there(name: 'deno' | 'bun' | 'edge'): boolean {
  if (runtimePath(name)) return true
  if (process.env['CI']) throw new Error(`CI needs ${name}: node scripts/runtimes.mjs`)
  console.log(`skipped: ${name} (node scripts/runtimes.mjs fetches it)`)
  return false
}

describe('the same program returns the same result', () => {
  test('in Node', async () => {
    expect(await runIn(process.execPath, [])).toEqual(EXPECTED)
  })

  test.runIf(there('deno'))('in Deno', async () => {
    expect(await runIn(runtimePath('deno')!, ['run', '--quiet', '--no-config', '--allow-net', '--allow-env'])).toEqual(
      EXPECTED,
    )
  })

  test.runIf(there('bun'))('in Bun', async () => {
    expect(await runIn(runtimePath('bun')!, [])).toEqual(EXPECTED)
  })

  test.runIf(there('edge'))('where there is nothing but web standards, as on edge workers', async () => {
    const { EdgeVM } = await import(pathToFileURL(runtimePath('edge')!).href)
    const vm = new EdgeVM()
    expect(vm.evaluate('[typeof process, typeof require, typeof Buffer]')).toEqual([
      'undefined',
      'undefined',
      'undefined',
    ])
    const report = await new Promise<string>((resolve, reject) => {
      vm.context.done = resolve
      bundled(url, 'done(report)').then((script) => vm.evaluate(script), reject)
    })
    expect(JSON.parse(report)).toEqual(EXPECTED)
  })

  test.runIf(available('chromium', ['--version']))('in a browser, on a page of the server’s origin', async () => {
    let finish = (_: string) => {}
    const reported = new Promise<string>((resolve) => {
      finish = resolve
    })
    const page = createServer((request, response) => {
      if (request.url === '/page')
        return void bundled('', "fetch('/done', { method: 'POST', body: report })").then((script) => {
          response.setHeader('content-type', 'text/html; charset=utf-8')
          response.end(`<script>${script.replaceAll('</script', '<\\/script')}</script>`)
        })
      if (request.url === '/done')
        return void request
          .setEncoding('utf8')
          .on('data', finish)
          .on('end', () => response.end())
      const onwards = httpRequest(
        `${url}${request.url}`,
        { method: request.method, headers: request.headers },
        (answer: IncomingMessage) => {
          response.writeHead(answer.statusCode!, answer.headers)
          answer.pipe(response)
        },
      )
      response.once('close', () => onwards.destroy())
      onwards.on('error', () => response.destroy())
      request.pipe(onwards)
    }).listen(0, '127.0.0.1')
    await new Promise((resolve) => page.once('listening', resolve))
    const flags = [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--remote-debugging-port=0',
    ]
    const browser = spawn(
      'chromium',
      [
        ...flags,
        `--user-data-dir=${join(folder, 'browser')}`,
        `http://127.0.0.1:${(page.address() as AddressInfo).port}/page`,
      ],
      { stdio: 'ignore', detached: true },
    )
    try {
      expect(JSON.parse(await reported)).toEqual(EXPECTED)
    } finally {
      process.kill(-browser.pid!, 'SIGKILL')
      page.closeAllConnections()
      page.close()
    }
  })
})
