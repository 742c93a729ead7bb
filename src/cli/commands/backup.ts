import { readConfig } from '../../config.ts'
import { dumpAll } from '../../transfer/dump.ts'
import { iterable, LONG_TIMEOUT, megabytes, writeWithProgress } from '../lib/file-io.ts'
import { note, print } from '../lib/output.ts'
import { remote, sessionOf } from '../lib/remote.ts'
import { isAway, type ServerFlags } from '../lib/server-config.ts'

interface Options extends ServerFlags {
  withKey?: boolean
  json?: boolean
}

export const backup = remote(
  'backup',
  'write all data to a file: from the running server, or from the data directory if none runs',
)
  .argument('<file>')
  .option('--with-key', 'include the encryption key; anyone with the file can then read the secrets in it')
  .action(async (file: string, options: Options) => {
    const bytes = await fromServer(file, options).catch((error) => {
      if (!isAway(error, options)) throw error
      return fromData(file, options)
    })
    if (!options.withKey && !options.json)
      note(
        'The backup does not include the encryption key of its secrets: keep encryption-key of the data directory, or ZERODB_ENCRYPTION_KEY, as well',
      )
    print(options.json ? JSON.stringify({ file, bytes }) : `Backed up to ${file}, ${megabytes(bytes)}`)
  })

async function fromServer(file: string, options: Options): Promise<number> {
  const { zerodb } = sessionOf(options)
  const { stream } = await zerodb.backups.create({ with_key: options.withKey }, LONG_TIMEOUT)
  return writeWithProgress(file, iterable(stream), 'backed up', options.json)
}

async function fromData(file: string, { withKey, json }: Options): Promise<number> {
  const { encryptionKeyOf } = await import('../../bootstrap.ts')
  const { openStorage } = await import('../../main.ts')
  const config = readConfig(process.env)
  const storage = await openStorage(config)
  try {
    return await writeWithProgress(
      file,
      await dumpAll(storage, withKey ? { encryptionKey: await encryptionKeyOf(config) } : {}),
      'backed up',
      json,
    )
  } finally {
    await storage.close()
  }
}
