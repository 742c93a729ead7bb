import { z } from 'zod'
import { flag, projectId } from './common.ts'

export const projectExport = z.object({ project_id: projectId })
export const projectImport = z.object({})
/** What has been made. */
export const projectImported = z.object({
  project_id: z.string(),
  name: z.string(),
  /** Rows by kind. */
  counts: z.record(z.string(), z.number()),
  /** Names of webhooks: their secrets did not travel, and they wait for new ones (`rotate-secret`). */
  without_secret: z.array(z.string()),
})

export const backup = z.object({
  /** Whether the key goes with it that opens the secrets in it. */
  with_key: flag.default(false),
})
