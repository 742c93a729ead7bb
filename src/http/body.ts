import multipart from '@fastify/multipart'
import type { FastifyInstance } from 'fastify'
import type { Config } from '../config.ts'
import { ZeroError } from '../errors.ts'
import { parseJson } from '../exact-json.ts'

const MAX_FILES = 10
const MAX_FIELDS = 100

/** Adds the parsers of request bodies: multipart bodies arrive as a stream of parts, all others are parsed as JSON. */
export async function addBodyParsers(
  server: FastifyInstance,
  { maxUploadBytes, maxBodyBytes }: Pick<Config, 'maxUploadBytes' | 'maxBodyBytes'>,
): Promise<void> {
  await server.register(multipart, {
    limits: { fileSize: maxUploadBytes, files: MAX_FILES, fields: MAX_FIELDS, fieldSize: maxBodyBytes },
  })
  // Many clients send JSON without a content type, or a JSON content type without a body.
  server.removeContentTypeParser(['application/json', 'text/plain'])
  server.addContentTypeParser('*', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') return done(null, undefined)
    try {
      done(null, parseJson(body as string))
    } catch (error) {
      done(errorOf(error as Error, request.headers['content-type'] ?? ''), undefined)
    }
  })
}

/** Returns the error for a body that cannot be parsed. If its content type is another format than JSON, the media type is unsupported. */
function errorOf(error: Error, contentType: string): Error {
  if (error instanceof ZeroError) return error
  return /json|^$|urlencoded/.test(contentType) ? error : new ZeroError('unsupported_media_type')
}
