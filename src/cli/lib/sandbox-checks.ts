import type { Config } from '../../config.ts'
import type { SandboxReport } from '../../sandbox/index.ts'

/** What user code would run in. Throws with the remedy where it cannot. */
export async function checkSandbox(config: Config): Promise<string> {
  const [{ createLog }, { openSandbox }] = await Promise.all([import('../../main.ts'), import('../../sandbox/open.ts')])
  const sandbox = openSandbox(config, createLog({ logLevel: 'silent', logFormat: 'json' }))
  try {
    return wordsOf(await sandbox.ready())
  } finally {
    await sandbox.close()
  }
}

/** What is in force, in words. Throws with the remedy where code cannot be run. */
export function wordsOf({ driver, isolation, limits, uid, runtimes, warnings }: SandboxReport): string {
  if (driver === 'off') return 'switched off (ZERODB_SANDBOX=off)'
  const wrong = Object.entries(runtimes).flatMap(([runtime, found]) =>
    found.available ? [] : [`${runtime}: ${found.cause}. ${found.remedy}`],
  )
  if (wrong.length > 0) throw new Error(`functions cannot be run (all else works)\n      ${wrong.join('\n      ')}`)
  const versions = Object.entries(runtimes).map(
    ([runtime, found]) => `${runtime} (${found.available && found.version})`,
  )
  const lines = [
    `${driver}, isolation ${isolation}, limits ${limits}, user id ${uid}: ${versions.join(', ')}`,
    ...warnings,
  ]
  return lines.join('\n      ')
}
