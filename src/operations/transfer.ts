import { Readable } from 'node:stream'
import type { App, Caller } from '../app.ts'
import { requireAll, scopeOf } from '../auth/caller.ts'
import { ZeroError } from '../errors.ts'
import { allows } from '../schema/login.ts'
import { backup, projectExport, projectImport, projectImported } from '../schema/transfer.ts'
import { dumpAll, dumpProject } from '../transfer/dump.ts'
import { loadProject } from '../transfer/load.ts'
import { createImportChecks } from './lib/import-checks.ts'
import { type Bytes, defineBytes, defineUpload, type UploadPart } from './operation.ts'

/** Permissions for an export. All are required, independent of the data that the project has. */
const READ_RIGHTS = ['zerodb:read', 'memory:read', 'hooks:read', 'functions:read'] as const

export const projectsExport = defineBytes({
  name: 'projects.export',
  summary: 'Export a project',
  description:
    'Returns all rows of the project as of one moment, and the contents of its files, as JSON lines. Secrets are not included.',
  route: 'GET /api/v1/projects/:project_id/export',
  permission: 'zerodb:read',
  idempotent: true,
  input: projectExport,
  media: 'application/x-ndjson',
  async run(app, caller, { project_id }) {
    requireAll(caller, READ_RIGHTS)
    const scope = scopeOf(caller, project_id)
    const { name } = await app.store.projects.get(scope)
    return fileOf(app, `${name}.jsonl`, await dumpProject(app, scope.project_id))
  },
})

export const projectsImport = defineUpload({
  name: 'projects.import',
  summary: 'Import a project',
  description:
    'Creates the project of an export, which is sent as a file part. The import keeps all ids; 409 `project_exists` when the project exists.',
  route: 'POST /api/v1/projects/import',
  permission: 'zerodb:write',
  allowedWhenSuspended: true,
  idempotent: false,
  input: projectImport,
  errors: ['project_exists'],
  output: projectImported,
  status: 201,
  async run(app, caller, _, parts) {
    if (caller.bound !== null)
      throw new ZeroError('forbidden', 'This API key is bound to one project and cannot create another')
    // Stored temporarily, like content without a file, because the import is read twice.
    const blob = await kept(app, parts)
    const loaded = await loadProject(
      app,
      caller.user_id,
      () => app.blobs.open(blob),
      () => createImportChecks(app, caller),
    )
    app.functions.changed(loaded.project_id)
    return { ...loaded, without_secret: await withoutSecret(app, caller, loaded.project_id) }
  },
})

export const backupsCreate = defineBytes({
  name: 'backups.create',
  summary: 'Back up the whole server',
  description:
    'Returns everything that the server holds, as of one moment, as JSON lines. Only the owner’s key with the scope `*` can do this.',
  route: 'GET /api/v1/backup',
  permission: 'any',
  idempotent: true,
  input: backup,
  media: 'application/x-ndjson',
  async run(app, caller, { with_key }) {
    const owner = await app.store.users.first()
    if (caller.user_id !== owner?.user_id || caller.bound !== null || !allows(caller.permissions, '*'))
      throw new ZeroError(
        'forbidden',
        'A backup has the data of all users: use a key of the owner with all permissions',
      )
    return fileOf(app, 'zerodb-backup.jsonl', await dumpAll(app, with_key ? { encryptionKey: app.encryptionKey } : {}))
  },
})

function fileOf(app: App, file_name: string, lines: AsyncIterable<Buffer>): Bytes {
  const open = async () => {
    const stream = Readable.from(lines, { objectMode: false, highWaterMark: 256 * 1024 })
    // The response has started, so its status cannot report the error.
    return stream.once('error', (error) => app.log.error({ file_name, error }, 'a dump has broken off'))
  }
  return { size: null, etag: null, content_type: 'application/x-ndjson', file_name, open }
}

/** Stores the first file part and returns its blob. */
async function kept(app: App, parts: AsyncIterable<UploadPart> | null): Promise<string> {
  let blob: string | undefined
  for await (const part of parts ?? [])
    if (part.kind === 'file') blob ??= (await app.blobs.put(part.content, app.config.maxUploadBytes)).blob
  if (blob !== undefined) return blob
  throw new ZeroError('validation_failed', undefined, {
    fields: [{ type: 'missing', loc: ['body', 'file'], msg: 'Field required: send the export as a file part' }],
  })
}

async function withoutSecret(app: App, caller: Caller, projectId: string): Promise<string[]> {
  const hooks = await app.store.hooks.list(caller.user_id, { project_id: projectId, active_only: false, bound: null })
  return hooks.filter(({ hook_type }) => hook_type === 'webhook').map(({ hook_name }) => hook_name)
}
