import { Command } from 'commander'
import type { CreatedKey, Key, KeysCreateInput } from '../../client/index.ts'
import { readConfig } from '../../config.ts'
import { hashApiKey, newApiKey } from '../../crypto.ts'
import { StartError } from '../../errors.ts'
import type { Store } from '../../store/index.ts'
import { askKey, type KeyAnswers } from '../lib/ask-key.ts'
import { pick } from '../lib/find.ts'
import { print, table, time } from '../lib/output.ts'
import { number } from '../lib/parse-options.ts'
import { remote, sessionOf } from '../lib/remote.ts'
import { isAway, type ServerFlags } from '../lib/server-config.ts'

interface Create extends ServerFlags {
  scope?: string[]
  ttlSeconds?: number | undefined
  json?: boolean
}

interface Keys {
  create(name: string, options: Create): Promise<CreatedKey>
  list(): Promise<Key[]>
  revoke(id: string): Promise<void>
}

/** Calls the running server, or opens the database if no server runs. A lost first key can so be replaced. */
async function withKeys<R>(options: ServerFlags, work: (keys: Keys) => Promise<R>): Promise<R> {
  try {
    return await work(overHttp(options))
  } catch (error) {
    if (!isAway(error, options)) throw error
    return withStore((store) => work(inStore(store)))
  }
}

function overHttp(options: ServerFlags): Keys {
  const { zerodb } = sessionOf(options)
  return {
    create: (name, { scope, ttlSeconds, project }) =>
      zerodb.keys.create({
        name,
        scopes: scope as KeysCreateInput['scopes'],
        ttl_seconds: ttlSeconds,
        project_id: project,
      }),
    list: () => zerodb.keys.list(),
    revoke: (key_id) => zerodb.keys.revoke({ key_id }),
  }
}

/** Opens the database. The embedded one can only be opened while the server is stopped. */
async function withStore<R>(work: (store: Store) => Promise<R>): Promise<R> {
  const { openStorage } = await import('../../main.ts')
  const storage = await openStorage(readConfig(process.env))
  try {
    return await work(storage.store)
  } finally {
    await storage.close()
  }
}

function inStore(store: Store): Keys {
  return {
    async create(name, { project, scope, ttlSeconds }) {
      const owner = await store.users.first()
      if (!owner) throw new StartError('There is no user yet: start the server once with "zerodb start"')
      if (project !== undefined) await store.projects.get({ user_id: owner.user_id, project_id: project })
      const key = newApiKey()
      const { user_id: _, ...stored } = await store.keys.create({
        user_id: owner.user_id,
        project_id: project ?? null,
        name,
        hash: hashApiKey(key),
        last4: key.slice(-4),
        scopes: scope ?? ['*'],
        ttl_seconds: ttlSeconds,
      })
      return { ...stored, key }
    },
    list: async () => (await store.keys.list()).map(({ user_id: _, ...key }) => key),
    async revoke(id) {
      if ((await store.keys.revoke(id)) === null)
        throw new StartError(`No live key has the id "${id}": see "zerodb keys list"`)
    },
  }
}

const state = ({ revoked_at, expires_at }: Key) => {
  if (revoked_at) return 'revoked'
  return expires_at && expires_at < new Date().toISOString() ? 'expired' : 'live'
}

const create = remote('create', 'create a key and print it, once')
  .argument('[name]', 'name that tells its purpose; asked for if not given')
  .option('--scope <scope...>', "permissions: zerodb:read, memory:*, …, '*' for everything; asked for if not given")
  .option('--ttl-seconds <n>', 'lifetime in seconds', number)
  .action(async (name: string | undefined, options: Create) => {
    const answers = await askKey({ name, scope: options.scope, ttlSeconds: options.ttlSeconds } as Partial<KeyAnswers>)
    await withKeys(options, async (keys) => {
      const created = await keys.create(answers.name, { ...options, ...answers })
      print(options.json ? JSON.stringify(created) : created.key)
    })
  })

const list = remote('list', 'list all keys, without the keys themselves').action((options: Create) =>
  withKeys(options, async (keys) => {
    const all = await keys.list()
    const rows = all.map((key) => [
      ...[key.id, `…${key.last4}`, state(key), key.project_id ?? 'all projects', key.scopes.join(' ')],
      ...[key.last_used_at === null ? 'never' : time(key.last_used_at), key.name],
    ])
    const words = () => table(['ID', 'KEY', 'STATE', 'PROJECT', 'PERMISSIONS', 'LAST USED', 'NAME'], rows, 'No keys')
    print(options.json ? JSON.stringify(all) : words())
  }),
)

const revoke = remote('revoke', 'revoke a key immediately')
  .argument('<id>', 'id from "keys list", or its first digits')
  .action((given: string, options: Create) =>
    withKeys(options, async (keys) => {
      const known = (await keys.list()).map((key) => ({ id: key.id, names: [], words: key.name }))
      const { id } = pick('Key', given, known)
      await keys.revoke(id)
      print(options.json ? JSON.stringify({ id, revoked: true }) : `Revoked ${id}`)
    }),
  )

export const keys = new Command('keys').description(
  'API keys of the running server, or of the data directory if none runs',
)
for (const command of [create, list, revoke]) keys.addCommand(command)
