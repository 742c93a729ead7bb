import type { z } from 'zod'
import type { App } from '../app.ts'
import { scopeOf } from '../auth/caller.ts'
import { sameSecret, signText } from '../crypto.ts'
import { ZeroError } from '../errors.ts'
import {
  file,
  filePresign,
  filePresigned,
  filePresignedUpload,
  filePresignUpload,
  MAX_OPEN_UPLOADS,
  presignedUpload,
  presignedUrl,
} from '../schema/file.ts'
import type { Scope } from '../store/context.ts'
import { BASE, NO_CONTENT, toBytes } from './files.ts'
import { missingField } from './lib/missing-field.ts'
import { defineBytes, defineJson, defineUpload } from './operation.ts'

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
    'Returns a presigned URL with which anybody who has it can upload one file, once, until it expires: a browser sends the content as the body of a PUT request. The file gets the name and metadata of this request. With `file_id`, the content is that of a file that was registered without content. A used or expired URL is 403.',
  route: `POST ${BASE}/presigned-upload`,
  permission: 'zerodb:write',
  idempotent: false,
  input: filePresignUpload,
  errors: ['quota_exceeded'],
  output: presignedUpload,
  status: 201,
  async run(app, caller, { project_id, expires_in, file_metadata, file_id: registered, ...fields }) {
    const scope = scopeOf(caller, project_id)
    const {
      file_key = null,
      content_type = null,
      folder = null,
      file_name,
    } = registered === undefined ? fields : await registeredFile(app, scope, registered, fields, file_metadata)
    if (file_name === undefined)
      throw missingField('file_name', 'Field required: send file_name, or the file_id of a registered file')
    const max_bytes = Math.min(fields.max_bytes ?? Number.POSITIVE_INFINITY, app.config.maxUploadBytes)
    if (!(await app.store.uploads.hasRoom(scope, MAX_OPEN_UPLOADS)))
      throw new ZeroError(
        'quota_exceeded',
        `At most ${MAX_OPEN_UPLOADS} presigned uploads of a project can be open: use them, or wait until they expire`,
      )
    const upload = { file_key, file_name, content_type, folder, metadata: file_metadata, max_bytes }
    const file_id = await app.store.uploads.permit(scope, upload, expires_in, registered ?? null)
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

/** Returns the fields of a file without content. Throws `validation_failed` if it has content, or if the request changes its fields. */
async function registeredFile(
  app: App,
  scope: Scope,
  fileId: string,
  { content_type, max_bytes: _, ...fields }: Partial<Omit<z.infer<typeof filePresignUpload>, 'file_metadata'>>,
  metadata: Record<string, unknown>,
) {
  const changed = Object.entries(fields).find(([, value]) => value !== undefined)?.[0]
  if (changed !== undefined || Object.keys(metadata).length > 0)
    throw invalid(changed ?? 'file_metadata', 'The file is registered already: change its fields with PATCH')
  const file = await app.store.files.get(scope, fileId)
  if (file.blob !== null) throw invalid('file_id', 'The file has content already: upload another file')
  return {
    file_key: null,
    folder: null,
    file_name: file.file_name,
    content_type: content_type ?? file.content_type ?? undefined,
  }
}

const invalid = (field: string, msg: string) =>
  new ZeroError('validation_failed', undefined, { fields: [{ type: 'value_error', loc: ['body', field], msg }] })

const USED = 'This presigned URL has been used, or its project is gone: create a new one'

export const filesUploadPresigned = defineUpload({
  name: 'files.upload_presigned',
  summary: 'Upload a file by its presigned URL',
  description:
    'Stores the body of the request as the file that the URL permits. Needs no key, and works once. Emits `zerodb.file.uploaded`, or `zerodb.file.updated` for a file that was registered before.',
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
    const { user_id, is_suspended: _suspended, is_registered, max_bytes, ...fields } = upload
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
        if (is_registered) return await app.store.files.fill(scope, file_id, { content_type, ...stored })
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
