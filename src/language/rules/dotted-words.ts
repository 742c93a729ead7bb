/** Words with dots inside, such as `Node.js`, `config.json` and `4.x`. Initials ("U.S") and numbers ("3.5") are not among them. */
const DOTTED = /(?<![\p{L}\p{N}@/:.])[\p{L}\p{N}_-]+(?:\.[\p{L}\p{N}_-]+)+(?![\p{L}\p{N}@]|:\/\/)/gu

/** Replaces the dots inside words, and a digit at their start, by letters, so that the tokenizer does not end a sentence there. The length stays. */
export function maskDots(text: string): string {
  return text.replace(DOTTED, (word) => (isOneWord(word) ? word.replace(/^\d/, 'v').replaceAll('.', 'x') : word))
}

function isOneWord(word: string): boolean {
  const parts = word.split('.')
  if (/^\d+\.x$/.test(word)) return true
  if (!/\p{L}/u.test(word) || parts.every((part) => part.length === 1)) return false
  // "I left.Bob came" lacks a space.
  return !(/\p{Ll}$/u.test(parts[0]!) && /^\p{Lu}\p{Ll}/u.test(parts[1]!))
}
