import type { FastifyRequest } from 'fastify'
import { ZeroError } from '../errors.ts'
import { admitPart } from '../operations/lib/input.ts'
import type { Operation, UploadPart } from '../operations/operation.ts'
import { type NamedField, renameFields } from './aliases.ts'

/**
 * Yields the parts of a multipart body while it arrives. Throws `too_large` for a file over the limit, and `validation_failed` for an unknown or
 * repeated field. Adds a sentence to `warnings` for each ignored field.
 */
export async function* uploadParts(
  request: FastifyRequest,
  operation: Operation,
  warnings: string[],
): AsyncIterable<UploadPart> {
  const names = new Map<string, string>()
  for await (const part of withParserErrors(request.parts())) {
    if (part.type === 'field') {
      const [{ name }] = renameFields(operation.name, { [part.fieldname]: part.value }) as [NamedField]
      if (!admitPart(operation, name, part.fieldname, names.get(name), warnings)) continue
      names.set(name, part.fieldname)
      yield { kind: 'field', name, value: String(part.value) }
      continue
    }
    yield {
      kind: 'file',
      name: part.fieldname,
      file_name: (part.filename || 'file').slice(-255),
      content_type: part.mimetype,
      content: withParserErrors(part.file),
    }
    part.file.resume()
    if (part.file.truncated) throw new ZeroError('too_large')
  }
}

/** Converts errors of the multipart parser: a malformed body is the client's error. Errors about sizes pass unchanged. */
async function* withParserErrors<Item>(source: AsyncIterable<Item>): AsyncGenerator<Item> {
  try {
    yield* source
  } catch (error) {
    const { statusCode, message } = error as { statusCode?: number; message: string }
    throw statusCode === 413
      ? error
      : new ZeroError('invalid', `The multipart body is malformed: ${message}`, { cause: error })
  }
}
