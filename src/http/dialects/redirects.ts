import { isJsonObject } from '../../schema/json-object.ts'
import { isCronHook } from './cron-hooks.ts'

/**
 * Operations of which a field of the body selects another operation. The other one needs the same permission, because permissions are checked
 * before the body is read; for a hook that is a schedule, and a presigned URL for an upload, the permission of both is checked.
 */
export const REDIRECTS: Readonly<Record<string, { fields: readonly string[]; operation: string }>> = {
  'rows.insert': { fields: ['upsert_key', 'upsertKey'], operation: 'rows.upsert' },
}

/** Returns the name of the operation that a request with this body is for. */
export function redirectOperation(operation: string, body: unknown): string {
  if (operation === 'hooks.create' && isCronHook(body)) return 'schedules.create'
  if (operation === 'files.presign' && isUpload(body)) return 'files.presign_upload'
  const redirect = REDIRECTS[operation]
  if (redirect === undefined || !isJsonObject(body)) return operation
  return redirect.fields.some((field) => body[field] !== undefined && body[field] !== null)
    ? redirect.operation
    : operation
}

/** Clients ask for URLs to download and to upload a file with one request. */
const isUpload = (body: unknown) => isJsonObject(body) && body['operation'] === 'upload'
