import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Command } from 'commander'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { EXAMPLES } from '../../src/cli/lib/examples.ts'
import { program } from '../../src/cli/program.ts'
import { OPERATIONS } from '../../src/operations/index.ts'
import { packageRoot } from '../../src/platform/package.ts'
import { zerodb } from '../support/cli.ts'
import { available } from '../support/commands.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zerodb-completion-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const leaves = (command: Command, path: string[] = []): [string, Command][] =>
  command.commands.flatMap((sub) => {
    const name = [...path, sub.name()]
    const own: [string, Command][] = sub.commands.length === 0 ? [[name.join(' '), sub]] : []
    return [...own, ...leaves(sub, name)]
  })

/** Commands that run until they are stopped, or print a script. */
const WITHOUT_JSON = ['start', 'worker', 'completion']

test.each(leaves(program).filter(([name]) => !WITHOUT_JSON.includes(name)))(
  '%s has --json and a description',
  (_, command) => {
    expect(command.options.map(({ long }) => long)).toContain('--json')
    expect(command.description()).toMatch(/^[a-zA-Z].*[^.]$/)
  },
)

test('the page of the command line names every command', () => {
  const page = readFileSync(join(packageRoot(), 'docs', 'cli.md'), 'utf8')
  const rows = page.split('\n').filter((line) => line.startsWith('| '))
  for (const [name] of leaves(program)) {
    const [noun, verb = ''] = name.split(' ')
    const documented = rows.filter((row) => new RegExp(`\`${noun}[ \`]`).test(row)).join('\n')
    expect(documented, name).toMatch(new RegExp(`\\b${verb || noun}\\b`))
  }
})

/** Commands whose names differ from those of their operations. */
const NAMES: Readonly<Record<string, string>> = {
  'instant_db.claim': 'projects claim',
  'event_log.list': 'events list',
  'event_log.stream': 'events tail',
  'event_log.get': 'events get',
  'event_log.hooks': 'events why',
  'events.list': 'published list',
  'events.poll': 'published poll',
  'events.consume': 'published consume',
  'events.count': 'published count',
  'events.stats': 'published stats',
  'events.stream': 'published tail',
  'events.get': 'published get',
  'events.clear': 'published clear',
  'functions.deploy': 'deploy',
  'packages.target': 'deploy',
  'packages.upload': 'deploy',
  'functions.invoke': 'invoke',
  'functions.update': 'functions disable',
  'functions.version': 'functions get',
  'hooks.test_filter': 'hooks test',
  'hooks.runs': 'runs list',
  'hooks.backfill': 'backfill',
  'runs.logs': 'logs',
  'replays.create': 'replay',
  'replays.list': 'replay list',
  'replays.get': 'replay get',
  'replays.cancel': 'replay cancel',
  'schedules.create': 'cron create',
  'schedules.delete': 'cron delete',
  'schedules.list': 'cron list',
  'schedules.get': 'cron list',
  'schedules.update': 'cron pause',
  'schedules.run': 'cron run',
  'projects.status': 'status',
  'env_sets.set': 'env set',
  'env_sets.get': 'env get',
  'env_sets.list': 'env list',
  'env_sets.delete': 'env delete',
  'env_sets.history': 'env history',
  'projects.export': 'export',
  'projects.import': 'import',
  'backups.create': 'backup',
  'embeddings.re_embed': 're-embed',
  'embeddings.search': 'vectors search',
}

/** Operations for programs, which need no command. */
const WITHOUT_COMMAND: Readonly<Record<string, string>> = {
  'auth.register': 'a command has a key',
  'auth.login': 'a command has a key',
  'auth.refresh': 'a command has a key',
  'auth.logout': 'a command has a key',
  'auth.me': 'a command has a key',
  'instant_db.create': 'a command has a key',
  'projects.enable_database': 'changes nothing',
  'projects.configure_database': 'changes nothing',
  'embeddings.create': 'has the form of another API',
  'files.download_presigned': 'needs only a URL',
  'files.upload_presigned': 'needs only a URL',
  'events.stream_token': 'for pages in browsers',
}

test('every operation has a command, or a reason to have none', () => {
  const commands = leaves(program).map(([name]) => name)
  const groups = program.commands.map((command) => command.name())
  const nameOf = (operation: string) => NAMES[operation] ?? operation.replace('.', ' ').replaceAll('_', '-')
  const missing = OPERATIONS.map(({ name }) => name)
    .filter((name) => WITHOUT_COMMAND[name] === undefined)
    .filter((name) => !commands.includes(nameOf(name)) && !groups.includes(nameOf(name)))
  expect(missing).toEqual([])
  const known = OPERATIONS.map(({ name }) => name as string)
  expect([...Object.keys(NAMES), ...Object.keys(WITHOUT_COMMAND)].filter((name) => !known.includes(name))).toEqual([])
})

describe('examples of --help', () => {
  const all = new Map(leaves(program))
  // A command such as "replay" has subcommands and does something without one.
  for (const command of program.commands) if (!all.has(command.name())) all.set(command.name(), command)

  test('every command has some', () => {
    expect(leaves(program).flatMap(([name]) => (EXAMPLES[name] === undefined ? [name] : []))).toEqual([])
    expect(Object.keys(EXAMPLES).filter((name) => !all.has(name))).toEqual([])
  })

  test.each(Object.entries(EXAMPLES).flatMap(([name, examples]) => examples.map((example) => [name, example])))(
    '%s %s has arguments that the command takes',
    (name, example) => {
      const command = all.get(name!)!
      const words = (example!.split(' < ')[0]!.match(/'[^']*'|"[^"]*"|\S+/g) ?? []).map((word) =>
        word.replace(/^'|'$/g, ''),
      )
      const { operands, given } = parse(command, words)
      const required = command.registeredArguments.filter((argument) => argument.required)
      expect(operands.length).toBeGreaterThanOrEqual(required.length)
      if (!command.registeredArguments.at(-1)?.variadic)
        expect(operands.length).toBeLessThanOrEqual(command.registeredArguments.length)
      expect(given).toEqual(
        expect.arrayContaining(command.options.filter((one) => one.mandatory).map((one) => one.long)),
      )
    },
  )

  /** Splits the words into operands and options. Fails the test for an unknown option or invalid JSON. */
  function parse(command: Command, words: readonly string[]): { operands: string[]; given: string[] } {
    const rest = [...words]
    const [operands, given]: [string[], string[]] = [[], []]
    for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
      if (!/^-./.test(word)) {
        operands.push(word)
        continue
      }
      const option = command.options.find(({ long, short }) => word === long || word === short)
      expect(option, word).toBeDefined()
      given.push(option!.long!)
      if (!option!.required) continue
      const value = rest.shift()
      expect(value, word).toMatch(/./)
      if (option!.flags.includes('<json>') && !value!.startsWith('@')) JSON.parse(value!)
      while (option!.variadic && rest[0] !== undefined && !rest[0].startsWith('-')) rest.shift()
    }
    return { operands, given }
  }

  test('are printed after the options', async () => {
    const { code, out } = await zerodb(['rows', 'query', '--help'], { cwd: folder })
    expect(code).toBe(0)
    expect(out).toMatch(/--json .*\n[\s\S]*\nExamples:\n {2}zerodb rows query orders --filters .*\n$/)
  })
})

describe('completion', () => {
  const script = async (shell: string) => {
    const { code, out } = await zerodb(['completion', shell], { cwd: folder })
    expect(code).toBe(0)
    await writeFile(join(folder, shell), out)
    return out
  }

  test.runIf(available('bash', ['--version']))('in bash: commands, their commands, and options', async () => {
    await script('bash')
    const complete = (...words: string[]) => {
      const typed = words.map((word) => `'${word}'`).join(' ')
      const lines = `source ./bash; COMP_WORDS=(zerodb ${typed}); COMP_CWORD=${words.length}; _zerodb; echo "\${COMPREPLY[@]}"`
      return execFileSync('bash', ['-c', lines], { cwd: folder, encoding: 'utf8' }).trim().split(' ')
    }
    expect(complete('ho')).toEqual(['hooks'])
    expect(complete('hooks', 'c')).toEqual(['create'])
    expect(complete('--server', 'x', 'hooks', 'create', '--fil')).toEqual(['--filter'])
    expect(complete('hooks', 'create', 'zerodb.vector.stored', '--js')).toEqual(['--json'])
    expect(complete('nothing')).toEqual([''])
  })

  test.runIf(available('fish', ['--version']))('in fish', async () => {
    await script('fish')
    const complete = (line: string) => {
      const { stdout } = spawnSync('fish', ['-c', `source ./fish; complete -C '${line}'`], {
        cwd: folder,
        encoding: 'utf8',
        env: { ...process.env, HOME: folder },
      })
      return stdout
        .trim()
        .split('\n')
        .map((offer) => offer.split('\t')[0])
    }
    expect(complete('zerodb ho')).toEqual(['hooks'])
    expect(complete('zerodb hooks c')).toEqual(['create'])
    expect(complete('zerodb hooks create --fil')).toEqual(['--filter'])
  })

  test.runIf(available('zsh', ['--version']))('in zsh', async () => {
    await script('zsh')
    const complete = (...typed: string[]) => {
      // The widgets of the shell need a terminal: this prints the suggestions instead of showing a menu.
      const lines = [
        'compdef() { :; }',
        `_describe() { print -l -- "\${(@P)2}"; }`,
        'source ./zsh',
        `words=(zerodb ${typed.map((word) => `'${word}'`).join(' ')}); CURRENT=$#words`,
        '_zerodb',
      ]
      const { stdout, stderr } = spawnSync('zsh', ['-f', '-c', lines.join('\n')], { cwd: folder, encoding: 'utf8' })
      expect(stderr).toBe('')
      return stdout
        .trim()
        .split('\n')
        .map((offer) => offer.split(':')[0])
    }
    expect(complete('')).toContain('hooks')
    expect(complete('hooks', '')).toContain('create')
    expect(complete('hooks', 'create', '--')).toContain('--filter')
    expect(complete('hooks', 'create', '--')).not.toContain('create')
  })

  test('an unsupported shell is named', async () => {
    const { code, err } = await zerodb(['completion', 'tcsh'], { cwd: folder })
    expect(code).toBe(2)
    expect(err).toContain('bash, zsh, fish')
  })
})
