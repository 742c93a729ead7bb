import { readConfig } from '../../config.ts'
import { dumpAll } from '../../transfer/dump.ts'
import { note, print } from '../lib/output.ts'
import { remote, sessionOf } from '../lib/remote.ts'
import { isAway, type ServerFlags } from '../lib/server-config.ts'
import { iterable, megabytes, PATIENTLY, writeShown } from './files.ts'

interface Options extends ServerFlags {
  withKey?: boolean
  json?: boolean
}

export const backup = remote('backup', 'write everything to a file: of the running server, else of the data here')
  .argument('<file>')
  .option('--with-key', 'also the key that opens the secrets in it; then whoever has the file can read them')
  .action(async (file: string, options: Options) => {
    const bytes = await fromServer(file, options).catch((error) => {
      if (!isAway(error, options)) throw error
      return fromData(file, options)
    })
    if (!options.withKey && !options.json)
      note(
        'The key that opens the secrets in it is kept apart: encryption-key in the data directory, or ZERODB_ENCRYPTION_KEY',
      )
    print(options.json ? JSON.stringify({ file, bytes }) : `Backed up to ${file}, ${megabytes(bytes)}`)
  })

async function fromServer(file: string, options: Options): Promise<number> {
  const { zerodb } = sessionOf(options)
  const { stream } = await zerodb.backups.create({ with_key: options.withKey }, PATIENTLY)
  return writeShown(file, iterable(stream), 'backed up', options.json)
}

async function fromData(file: string, { withKey, json }: Options): Promise<number> {
  const { encryptionKeyOf } = await import('../../bootstrap.ts')
  const { openStorage } = await import('../../main.ts')
  const config = readConfig(process.env)
  const storage = await openStorage(config)
  try {
    return await writeShown(
      file,
      await dumpAll(storage, withKey ? { encryptionKey: await encryptionKeyOf(config) } : {}),
      'backed up',
      json,
    )
  } finally {
    await storage.close()
  }
}
