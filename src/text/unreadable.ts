/** No attempt can get text out of this file. The message goes on after the file's name: `is encrypted with a password`. */
export class Unreadable extends Error {
  override readonly name = 'Unreadable'
}
