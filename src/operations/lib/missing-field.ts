import { ZeroError } from '../../errors.ts'

/** Returns the error for a required field that the body does not have. */
export function missingField(field: string, msg: string): ZeroError {
  return new ZeroError('validation_failed', undefined, { fields: [{ type: 'missing', loc: ['body', field], msg }] })
}
