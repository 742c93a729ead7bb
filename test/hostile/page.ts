import { PROTECTIONS } from '../../src/sandbox/protections.ts'
import type { HostileProgram, Protection } from './program.ts'

/** Returns docs/hostile.md: every protection with the programs that get through without it, as `npm run hostile -- --mutations` verifies. */
export function hostilePage(programs: readonly HostileProgram[]): string {
  const users = { root: 'server of root', user: 'server of an ordinary user' }
  const runtimes = ({ node, python, as }: HostileProgram) =>
    [node && 'Node', python && 'Python', as && users[as]].filter(Boolean).join(', ')
  const count = programs.reduce((sum, { node, python }) => sum + (node ? 1 : 0) + (python ? 1 : 0), 0)
  const lines = [
    '# Hostile programs',
    '',
    `\`npm run hostile\` and \`npm test\` run ${programs.length} programs that try to exceed their limits, ${count} if each runtime counts. The suite`,
    'detects a success from outside: by secrets in the output, and by the state of files, sockets, processes, control groups, neighbours and',
    'the server during and after the run.',
    '',
    'A blocked program proves something only if it gets through when its protection is switched off. `npm run hostile -- --mutations` checks',
    'this. It fails if a program is blocked nevertheless, or if a protection blocks no program. This page is generated from the same list.',
    '',
    'Some programs are blocked by either of two protections and get through only without both (“without … too”). `no_nested_namespaces` and',
    '`no_capabilities` only matter without `seccomp`. If the server runs as root, `read_only_root` only matters without `rootfs`, because no',
    'visible file belongs to the user of a sandbox. If an ordinary user runs the server, it matters alone.',
    '',
    '## Programs blocked by a protection',
    '',
    'Each protection has a section below with the programs that succeed without it.',
    '',
    '| protection | meaning | programs |',
    '|---|---|---|',
  ]
  const protections = Object.entries(PROTECTIONS).map(([name, meaning]) => ({
    name,
    meaning,
    succeeding: programs.flatMap((program) =>
      program.stoppedBy
        .filter((set) => set.includes(name as Protection))
        .map((set) => {
          const others = set.filter((other) => other !== name).map((other) => `\`${other}\``)
          return `- ${program.name} (${runtimes(program)}${others.length > 0 ? `; without ${others.join(' and ')} too` : ''})`
        }),
    ),
  }))
  for (const { name, meaning, succeeding } of protections)
    lines.push(`| [\`${name}\`](#${name}) | ${meaning} | ${succeeding.length} |`)
  for (const { name, meaning, succeeding } of protections)
    lines.push(
      '',
      `### \`${name}\``,
      '',
      `Protection: ${meaning}. Programs that succeed without it:`,
      '',
      ...succeeding,
    )
  lines.push('', '## Programs blocked by the design', '', '| program | blocked because |', '|---|---|')
  for (const program of programs)
    if (program.stoppedBy.length === 0) lines.push(`| ${program.name} (${runtimes(program)}) | ${program.inherent} |`)
  return `${lines.join('\n')}\n`
}
