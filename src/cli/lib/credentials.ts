import { chmod, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'

const credentials = z.object({ url: z.string(), api_key: z.string(), user_id: z.string(), project_id: z.string() })
export type Credentials = z.infer<typeof credentials>

const pathIn = (dataDir: string) => join(dataDir, 'credentials.json')

/** Returns null if the file is missing or not valid. */
export async function readCredentials(dataDir: string): Promise<Credentials | null> {
  const text = await readFile(pathIn(dataDir), 'utf8').catch(() => null)
  if (text === null) return null
  try {
    return credentials.parse(JSON.parse(text))
  } catch {
    return null
  }
}

/** Writes the file atomically, readable only by its owner. Returns its path. */
export async function writeCredentials(dataDir: string, value: Credentials): Promise<string> {
  const path = pathIn(dataDir)
  await writeFile(`${path}.new`, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 })
  await chmod(`${path}.new`, 0o600)
  await rename(`${path}.new`, path)
  return path
}
