import { Command } from 'commander'
import { readConfig } from '../config.ts'
import { hashApiKey, newApiKey } from '../crypto.ts'
import { StartError } from '../errors.ts'
import { openDatabase } from '../main.ts'
import { openStore, type Store } from '../store/index.ts'

/** Opens the database without the rest of the system. On the embedded database the server must not be running. */
async function withStore(work: (store: Store) => Promise<void>): Promise<void> {
  const database = await openDatabase(readConfig(process.env))
  try {
    await work(openStore(database, { onCommitted: () => {}, skewSeconds: () => 0 }))
  } finally {
    await database.close()
  }
}

export const keys = new Command('keys').description(
  'API keys (with the embedded database: while the server is stopped)',
)

keys
  .command('create')
  .description('make a key and print it, once')
  .argument('[name]', 'what it is for', 'key')
  .option('--project <id>', 'the only project that it may touch')
  .option('--json', 'print JSON')
  .action((name: string, options: { project?: string; json?: boolean }) =>
    withStore(async (store) => {
      const owner = await store.users.first()
      if (!owner) throw new StartError('There is no user yet: start the server once, "zerodb start"')
      if (options.project !== undefined)
        await store.projects.get({ user_id: owner.user_id, project_id: options.project })
      const key = newApiKey()
      const stored = await store.keys.create({
        user_id: owner.user_id,
        project_id: options.project ?? null,
        name,
        hash: hashApiKey(key),
        last4: key.slice(-4),
      })
      console.log(options.json ? JSON.stringify({ id: stored.id, name, key, project_id: stored.project_id }) : key)
    }),
  )

keys
  .command('list')
  .description('all keys, without the keys themselves')
  .option('--json', 'print JSON')
  .action((options: { json?: boolean }) =>
    withStore(async (store) => {
      const list = await store.keys.list()
      if (options.json) {
        console.log(JSON.stringify(list))
        return
      }
      for (const key of list) {
        const state = key.revoked_at
          ? 'revoked'
          : key.expires_at && key.expires_at < new Date().toISOString()
            ? 'expired'
            : 'live'
        console.log(
          `${key.id}  …${key.last4}  ${state.padEnd(7)}  ${key.project_id ?? 'all projects'}  last used ${key.last_used_at ?? 'never'}  ${key.name}`,
        )
      }
    }),
  )

keys
  .command('revoke')
  .description('refuse a key from now on')
  .argument('<id>', 'the id that "keys list" shows')
  .action((id: string) =>
    withStore(async (store) => {
      if ((await store.keys.revoke(id)) === null)
        throw new StartError(`No live key has the id "${id}": see "zerodb keys list"`)
      console.log(`Revoked ${id}`)
    }),
  )
