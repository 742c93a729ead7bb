import { PROTECTIONS } from '../../src/sandbox/protections.ts'
import type { HostileProgram, Protection } from './program.ts'

/** docs/hostile.md: every protection with the programs that get through without it. `npm run hostile -- --mutations` shows that they do. */
export function hostilePage(programs: readonly HostileProgram[]): string {
  const users = { root: 'server of root', user: 'server of an ordinary user' }
  const runtimes = ({ node, python, as }: HostileProgram) =>
    [node && 'Node', python && 'Python', as && users[as]].filter(Boolean).join(', ')
  const count = programs.reduce((sum, { node, python }) => sum + (node ? 1 : 0) + (python ? 1 : 0), 0)
  const lines = [
    '# Hostile programs',
    '',
    `${programs.length} programs want more than they may have, ${count} with both runtimes. \`npm run hostile\` runs them, and \`npm test\` with it. What`,
    'each gets is told from outside: by what it says and cannot know, and by the files, sockets, processes, control groups, neighbours and',
    'the server, while it runs and behind it.',
    '',
    'A program that is held proves something only if it gets through when the one thing that holds it is switched off:',
    '`npm run hostile -- --mutations` does that, and fails where one is held all the same, or where nothing gets through without a',
    'protection. This page is made from the same list.',
    '',
    'Some protections hold together what either would: with one of them off the other still stands, and a program gets through only without',
    'both (“without … too”). So `no_nested_namespaces` and `no_capabilities` show only without `seccomp`, and as root `read_only_root` only',
    'without `rootfs`: there no file that can be seen belongs to the user of a sandbox. Under an ordinary user it shows by itself.',
    '',
    '## What gets through without it',
    '',
    '| protection | is | programs |',
    '|---|---|---|',
  ]
  for (const [name, meaning] of Object.entries(PROTECTIONS)) {
    const stopped = programs.flatMap((program) =>
      program.stoppedBy
        .filter((set) => set.includes(name as Protection))
        .map((set) => {
          const others = set.filter((other) => other !== name)
          return `${program.name} (${runtimes(program)}${others.length > 0 ? `; without ${others.join(' and ')} too` : ''})`
        }),
    )
    lines.push(`| \`${name}\` | ${meaning} | ${stopped.join('<br>')} |`)
  }
  lines.push('', '## What nothing that can be switched off holds', '', '| program | held, because |', '|---|---|')
  for (const program of programs)
    if (program.stoppedBy.length === 0) lines.push(`| ${program.name} (${runtimes(program)}) | ${program.inherent} |`)
  return `${lines.join('\n')}\n`
}
