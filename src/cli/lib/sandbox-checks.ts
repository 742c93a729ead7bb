import type { Config } from '../../config.ts'
import type { SandboxReport } from '../../sandbox/index.ts'

/** Describes the sandbox that this configuration would use. Throws an error with the remedy if functions cannot run. */
export async function checkSandbox(config: Config): Promise<string> {
  const [{ createLog }, { openSandbox }] = await Promise.all([import('../../main.ts'), import('../../sandbox/open.ts')])
  const sandbox = openSandbox(config, createLog({ logLevel: 'silent', logFormat: 'json' }))
  try {
    const report = await sandbox.ready()
    return report.driver === 'off'
      ? describeSandbox(report)
      : `${describeSandbox(report)}\n      ${describeNetwork(config)}`
  } finally {
    await sandbox.close()
  }
}

/** Describes which hosts user code can reach. */
function describeNetwork({ functionsNetwork: setting }: Config): string {
  if (setting === 'off') return 'no program has network (ZERODB_FUNCTIONS_NETWORK=off)'
  const bound = setting === 'allow-list' ? '' : `, of these at most ${setting.allow.join(', ')}`
  return `programs reach the hosts in their "network"${bound} (ZERODB_FUNCTIONS_NETWORK)`
}

/** Describes the driver, isolation and runtimes. Throws an error with the remedy if a runtime is not available. */
export function describeSandbox({ driver, isolation, limits, uid, runtimes, warnings }: SandboxReport): string {
  if (driver === 'off') return 'disabled (ZERODB_SANDBOX=off)'
  const problems = Object.entries(runtimes).flatMap(([runtime, found]) =>
    found.available ? [] : [`${runtime}: ${found.cause}. ${found.remedy}`],
  )
  if (problems.length > 0)
    throw new Error(`functions cannot run (everything else works)\n      ${problems.join('\n      ')}`)
  const versions = Object.entries(runtimes).map(
    ([runtime, found]) => `${runtime} (${found.available && found.version})`,
  )
  const lines = [
    `${driver}, isolation ${isolation}, limits ${limits}, user id ${uid}: ${versions.join(', ')}`,
    ...warnings,
  ]
  return lines.join('\n      ')
}
