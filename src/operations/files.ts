import { z } from 'zod'
import type { App, Caller } from '../app.ts'
import { scopeOf } from '../auth/caller.ts'
import { ZeroError } from '../errors.ts'
import { parseJson } from '../exact-json.ts'
import { queryWarnings, relevanceQuery, relevanceScore } from '../memory/relevance.ts'
import { file, fileKey, fileList, fileMatches, fileSearch, fileUpdate, fileUpload } from '../schema/file.ts'
import { safeParse } from '../schema/safe-parse.ts'
import { shapeErrors } from '../schema/shape-errors.ts'
import { decodeCursor, encodeCursor } from './lib/cursor.ts'
import { missingField } from './lib/missing-field.ts'
import { type Bytes, defineBytes, defineJson, defineUpload, type UploadPart } from './operation.ts'

export const BASE = '/api/v1/projects/:project_id/database/files'
export const NO_CONTENT = 'This file was registered without content'

export const filesUpload = defineUpload({
  name: 'files.upload',
  summary: 'Upload a file',
  description:
    'Stores a file sent as multipart/form-data or in base64, or registers one by its metadata only. Emits `zerodb.file.uploaded`.',
  route: `POST ${BASE}/upload`,
  permission: 'zerodb:write',
  idempotent: false,
  input: fileUpload,
  output: file,
  run: (app, caller, input, parts) => (parts ? uploadParts(app, caller, input, parts) : uploadJson(app, caller, input)),
})

/** Stores a file from a JSON body: metadata only, or content as base64. */
async function uploadJson(app: App, caller: Caller, input: z.infer<typeof fileUpload>) {
  const content = input.file_content === undefined ? null : decodeBase64(input.file_content)
  if (!input.file_name && !input.file_key) {
    throw missingField('file_name', 'Field required: send file_name or file_key')
  }
  const scope = await writable(app, caller, input.project_id)
  const stored = content && (await app.blobs.put(once(content), app.config.maxUploadBytes))
  return create(app, scope, input, stored)
}

/** Stores a file from a multipart body. The first file part is the content; text fields before or after it are the metadata. */
async function uploadParts(
  app: App,
  caller: Caller,
  input: z.infer<typeof fileUpload>,
  parts: AsyncIterable<UploadPart>,
) {
  const fields: Record<string, unknown> = { ...input }
  const scope = await writable(app, caller, input.project_id)
  let stored: { blob: string; size_bytes: number } | null = null
  for await (const part of parts) {
    if (part.kind === 'field') {
      // The content before this field may already be stored in the project of the path.
      if (part.name === 'project_id' && part.value !== '-' && part.value.toLowerCase() !== scope.project_id)
        throw new ZeroError('not_found', 'Project not found')
      fields[part.name] = part.name === 'file_metadata' ? parseMetadata(part.value) : part.value
    } else if (stored) {
      throw new ZeroError('invalid', 'The body has more than one file part: send one file per request')
    } else {
      stored = await app.blobs.put(part.content, app.config.maxUploadBytes)
      fields['file_name'] ??= part.file_name
      fields['content_type'] ??= part.content_type
    }
  }
  if (!stored) throw missingField('file', 'Field required: send the content as a file part')
  delete fields['size_bytes']
  return create(app, scope, parse(fields), stored)
}

async function create(
  app: App,
  scope: ReturnType<typeof scopeOf>,
  input: z.infer<typeof fileUpload>,
  stored: { blob: string; size_bytes: number } | null,
) {
  return app.store.files.create(scope, {
    file_key: input.file_key ?? null,
    file_name: input.file_name ?? input.file_key!.split('/').at(-1)!.slice(0, 255),
    content_type: input.content_type ?? null,
    size_bytes: stored?.size_bytes ?? input.size_bytes ?? null,
    folder: input.folder ?? null,
    metadata: input.file_metadata,
    blob: stored?.blob ?? null,
  })
}

/** Throws `not_found` before the body is read if the project does not belong to the caller, so that no bytes are written for it. */
async function writable(app: App, caller: Caller, projectId: string) {
  const scope = scopeOf(caller, projectId)
  if (!(await app.store.files.mayUpload(scope))) throw new ZeroError('not_found', 'Project not found')
  return scope
}

function parse(input: unknown): z.infer<typeof fileUpload> {
  const parsed = safeParse(fileUpload, input)
  if (parsed.success) return parsed.data
  const fields = shapeErrors(parsed.error, input, (key) => (key === 'project_id' ? 'path' : 'body'))
  throw new ZeroError('validation_failed', undefined, { fields })
}

function parseMetadata(text: string): unknown {
  try {
    return parseJson(text, ['body', 'file_metadata'])
  } catch (error) {
    if (error instanceof ZeroError) throw error
    // Not valid JSON: the schema reports the error.
    return text
  }
}

function decodeBase64(text: string): Buffer {
  const bare = text.replace(/^data:[^,]*;base64,/, '').replace(/\s/g, '')
  const decoded = Buffer.from(bare, 'base64')
  // Node skips characters that are not base64, which would store an incomplete file.
  if (decoded.toString('base64').replace(/=+$/, '') !== bare.replace(/-/g, '+').replace(/_/g, '/').replace(/=+$/, '')) {
    throw new ZeroError('validation_failed', undefined, {
      fields: [{ type: 'value_error', loc: ['body', 'file_content'], msg: 'Input should be valid base64' }],
    })
  }
  return decoded
}

async function* once(content: Buffer): AsyncIterable<Uint8Array> {
  yield content
}

export const filesList = defineJson({
  name: 'files.list',
  summary: 'List files, newest first',
  description: 'Returns a page of the files of the project, without their contents.',
  route: `GET ${BASE}`,
  permission: 'zerodb:read',
  idempotent: true,
  input: fileList,
  output: z.array(file).describe('The files, newest first'),
  nextCursor: (files, { limit }) => encodeCursor(files, limit),
  async run(app, caller, { project_id, cursor, ...page }) {
    const scope = scopeOf(caller, project_id)
    await app.store.projects.get(scope)
    return app.store.files.list(scope, { ...page, after: decodeCursor(cursor) })
  },
})

const CANDIDATES = 200

export const filesSearch = defineJson({
  name: 'files.search',
  summary: 'Search files',
  description: 'Returns the files whose names or summaries are relevant to the query, the most relevant first.',
  route: `POST ${BASE}/search`,
  permission: 'zerodb:read',
  idempotent: true,
  input: fileSearch,
  errors: ['provider_refused'],
  output: fileMatches,
  async run(app, caller, input) {
    const scope = scopeOf(caller, input.project_id)
    await app.store.projects.get(scope)
    const query = await relevanceQuery(app, scope, 'files', input.query)
    const found = await app.store.files.search(scope, query, input.folder ?? null, CANDIDATES)
    const results = found
      .map(({ coverage, rank, cosine, ...file }) => {
        const score = relevanceScore({ coverage, rank, cosine })
        return { ...file, score, similarity: score }
      })
      .sort((a, b) => b.score - a.score)
      .slice(0, input.limit)
    return { results, count: results.length, ...(await queryWarnings(app, input.query)) }
  },
})

export const filesGet = defineJson({
  name: 'files.get',
  summary: 'Get the metadata of a file',
  description: 'Returns the metadata of one file.',
  route: `GET ${BASE}/:file_id`,
  permission: 'zerodb:read',
  idempotent: true,
  input: fileKey,
  output: file,
  async run(app, caller, input) {
    const { blob: _, ...metadata } = await app.store.files.get(scopeOf(caller, input.project_id), input.file_id)
    return metadata
  },
})

export const filesUpdate = defineJson({
  name: 'files.update',
  summary: 'Update the metadata of a file',
  description:
    'Changes fields of a file’s metadata; its content stays. Emits `zerodb.file.updated`, unless the file has these values already.',
  route: `PATCH ${BASE}/:file_id`,
  permission: 'zerodb:write',
  idempotent: true,
  input: fileUpdate,
  output: file,
  run: (app, caller, { project_id, file_id, file_metadata, ...fields }) =>
    app.store.files.update(scopeOf(caller, project_id), file_id, { ...fields, metadata: file_metadata }),
})

export const filesDownload = defineBytes({
  name: 'files.download',
  summary: 'Download the content of a file',
  description: 'Returns the bytes as they were uploaded. Supports ranges and ETags.',
  route: `GET ${BASE}/:file_id/download`,
  permission: 'zerodb:read',
  idempotent: true,
  input: fileKey,
  media: '*/*',
  async run(app, caller, input) {
    return toBytes(app, await app.store.files.get(scopeOf(caller, input.project_id), input.file_id))
  },
})

export function toBytes(
  app: App,
  file: { file_name: string; content_type: string | null; size_bytes: number | null; blob: string | null },
): Bytes {
  const { blob } = file
  if (blob === null) throw new ZeroError('not_found', NO_CONTENT)
  return {
    size: file.size_bytes ?? 0,
    content_type: file.content_type ?? 'application/octet-stream',
    file_name: file.file_name,
    etag: blob,
    open: (range) => app.blobs.open(blob, range),
  }
}

export const filesDelete = defineJson({
  name: 'files.delete',
  summary: 'Delete a file',
  description:
    'Deletes the file. Its content is kept as long as the event, and then deleted unless another file has it. Emits `zerodb.file.deleted`.',
  route: `DELETE ${BASE}/:file_id`,
  permission: 'zerodb:write',
  idempotent: false,
  input: fileKey,
  output: z.null(),
  status: 204,
  async run(app, caller, input) {
    if (!(await app.store.files.remove(scopeOf(caller, input.project_id), input.file_id)))
      throw new ZeroError('not_found', 'File not found')
    return null
  },
})
