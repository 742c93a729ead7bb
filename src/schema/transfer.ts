import { z } from 'zod'
import { flag, projectId } from './common.ts'

export const projectExport = z.object({ project_id: projectId })
export const projectImport = z.object({})
export const projectImported = z
  .object({
    project_id: z.string().describe('Id of the project, which is the one of the export'),
    name: z.string().describe('Name of the project'),
    counts: z.record(z.string(), z.number()).describe('Number of rows imported, by kind'),
    without_secret: z
      .array(z.string())
      .describe('Names of webhooks that need a new secret (`rotate-secret`): an export has no secrets'),
  })
  .meta({ id: 'ProjectImported', description: 'The project that was imported' })

export const backup = z.object({
  with_key: flag.default(false).describe('True: include the key that decrypts the secrets in the backup'),
})
