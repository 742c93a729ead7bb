/** Most words of one chunk. */
export const CHUNK_WORDS = 80
/**
 * Most UTF-16 units of one chunk, and of one piece of an overlong word. The model reads 127 word pieces and silently ignores the rest:
 * 300 characters are about 75 pieces of prose and 110 of source code. Its tokeniser is also quadratic in length.
 */
export const CHUNK_CHARACTERS = 300
/** Most chunks of one text. A longer text is represented by this many, spread evenly from its first chunk to its last. */
export const MAX_CHUNKS = 200

/**
 * The pieces in which a text is embedded: in reading order, each within all the limits above, words parted by single spaces.
 * Characters are in Unicode's compatibility form (NFKC), as the model reads them; a longer word is cut, never inside a surrogate pair.
 * Up to `MAX_CHUNKS` no word is lost. A blank text has none.
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
  // Before measuring, because one character can become eighteen.
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
