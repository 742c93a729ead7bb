import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Config, readEncryptionKey } from './config.ts'
import { hashApiKey, newApiKey } from './crypto.ts'
import { StartError } from './errors.ts'
import type { Store } from './store/index.ts'

// Creates, at the first start, the secrets in the data directory and the owner of the server.

export interface Owner {
  user_id: string
  project_id: string
  /** The API key that this start created; null if there was a user already. */
  new_key: string | null
}

/** Reads a secret of 64 hexadecimal digits from the data directory. Creates it, readable by the owner only, if it is missing. */
export async function keptSecret(config: Config, file: string): Promise<Buffer> {
  const path = join(config.dataDir, file)
  await mkdir(config.dataDir, { recursive: true, mode: 0o700 })
  // If two processes start together, the first one's file wins.
  await writeFile(path, randomBytes(32).toString('hex'), { mode: 0o600, flag: 'wx', flush: true }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    },
  )
  return readFile(path)
}

/** Returns the key that encrypts users' secrets: the configured one, else the one in the data directory. */
export async function encryptionKeyOf(config: Config): Promise<Uint8Array> {
  if (config.encryptionKey) return config.encryptionKey
  const key = readEncryptionKey((await keptSecret(config, 'encryption-key')).toString())
  if (key) return key
  throw new StartError(
    `${join(config.dataDir, 'encryption-key')} does not hold a key: restore it from a backup, or set ZERODB_ENCRYPTION_KEY`,
  )
}

/** Returns the first user with a project. Creates both, an API key and the secret of event ids when the database has none. */
export async function ensureOwner(store: Store, config: Config): Promise<Owner> {
  return store.transaction(async (tx) => {
    await tx.users.lock()
    // In one transaction with the first user: a restore needs a database without users, and brings this secret.
    await tx.events.ensureKey()
    const known = await tx.users.first()
    const owner = known ?? (await tx.users.create(null))
    const key = config.bootstrapKey ?? (known ? null : newApiKey())
    if (key !== null)
      await tx.keys.create({
        ...owner,
        project_id: null,
        name: 'first key',
        hash: hashApiKey(key),
        last4: key.slice(-4),
      })
    return { ...owner, new_key: known ? null : key }
  })
}
