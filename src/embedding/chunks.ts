/** Maximum number of words per chunk. */
export const CHUNK_WORDS = 80
/**
 * Maximum number of UTF-16 units per chunk, and per piece of an overlong word. The model reads 127 word pieces and ignores the rest: 300
 * characters are about 75 pieces of prose and 110 of source code. Its tokenizer is also quadratic in length.
 */
export const CHUNK_CHARACTERS = 300
/** Maximum number of chunks per text. A longer text is represented by this many chunks, spread evenly from the first to the last. */
export const MAX_CHUNKS = 200

/**
 * Splits a text into chunks for the model, in reading order, each within the limits of words and characters, with single spaces between words.
 * Characters are normalized to NFKC, as the model reads them. A longer word is cut, never inside a surrogate pair. Up to `MAX_CHUNKS` no word
 * is lost. A blank text has no chunks.
 */
export function chunks(text: string): string[] {
  const result: string[] = []
  let words: string[] = []
  let length = 0

  function flush(): void {
    if (words.length > 0) result.push(words.join(' '))
    words = []
    length = 0
  }
  // Normalized before measuring, because one character can become eighteen.
  for (const word of text.normalize('NFKC').split(/\s+/).flatMap(pieces)) {
    if (words.length === CHUNK_WORDS || length + word.length > CHUNK_CHARACTERS) flush()
    words.push(word)
    length += word.length + 1
  }
  flush()
  return spread(result)
}

function pieces(word: string): string[] {
  const result: string[] = []
  for (let start = 0; start < word.length; ) {
    let end = Math.min(start + CHUNK_CHARACTERS, word.length)
    if (end < word.length && word.codePointAt(end - 1)! > 0xffff) end -= 1
    result.push(word.slice(start, end))
    start = end
  }
  return result
}

function spread(all: string[]): string[] {
  if (all.length <= MAX_CHUNKS) return all
  return Array.from({ length: MAX_CHUNKS }, (_, i) => all[Math.round((i * (all.length - 1)) / (MAX_CHUNKS - 1))]!)
}
