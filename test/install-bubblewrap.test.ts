import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { provideBubblewrap } from '../scripts/bubblewrap.mjs'

type Answer = { code: number; output: string }

let printed: string
beforeEach(() => {
  printed = ''
  vi.spyOn(console, 'error').mockImplementation((line: string) => {
    printed += `${line}\n`
  })
})
afterEach(() => vi.restoreAllMocks())

/** Runs the installation on a machine with these programs and these answers of apt-get; `after` are the programs that exist afterwards. */
async function on({
  has,
  uid = 0,
  env = {},
  apt = [],
  after = has,
}: {
  has: string[]
  uid?: number
  env?: Record<string, string>
  apt?: Answer[]
  after?: string[]
}): Promise<{ there: boolean; ran: string[] }> {
  vi.spyOn(process, 'getuid').mockReturnValue(uid)
  const ran: string[] = []
  const find = (name: string) => (ran.length > 0 ? after : has).includes(name)
  const execute = async (command: string, args: string[]) => {
    ran.push([command, ...args.filter((arg) => !arg.startsWith('-') && !arg.startsWith('Acquire'))].join(' '))
    return apt[ran.length - 1] ?? { code: 0, output: '' }
  }
  return { there: await provideBubblewrap({ env, find, execute }), ran }
}

const GOOD = { code: 0, output: '' }
const BAD = { code: 100, output: 'E: Unable to locate package bubblewrap' }

describe.runIf(process.platform === 'linux')('bubblewrap', () => {
  test('an installed bubblewrap is left unchanged', async () => {
    expect(await on({ has: ['bwrap', 'apt-get'] })).toEqual({ there: true, ran: [] })
    expect(printed).toBe('')
  })

  test('root on Debian installs it after an announcement', async () => {
    const { there, ran } = await on({ has: ['apt-get'], after: ['apt-get', 'bwrap'] })
    expect({ there, ran }).toEqual({ there: true, ran: ['apt-get install bubblewrap'] })
    expect(printed).toContain('ZERODB_SYSTEM_INSTALL=off')
  })

  test('it is found on a machine without package lists', async () => {
    const { there, ran } = await on({ has: ['apt-get'], apt: [BAD, GOOD, GOOD], after: ['apt-get', 'bwrap'] })
    expect(there).toBe(true)
    expect(ran).toEqual(['apt-get install bubblewrap', 'apt-get update', 'apt-get install bubblewrap'])
  })

  test('a failed installation does not stop the start, and the reason is shown', async () => {
    expect(await on({ has: ['apt-get'], apt: [BAD, BAD] })).toMatchObject({ there: false })
    expect(printed).toContain('Unable to locate package')
  })

  test.each([
    ['without root', { uid: 1000 }],
    ['with ZERODB_SYSTEM_INSTALL=off', { env: { ZERODB_SYSTEM_INSTALL: 'off' } }],
    ['without apt-get', { has: [] }],
  ])('it is not installed %s; the output has the command', async (_, rest) => {
    expect(await on({ has: ['apt-get'], ...rest })).toEqual({ there: false, ran: [] })
    expect(printed).toContain('apt-get install bubblewrap')
  })

  test('it is not installed if another sandbox is configured', async () => {
    for (const ZERODB_SANDBOX of ['off', 'unsafe-process'])
      expect(await on({ has: ['apt-get'], env: { ZERODB_SANDBOX } })).toEqual({ there: false, ran: [] })
    expect(printed).toBe('')
  })
})
