import { z } from 'zod'
import { timestamp } from './common.ts'

export const instantDbCreate = z.object({})
export const instantDb = z
  .object({
    project_id: z.string().describe('Id of the project, which is the database'),
    api_key: z
      .string()
      .describe(
        'Key of the project, with the prefix `tmp_`: for data, memories and hooks, but not for functions. The server shows it only in this response',
      ),
    claim_url: z.string().describe('Path of the request that claims the database (`instant_db.claim`)'),
    claim_token: z.string().describe('Token that claims the database. The server shows it only in this response'),
    expires_at: timestamp.describe('When the key stops working and the database is deleted, unless it is claimed'),
    endpoints: z
      .object({
        vectors: z.string().describe('Path of the vectors'),
        memory: z.string().describe('Path of the memories'),
        files: z.string().describe('Path of the files'),
        tables: z.string().describe('Path of the tables'),
      })
      .describe('Paths of the API for this project'),
  })
  .meta({ id: 'InstantDb', description: 'A temporary database, with its key' })

export const instantDbClaim = z.object({
  claim_token: z.string().min(1).max(255).describe('The token from `instant_db.create`'),
})
export const claimedDb = z
  .object({
    project_id: z.string().describe('Id of the project, which now belongs to you'),
    api_key: z
      .string()
      .describe(
        'A key of the project that does not expire, with your permissions. The server shows it only in this response',
      ),
  })
  .meta({ id: 'ClaimedDb', description: 'A claimed database, with its permanent key' })
