import { z } from 'zod'
import {
  arrayCursor,
  createdAt,
  integer,
  limit,
  metadata,
  name,
  offset,
  ownProjectId,
  projectId,
  timestamp,
  updatedAt,
  uuid,
  warnings,
  wording,
} from './common.ts'

export const file = z
  .object({
    file_id: z.string().describe('Id of the file'),
    id: z.string().describe('Same value as `file_id`'),
    project_id: ownProjectId,
    file_key: z.string().describe('Key of the file: the one that was sent, or one that the server made'),
    file_name: z.string().describe('Name of the file'),
    content_type: z.string().nullable().describe('Media type of the content; null when unknown'),
    size_bytes: z.number().nullable().describe('Size of the content in bytes; null when unknown'),
    folder: z.string().nullable().describe('Folder that the file is listed in; null when it is in none'),
    file_metadata: metadata.describe('Metadata of the file'),
    metadata: metadata.describe('Same value as `file_metadata`'),
    has_content: z
      .boolean()
      .describe('Whether the server has the content; false for a file that was registered by its metadata only'),
    summary: z
      .string()
      .nullable()
      .describe('Summary of the content by the hook auto_summarize; null when there is none'),
    created_at: createdAt,
    updated_at: updatedAt.nullable().describe('When the metadata last changed; null when it never did'),
  })
  .meta({ id: 'File', description: 'A file: its metadata, and whether the server has its content' })
export type File = z.infer<typeof file>

/** Input of an upload: content as a multipart part, as base64, or none (metadata only). */
export const fileUpload = z.object({
  project_id: projectId,
  file_key: z.string().min(1).max(1024).optional().describe('Key of the file. When absent, the server makes one'),
  file_name: name
    .optional()
    .describe('Name of the file. When absent: that of the file part, else the last segment of `file_key`'),
  file_content: z
    .string()
    .optional()
    .describe('The content in base64, in a JSON body. When absent, only metadata is stored'),
  content_type: z
    .string()
    .max(255)
    .nullish()
    .describe('Media type of the content. When absent: that of the file part, else null'),
  size_bytes: z
    .number()
    .int()
    .min(0)
    .max(Number.MAX_SAFE_INTEGER)
    .nullish()
    .describe('Size in bytes of a file that is stored elsewhere. Ignored when the request has the content'),
  folder: z.string().max(1024).nullish().describe('Folder to list the file in'),
  file_metadata: metadata.default({}).describe('Any JSON object of yours'),
})
export const fileList = z.object({
  project_id: projectId,
  folder: z.string().optional().describe('Only files of this folder'),
  limit: limit(100),
  offset,
  cursor: arrayCursor,
})
/** Input of a search by words and by similarity in names and summaries. */
export const fileSearch = z.object({
  project_id: projectId,
  query: wording.max(10_000).describe('What to look for in names and summaries: words, or a question'),
  folder: z.string().optional().describe('Only files of this folder'),
  limit: limit(10),
})
export const fileMatch = file
  .extend({
    score: z.number().describe('Relevance from 0 to 1; results are sorted by it'),
    similarity: z.number().describe('Same value as `score`'),
  })
  .meta({ id: 'FileMatch', description: 'A file that a search found' })
export const fileMatches = z
  .object({
    results: z.array(fileMatch).describe('The files found, the most relevant first'),
    count: z.number().describe('Number of results'),
    warnings,
  })
  .meta({ id: 'FileMatches', description: 'Result of a search for files' })
export const fileKey = z.object({ project_id: projectId, file_id: uuid.describe('Id of the file') })

/** Maximum lifetime of a presigned URL: 7 days. */
const MAX_URL_SECONDS = 604_800
export const filePresign = z.object({
  project_id: projectId,
  file_id: uuid.describe('Id of the file'),
  expires_in: integer(1, MAX_URL_SECONDS)
    .default(3_600)
    .describe('Seconds until the URL expires, 1 to 604,800 (7 days)'),
  operation: z
    .literal('download')
    .default('download')
    .describe(
      'What the URL is for: only `download` of a file that exists. For an upload, use `POST …/files/presigned-upload`, with `file_id` for a file that exists',
    ),
})
export const presignedUrl = z
  .object({
    url: z
      .string()
      .describe('The URL, for GET requests without a key. Without an origin for calls from functions and MCP tools'),
    url_path: z.string().describe('Path and query of the URL, without the origin'),
    method: z.literal('GET').describe('Always `GET`'),
    operation: z.literal('download').describe('Always `download`'),
    file_id: z.string().describe('Id of the file'),
    expires_in: z.number().describe('Seconds until the URL expires'),
    expires_at: timestamp.describe('When the URL expires: ISO 8601 in UTC'),
  })
  .meta({ id: 'PresignedUrl', description: 'A URL that downloads one file without a key until it expires' })
export const filePresigned = z.object({
  project_id: projectId.describe('Id of the project, as in the presigned URL'),
  file_id: uuid.describe('Id of the file'),
  expires: integer(0, Number.MAX_SAFE_INTEGER).describe('When the URL expires, in seconds since 1970'),
  signature: z.string().max(255).describe('Signature of project, file and time'),
})
/** Maximum number of presigned uploads of one project that are not done. */
export const MAX_OPEN_UPLOADS = 10_000

export const filePresignUpload = z.object({
  project_id: projectId,
  file_id: uuid
    .optional()
    .describe('Id of a file that was registered without content, which the upload adds. When absent: a new file'),
  file_name: fileUpload.shape.file_name.describe('Name of the new file. Required without `file_id`'),
  file_key: fileUpload.shape.file_key,
  content_type: fileUpload.shape.content_type.describe(
    'Media type of the content, which the upload must send as `Content-Type`. When absent: that of the upload',
  ),
  folder: fileUpload.shape.folder,
  file_metadata: fileUpload.shape.file_metadata,
  max_bytes: integer(1, Number.MAX_SAFE_INTEGER)
    .optional()
    .describe('Maximum size of the content in bytes. When absent: the limit of the server for uploads'),
  expires_in: filePresign.shape.expires_in,
})
export const presignedUpload = z
  .object({
    url: z
      .string()
      .describe('The URL, for one PUT request without a key. Without an origin for calls from functions and MCP tools'),
    url_path: z.string().describe('Path and query of the URL, without the origin'),
    method: z.literal('PUT').describe('Always `PUT`'),
    operation: z.literal('upload').describe('Always `upload`'),
    headers: z.record(z.string(), z.string()).describe('Headers that the request must have'),
    file_id: z.string().describe('Id that the file will have'),
    max_bytes: z.number().describe('Maximum size of the content in bytes'),
    expires_in: z.number().describe('Seconds until the URL expires'),
    expires_at: timestamp.describe('When the URL expires: ISO 8601 in UTC'),
  })
  .meta({ id: 'PresignedUpload', description: 'A URL that uploads one file without a key, once, until it expires' })
export const filePresignedUpload = filePresigned.extend({
  file_id: uuid.describe('Id of the file, as in the presigned URL'),
})
export const fileUpdate = fileKey.extend({
  file_key: fileUpload.shape.file_key.describe('Key of the file. When absent, it stays'),
  file_name: fileUpload.shape.file_name.describe('Name of the file. When absent, it stays'),
  content_type: fileUpload.shape.content_type.describe(
    'Media type of the content. Null: unknown. When absent, it stays',
  ),
  folder: fileUpload.shape.folder.describe('Folder to list the file in. Null: none. When absent, it stays'),
  file_metadata: metadata.optional().describe('Metadata that replaces the old metadata. When absent, it stays'),
})
