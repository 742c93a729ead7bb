import { createHash, randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { access, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ZeroError } from '../errors.ts'
import type { Blobs } from './index.ts'

/** Stores contents as files under `folder`, in subfolders named after the first two digits of their hash. */
export function diskBlobs(folder: string): Blobs {
  const staging = join(folder, 'staging')
  const pathOf = (blob: string) => join(folder, blob.slice(0, 2), blob)

  return {
    name: 'disk',

    async put(content, maxBytes) {
      await mkdir(staging, { recursive: true })
      const staged = join(staging, randomUUID())
      const file = await open(staged, 'wx', 0o600)
      const hash = createHash('sha256')
      let size = 0
      try {
        for await (const chunk of content) {
          size += chunk.length
          if (size > maxBytes)
            throw new ZeroError(
              'too_large',
              `The file is too large: at most ${Math.floor(maxBytes / 1024 / 1024)} MB are allowed`,
            )
          hash.update(chunk)
          await file.write(chunk)
        }
        await file.sync()
        await file.close()
        const blob = hash.digest('hex')
        await mkdir(join(folder, blob.slice(0, 2)), { recursive: true })
        await rename(staged, pathOf(blob))
        return { blob, size_bytes: size }
      } catch (error) {
        await file.close().catch(() => undefined)
        await rm(staged, { force: true })
        throw error
      }
    },

    async open(blob, range) {
      const path = pathOf(blob)
      await access(path).catch((cause) => {
        throw new ZeroError('not_found', 'The content of this file is missing', { cause })
      })
      return createReadStream(path, range ? { start: range.start, end: range.end - 1 } : {})
    },

    async collect(inUse, graceSeconds) {
      const before = Date.now() - graceSeconds * 1000
      let removed = 0
      for (const group of await readdir(folder).catch(() => [])) {
        const names = await readdir(join(folder, group))
        const old: string[] = []
        for (const name of names) if ((await stat(join(folder, group, name))).mtimeMs < before) old.push(name)
        const used = group === 'staging' ? new Set<string>() : await inUse(old)
        for (const name of old) {
          if (used.has(name)) continue
          await rm(join(folder, group, name), { force: true })
          removed++
        }
      }
      return removed
    },
  }
}
