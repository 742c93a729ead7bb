import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Command } from 'commander'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { program } from '../../src/cli/program.ts'
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
