import { writeFileSync } from 'node:fs'
import { build, stop } from 'esbuild'
import { pino } from 'pino'
import { bundle } from '../../../src/functions/bundle.ts'
import { bubblewrap } from '../../../src/sandbox/bubblewrap/index.ts'
import { childrenOf } from '../../../src/sandbox/processes.ts'
import { ALL_PROTECTIONS } from '../../../src/sandbox/protections.ts'
import { LEAKED } from '../environment.ts'
import { isAlive, processesOf } from '../host-checks.ts'
import { NODE_WORLD, PYTHON_WORLD } from '../preludes.ts'
import { type HostileProgram, within } from '../program.ts'
import { inRootsHome, startServer } from '../servers.ts'

// Attacks that use the start and the end of the server.

export const server: HostileProgram[] = [
  {
    name: 'reads a descriptor that the starting shell has leaked',
    group: 'SERVER',
    stoppedBy: [['descriptors']],
    node: `${NODE_WORLD}
      import fs from 'node:fs'
      const found = []
      for (let fd = 4; fd < 1024; fd++) {
        const bytes = Buffer.alloc(100)
        const length = tried(() => fs.readSync(fd, bytes, 0, 100, 0))
        if (length > 0) found.push(bytes.toString('latin1', 0, length))
      }
      export default found`,
    python: `${PYTHON_WORLD}
result = []
for fd in range(4, 1024):
    found = tried(lambda: os.pread(fd, 100, 0))
    if isinstance(found, bytes) and found: result.append(found.decode('latin1'))`,
    async play(fixture) {
      fixture.check(
        process.env[LEAKED.secretEnv] !== undefined,
        'the descriptor does not exist: start the suite with npm run hostile',
      )
      await fixture.call()
    },
  },
  {
    name: 'runs in a sandbox with a missing protection',
    group: 'SERVER',
    stoppedBy: [['probe']],
    python: 'result = 1',
    async play(fixture) {
      const probe = !fixture.environment.off.includes('probe')
      for (const hole of [
        'net_namespace',
        'pid_namespace',
        'ipc_namespace',
        'seccomp',
        'rlimits',
        'fake_proc',
      ] as const) {
        const protections = { ...ALL_PROTECTIONS, [hole]: false, probe }
        const driver = bubblewrap({ concurrency: 1, log: pino({ level: 'silent' }), protections })
        const { runtimes } = await driver.ready()
        await driver.close()
        fixture.check(!runtimes[fixture.runtime].available, `the server would run the program without ${hole}`)
      }
    },
  },
  {
    name: 'outlives a server that is killed',
    group: 'SERVER',
    stoppedBy: [['die_with_parent']],
    node: `process.on('SIGTERM', () => {}); console.log('ready'); for (;;);`,
    python: `import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('ready', flush=True)\nwhile True: pass`,
    async play(fixture) {
      const server = await startServer(fixture)
      const pids = processesOf(server.seen)
      fixture.check(pids.length >= 2, 'the program is not running')
      await server.kill()
      const gone = await within(1_000, () => !pids.some(isAlive))
      fixture.check(gone, 'the program is still running')
      // The next server finds the remains of the dead server.
      const next = await startServer(fixture)
      const left = pids.filter(isAlive)
      fixture.check(left.length === 0, 'the next server has not ended the program')
      // Another server that starts at the same time may remove the control group instead.
      fixture.check(await within(2_000, () => !server.hasGroup()), 'the control group still exists')
      await next.kill()
      for (const pid of left) process.kill(pid, 'SIGKILL')
    },
  },
  {
    name: 'runs on a server in the home of root, which guests cannot reach',
    group: 'SERVER',
    as: 'root',
    stoppedBy: [],
    inherent: 'the check is that the program runs: its root is created where every user can reach it',
    node: `${NODE_WORLD}\nimport fs from 'node:fs'\nconsole.log('home', tried(() => fs.readdirSync(process.env.HOME_OF_SERVER)))\nready()`,
    python: `${PYTHON_WORLD}\nprint('home', tried(lambda: os.listdir(os.environ['HOME_OF_SERVER'])))\nready()`,
    async play(fixture) {
      await inRootsHome(async (script, folder) => {
        const server = await startServer(fixture, { script, env: { HOME_OF_SERVER: folder } })
        fixture.check(
          /home (ENOENT|EACCES|FileNotFoundError|PermissionError)/.test(server.printed()),
          `it printed ${server.printed()}`,
        )
        await server.kill()
      })
    },
  },
  {
    name: 'imports files of the server into its bundle',
    group: 'SERVER',
    stoppedBy: [],
    inherent: 'the bundler resolves uploaded files only; without that resolver, the same lines include the file',
    // Each line is a separate deployment.
    node: `import found from 'BAIT.ts'; export default found
      import found from 'BAIT.json' with { type: 'json' }; export default found
      import found from './../../../../../../../..BAIT.ts'; export default found
      export * from 'BAIT.ts'
      export default require('BAIT.ts')
      export default () => import('BAIT.ts')
      export default (name) => import('BAIT' + name)
      export default (name) => require('./../../../../../../../..BAIT' + name)
      import found from 'file://BAIT.ts'; export default found
      export default new URL('BAIT.ts', import.meta.url)
      export default () => <a/> //# MAP=BAIT.map
      export default () => <a/> /*# MAP=BAIT.map */
      /** @jsxImportSource BAIT */ export default () => <a/>
      /// <reference path="BAIT.ts" />`,
    async play(fixture) {
      const bait = `${fixture.environment.told.folder}/bait`
      const secret = fixture.environment.secrets['a file of the server']!
      writeFileSync(`${bait}.ts`, `export default ${JSON.stringify(secret)}`)
      writeFileSync(`${bait}.json`, JSON.stringify(secret))
      writeFileSync(`${bait}.map`, JSON.stringify({ version: 3, sources: [secret], names: [], mappings: 'AAAA' }))
      const beside = {
        'tsconfig.json': JSON.stringify({ extends: `${bait}.json`, files: [`${bait}.ts`] }),
        'package.json': JSON.stringify({ browser: { './main.tsx': `${bait}.ts` }, imports: { '#bait': `${bait}.ts` } }),
      }
      const lines = fixture.program
        .node!.split('\n')
        .map((line) => line.trim().replaceAll('BAIT', bait).replace('MAP=', 'sourceMappingURL='))
      for (const line of lines) {
        const told = await bundle({ files: { ...beside, 'main.tsx': line }, entry: 'main.tsx' }).then(
          ({ code, source_map, warnings }) => code + source_map + warnings.join(),
          (error: Error) => error.message + JSON.stringify(error),
        )
        fixture.check(!told.includes(secret), `the secret is in the bundle of: ${line}`)
      }
      const contents = lines[0]!
      const { outputFiles } = await build({
        stdin: { contents, resolveDir: '/' },
        bundle: true,
        write: false,
        logLevel: 'silent',
      })
      await stop()
      fixture.check(
        outputFiles[0]!.text.includes(secret),
        'the bundler does not include the file even without the resolver',
      )
    },
  },
  {
    name: 'overloads the bundler',
    group: 'SERVER',
    stoppedBy: [],
    inherent: 'the bundler runs in a separate process with limits for memory and time',
    // Each line is repeated many times.
    node: `export default [
      export default () => {
      export default \`\${`,
    async play(fixture) {
      const before = childrenOf(process.pid).length
      for (const line of fixture.program.node!.split('\n')) {
        const [, head, repeated] = /^(export default )(.*)$/.exec(line.trim())!
        const source = head! + repeated!.repeat(1_000_000 / repeated!.length)
        const bundled = await bundle({ files: { 'main.ts': source }, entry: 'main.ts' }).then(
          () => true,
          () => false,
        )
        fixture.check(!bundled, 'the program was bundled')
      }
      fixture.check(
        await within(5_000, () => childrenOf(process.pid).length <= before),
        'a bundler process is still running',
      )
    },
  },
]
