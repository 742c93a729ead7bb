import { z } from 'zod'
import type { App, Caller } from '../app.ts'
import { scopeOf } from '../auth/caller.ts'
import { sameSecret, signText } from '../crypto.ts'
import { ZeroError } from '../errors.ts'
import { parseJson } from '../exact-json.ts'
import { queryWarnings, relevanceQuery, relevanceScore } from '../memory/relevance.ts'
import {
  file,
  fileKey,
  fileList,
  fileMatches,
  filePresign,
  filePresigned,
  filePresignedUpload,
  filePresignUpload,
  fileSearch,
  fileUpdate,
  fileUpload,
  MAX_OPEN_UPLOADS,
  presignedUpload,
  presignedUrl,
} from '../schema/file.ts'
import { safeParse } from '../schema/safe-parse.ts'
import { shapeErrors } from '../schema/shape-errors.ts'
import { decodeCursor, encodeCursor } from './lib/cursor.ts'
import { missingField } from './lib/missing-field.ts'
import { type Bytes, defineBytes, defineJson, defineUpload, type UploadPart } from './operation.ts'

const BASE = '/api/v1/projects/:project_id/database/files'
const NO_CONTENT = 'This file was registered without content'

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

function toBytes(
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

export const filesPresign = defineJson({
  name: 'files.presign',
  summary: 'Create a URL that downloads a file without a key',
  description:
    'Returns a presigned URL of one file, which anybody who has it can download until it expires. It stays valid if the key is revoked; deleting the file ends it.',
  route: `POST ${BASE}/:file_id/presigned-url`,
  permission: 'zerodb:read',
  idempotent: true,
  input: filePresign,
  output: presignedUrl,
  async run(app, caller, { project_id, file_id, expires_in, operation }) {
    const file = await app.store.files.get(scopeOf(caller, project_id), file_id)
    if (file.blob === null) throw new ZeroError('not_found', NO_CONTENT)
    const expires = Math.floor(app.clock.now() / 1000) + expires_in
    const query = `expires=${expires}&signature=${signatureOf(app, { ...file, expires }, 'file-download')}`
    const url_path = `/api/v1/projects/${file.project_id}/database/files/${file_id}/presigned?${query}`
    return {
      url: `${caller.origin ?? ''}${url_path}`,
      url_path,
      method: 'GET' as const,
      operation,
      file_id,
      expires_in,
      expires_at: new Date(expires * 1000).toISOString(),
    }
  },
})

export const filesDownloadPresigned = defineBytes({
  name: 'files.download_presigned',
  summary: 'Download a file by its presigned URL',
  description: 'Returns the bytes of the file if the signature is right and has not expired. Needs no key.',
  route: `GET ${BASE}/:file_id/presigned`,
  permission: 'public',
  idempotent: true,
  input: filePresigned,
  errors: ['forbidden', 'not_found'],
  media: '*/*',
  async run(app, _, input) {
    checkPresigned(app, input, 'file-download')
    const file = await app.store.files.content(input.project_id, input.file_id)
    if (!file) throw new ZeroError('not_found', 'File not found')
    return toBytes(app, file)
  },
})

export const filesPresignUpload = defineJson({
  name: 'files.presign_upload',
  summary: 'Create a URL that uploads a file without a key',
  description:
    'Returns a presigned URL with which anybody who has it can upload one file, once, until it expires: a browser sends the content as the body of a PUT request. The file gets the name and metadata of this request. A used or expired URL is 403.',
  route: `POST ${BASE}/presigned-upload`,
  permission: 'zerodb:write',
  idempotent: false,
  input: filePresignUpload,
  errors: ['quota_exceeded'],
  output: presignedUpload,
  status: 201,
  async run(app, caller, { project_id, expires_in, file_metadata, ...fields }) {
    const scope = scopeOf(caller, project_id)
    const { file_key = null, content_type = null, folder = null, file_name } = fields
    const max_bytes = Math.min(fields.max_bytes ?? Number.POSITIVE_INFINITY, app.config.maxUploadBytes)
    if (!(await app.store.uploads.hasRoom(scope, MAX_OPEN_UPLOADS)))
      throw new ZeroError(
        'quota_exceeded',
        `At most ${MAX_OPEN_UPLOADS} presigned uploads of a project can be open: use them, or wait until they expire`,
      )
    const upload = { file_key, file_name, content_type, folder, metadata: file_metadata, max_bytes }
    const file_id = await app.store.uploads.permit(scope, upload, expires_in)
    const expires = Math.floor(app.clock.now() / 1000) + expires_in
    const signature = signatureOf(app, { project_id: scope.project_id, file_id, expires }, 'file-upload')
    const url_path = `/api/v1/projects/${scope.project_id}/database/files/${file_id}/presigned?expires=${expires}&signature=${signature}`
    return {
      url: `${caller.origin ?? ''}${url_path}`,
      url_path,
      method: 'PUT' as const,
      operation: 'upload' as const,
      headers: content_type === null ? {} : { 'content-type': content_type },
      file_id,
      max_bytes,
      expires_in,
      expires_at: new Date(expires * 1000).toISOString(),
    }
  },
})

const USED = 'This presigned URL has been used, or its project is gone: create a new one'

export const filesUploadPresigned = defineUpload({
  name: 'files.upload_presigned',
  summary: 'Upload a file by its presigned URL',
  description:
    'Stores the body of the request as the file that the URL permits. Needs no key, and works once. Emits `zerodb.file.uploaded`.',
  route: `PUT ${BASE}/:file_id/presigned`,
  permission: 'public',
  isRaw: true,
  idempotent: false,
  input: filePresignedUpload,
  errors: ['forbidden', 'too_large', 'project_suspended'],
  output: file,
  status: 201,
  async run(app, _, { project_id, file_id, expires, signature }, parts) {
    checkPresigned(app, { project_id, file_id, expires, signature }, 'file-upload')
    const upload = await app.store.uploads.get(project_id, file_id)
    if (!upload) throw new ZeroError('forbidden', USED)
    if (upload.is_suspended) throw new ZeroError('project_suspended')
    const { user_id, is_suspended: _suspended, max_bytes, ...fields } = upload
    for await (const part of parts ?? []) {
      if (part.kind !== 'file') continue
      if (fields.content_type !== null && part.content_type !== fields.content_type)
        throw new ZeroError(
          'unsupported_media_type',
          `Send the content as ${fields.content_type}, which the URL is for`,
        )
      const stored = await app.blobs.put(limited(part.content, max_bytes), app.config.maxUploadBytes)
      const content_type = part.content_type === '' ? null : part.content_type
      try {
        const scope = { user_id, project_id, writes_data: true }
        return await app.store.files.create(scope, { ...fields, content_type, ...stored }, file_id)
      } catch (error) {
        if (!(error instanceof ZeroError) || error.code !== 'not_found') throw error
        throw new ZeroError('forbidden', USED, { cause: error })
      }
    }
    throw missingField('file', 'Field required: send the content as the body')
  },
})

/** Throws `too_large` for content of more than `maxBytes`. */
async function* limited(content: AsyncIterable<Uint8Array>, maxBytes: number): AsyncIterable<Uint8Array> {
  let size = 0
  for await (const chunk of content) {
    size += chunk.length
    if (size > maxBytes)
      throw new ZeroError('too_large', `The file is too large: this URL allows at most ${maxBytes} bytes`)
    yield chunk
  }
}

interface Presigned {
  project_id: string
  file_id: string
  expires: number
}

/** Throws `forbidden` for a URL that this server has not signed for this purpose, or that has expired. */
function checkPresigned(app: App, url: Presigned & { signature: string }, purpose: Purpose): void {
  if (!sameSecret(url.signature, signatureOf(app, url, purpose)))
    throw new ZeroError('forbidden', 'The signature of this URL is not valid: create a new presigned URL')
  if (url.expires * 1000 <= app.clock.now())
    throw new ZeroError('forbidden', 'This presigned URL has expired: create a new one')
}

type Purpose = 'file-download' | 'file-upload'

/** Signs the permission to download or upload one file until a time. */
function signatureOf({ jwtSecret }: App, { project_id, file_id, expires }: Presigned, purpose: Purpose): string {
  return signText(jwtSecret, `${project_id}/${file_id}/${expires}`, purpose)
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
