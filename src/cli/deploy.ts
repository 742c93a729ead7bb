import { existsSync } from 'node:fs'
import pc from 'picocolors'
import type { Deployed, ZeroDB } from '../client/index.ts'
import { UsageError } from './failure.ts'
import { object } from './given.ts'
import { note } from './output.ts'
import { ask, remote } from './remote.ts'
import { type Source, sourcesAt, uploadOf } from './sources.ts'

/** Where functions are looked for that are not named. */
export const FOLDER = 'functions'

/** Deploys one function as it is on this machine. */
export async function deploySource(
  zerodb: ZeroDB,
  source: Source,
  rest: {
    name?: string | undefined
    project_id?: string | undefined
    config?: Record<string, unknown> | undefined
  } = {},
): Promise<Deployed> {
  return zerodb.functions.deploy({ ...(await uploadOf(source)), ...rest, name: rest.name ?? source.name })
}

/** How its files differ from those of the version before, a line each. */
export async function changedFiles(
  zerodb: ZeroDB,
  { name, project_id, version, changed }: Deployed,
): Promise<string[]> {
  if (!changed || version === 1) return []
  const { files } = await zerodb.functions.diff({ name, project_id, from: version - 1, to: version })
  const marks = { added: pc.green('  + '), changed: pc.yellow('  ~ '), removed: pc.red('  - ') }
  return files.map(({ path, change, lines }) => {
    // Of a unified diff, without its head.
    const count = (sign: string) =>
      (lines ?? '')
        .split('\n')
        .slice(4)
        .filter((line) => line.startsWith(sign)).length
    return `${marks[change]}${path}${lines === null ? '' : pc.dim(` +${count('+')} -${count('-')}`)}`
  })
}

/** What has become of it, in a line or a few. */
export function deployedWords(
  { name, version, changed, hooks, schedules, url_path, config, warnings }: Deployed,
  files: readonly string[] = [],
): string {
  const parts = { hooks, schedules }
  const changes = Object.entries(parts).flatMap(([noun, { created, changed: altered, removed }]) => [
    ...created.map((each) => pc.green(`  + ${noun.slice(0, -1)} ${each}`)),
    ...altered.map((each) => pc.yellow(`  ~ ${noun.slice(0, -1)} ${each}`)),
    ...removed.map((each) => pc.red(`  - ${noun.slice(0, -1)} ${each}`)),
  ])
  const faces = [url_path && `  at ${url_path}`, (config as { tool?: object }).tool && '  is a tool'].filter(Boolean)
  const head = changed
    ? `${pc.green('deployed')} ${name}, version ${version}`
    : `${pc.dim('unchanged')} ${name}, version ${version}`
  return [
    head,
    ...(changed ? [...files, ...changes, ...faces] : []),
    ...(warnings ?? []).map((warning) => pc.yellow(`  ${warning}`)),
  ].join('\n')
}

export const deploy = remote('deploy', 'make files functions that run; what has not changed is left alone')
  .argument('[path...]', `a file, a folder with an entry, or a folder of such; ./${FOLDER} if not said`)
  .option('--name <name>', 'of a single function, in place of its file’s')
  .option('--config <json>', 'goes before the config in the file', object)
  .action(
    ask(
      async (
        { zerodb, server, json, print },
        paths: string[],
        options: { name?: string; config?: Record<string, unknown> },
      ) => {
        if (paths.length === 0 && !existsSync(FOLDER))
          throw new UsageError(`There is no folder ./${FOLDER}: say which files, or make a project with zerodb init`)
        const sources = (paths.length === 0 ? [FOLDER] : paths).flatMap(sourcesAt)
        if (options.name !== undefined && sources.length !== 1)
          throw new UsageError(`--name is for one function, and there are ${sources.length}`)
        for (const source of sources) {
          if (!json && sources.length > 1) note(pc.dim(`${source.name}…`))
          const deployed = await deploySource(zerodb, source, { ...options, project_id: server.projectId })
          const files = json ? [] : await changedFiles(zerodb, deployed)
          print(deployed, () => deployedWords(deployed, files))
        }
      },
    ),
  )
