import { buffer } from 'node:stream/consumers'
import type { z } from 'zod'
import type { App, Caller } from '../app.ts'
import { scopeOf } from '../auth/caller.ts'
import { ZeroError } from '../errors.ts'
import { packageTargetOf } from '../functions/packages/lock.ts'
import { checkWheel, wheelName } from '../functions/packages/wheel.ts'
import { BadZip } from '../functions/packages/zip.ts'
import {
  type InstalledPackage,
  installedPackage,
  MAX_WHEELS_BYTES,
  packageTarget,
  packageTargetQuery,
  packageUpload,
} from '../schema/package.ts'
import { safeParse } from '../schema/safe-parse.ts'
import { shapeErrors } from '../schema/shape-errors.ts'
import { missingField } from './lib/missing-field.ts'
import { defineJson, defineUpload, type UploadPart } from './operation.ts'

export const packagesTarget = defineJson({
  name: 'packages.target',
  summary: 'Get what Python packages must fit',
  description:
    'Returns the version of the interpreter that executes Python functions, the tags of wheels that fit it, and the limits. Use it to choose wheels for `packages.upload`.',
  route: 'GET /api/v1/packages/target',
  permission: 'functions:read',
  idempotent: true,
  input: packageTargetQuery,
  errors: ['sandbox_unavailable'],
  output: packageTarget,
  run: (app) => packageTargetOf(app),
})

export const packagesUpload = defineUpload({
  name: 'packages.upload',
  summary: 'Upload a Python package',
  description:
    'Stores a wheel, which deployments then list in `packages`. It is checked, and no code of it is executed. A wheel that no version of a function uses is deleted after a day.',
  route: 'POST /api/v1/packages',
  permission: 'functions:write',
  idempotent: true,
  input: packageUpload,
  errors: ['too_large'],
  output: installedPackage,
  status: 201,
  async run(app, caller, input, parts) {
    if (parts) return uploadPart(app, caller, input, parts)
    if (input.file_content === undefined)
      throw missingField('file_content', 'Field required: send the wheel in base64, or as a file part')
    if (input.file_name === undefined)
      throw missingField('file_name', 'Field required: send the file name of the wheel')
    return keep(app, caller, input.project_id, input.file_name, Buffer.from(input.file_content, 'base64'))
  },
})

type Input = z.infer<typeof packageUpload>

async function uploadPart(
  app: App,
  caller: Caller,
  input: Input,
  parts: AsyncIterable<UploadPart>,
): Promise<InstalledPackage> {
  await app.store.projects.get(scopeOf(caller, input.project_id))
  const fields: Record<string, unknown> = { ...input }
  let content: Buffer | undefined
  for await (const part of parts) {
    if (part.kind === 'field') fields[part.name] = part.value
    else if (content) throw new ZeroError('invalid', 'The body has more than one file part: send one wheel per request')
    else {
      content = await buffer(limited(part.content))
      fields['file_name'] ??= part.file_name
    }
  }
  if (!content) throw missingField('file', 'Field required: send the wheel as a file part')
  const parsed = safeParse(packageUpload.strict().required({ file_name: true }), fields)
  if (!parsed.success)
    throw new ZeroError('validation_failed', undefined, { fields: shapeErrors(parsed.error, fields, () => 'body') })
  return keep(app, caller, parsed.data.project_id, parsed.data.file_name, content)
}

async function* limited(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  let bytes = 0
  for await (const chunk of content) {
    bytes += chunk.length
    if (bytes > MAX_WHEELS_BYTES)
      throw new ZeroError(
        'too_large',
        `The wheel is too large: at most ${MAX_WHEELS_BYTES / 1024 / 1024} MB are allowed`,
      )
    yield chunk
  }
}

async function keep(
  app: App,
  caller: Caller,
  projectId: string | undefined,
  file_name: string,
  bytes: Buffer,
): Promise<InstalledPackage> {
  const scope = scopeOf(caller, projectId)
  await app.store.projects.get(scope)
  try {
    checkWheel(file_name, bytes)
  } catch (error) {
    if (error instanceof BadZip) throw new ZeroError('invalid', `${file_name} cannot be used: ${error.message}`)
    throw error
  }
  const { blob, size_bytes } = await app.blobs.put(once(bytes), MAX_WHEELS_BYTES)
  await app.store.wheels.add(scope, { blob, file_name, size_bytes })
  const { name, version } = wheelName(file_name)
  return { name, version, file_name, sha256: blob, size_bytes }
}

async function* once(content: Uint8Array): AsyncIterable<Uint8Array> {
  yield content
}
