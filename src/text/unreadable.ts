/** The text of this file can never be extracted. The message follows the name of the file: `is encrypted with a password`. */
export class Unreadable extends Error {
  override readonly name = 'Unreadable'
}
