import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readConfig } from '../../../src/config.ts'
import { StartError } from '../../../src/errors.ts'
import { openSystem } from '../../../src/main.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zerodb-key-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const file = () => join(folder, 'encryption-key')

/** Returns the key of a start in this directory. */
async function keyOfStart(settings: Record<string, string> = {}): Promise<Buffer> {
  const system = await openSystem(readConfig({ ZERODB_DATA_DIR: folder, ...settings }), {
    log: pino({ level: 'silent' }),
  })
  const key = Buffer.from(system.app.encryptionKey)
  await system.close(0)
  return key
}

test('the first start creates a key that only its owner can read, and later starts use it', async () => {
  const key = await keyOfStart()
  expect(key).toHaveLength(32)
  expect((await readFile(file())).toString()).toBe(key.toString('hex'))
  expect((await stat(file())).mode & 0o777).toBe(0o600)
  expect(await keyOfStart()).toEqual(key)
})

test('a configured key is used, and no file is created', async () => {
  const given = randomBytes(32)
  expect(await keyOfStart({ ZERODB_ENCRYPTION_KEY: given.toString('base64') })).toEqual(given)
  expect(existsSync(file())).toBe(false)
})

test('a file without a valid key stops the start, and is not changed', async () => {
  await writeFile(file(), 'half a k')
  await expect(keyOfStart()).rejects.toThrow(StartError)
  await expect(keyOfStart()).rejects.toThrow(/encryption-key does not hold a key.*ZERODB_ENCRYPTION_KEY/)
  expect((await readFile(file())).toString()).toBe('half a k')
})
