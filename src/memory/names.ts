const TITLES = /^(mr|mrs|ms|miss|dr|prof|sir|madam)$/
const LEGAL_FORMS = /^(inc|ltd|llc|gmbh|corp|corporation|co|plc|ag|sa)$/
const ARTICLES = /^(the|a|an)$/

/** Words that have no letter in an acronym: "Food and Drug Administration" is the FDA. */
const WITHOUT_INITIAL = /^(the|a|an|of|for|and|in|on|to|de|des|du|la|le|und|für)$/i

/** Names of the same state or union. Other names have no other spelling here: they are matched, not guessed. */
const VARIANTS: Readonly<Record<string, string>> = {
  us: 'united states',
  usa: 'united states',
  'united states of america': 'united states',
  uk: 'united kingdom',
  un: 'united nations',
  eu: 'european union',
  uae: 'united arab emirates',
}

/** Minimum and maximum number of letters of an acronym. Two letters are initials of too many names. */
const ACRONYM = /^\p{Ll}{3,6}$/u

/** The forms by which names of entities are compared. */
export interface NameKeys {
  /** The normalized name. Two names with the same `norm` are names of one entity. */
  norm: string
  /** Initials of a name of several capitalized words; null for other names. */
  acronym: string | null
  /** Whether the name is written as an acronym. */
  is_acronym: boolean
}

/**
 * Normalizes the name of an entity for comparison: removes case, accents, the punctuation around words, a trailing possessive and legal form, an
 * article before at least two words, and the title of a person with two names. Keeps `+ # @ . _ - / :` in a word, because they distinguish `C++`
 * from `C#` and `user_1` from `user-1`. The result is empty only if the name has no letter or digit.
 */
export function normalizeName(name: string): string {
  let words = wordsOf(name)
  if (ARTICLES.test(words[0] ?? '')) {
    const rest = words.slice(1)
    if (rest.length > 1 || rest.join(' ') in VARIANTS) words = rest
  }
  if (words.length > 2 && TITLES.test(words[0]!)) words = words.slice(1)
  while (words.length > 1 && LEGAL_FORMS.test(words.at(-1)!)) words = words.slice(0, -1)
  const norm = words.join(' ')
  return VARIANTS[norm] ?? norm
}

/** Normalizes an identifier that the application gives, such as an `entity_id`: two identifiers that differ in more than case differ. */
export const normalizeId = (id: string): string => id.normalize('NFKC').trim().toLowerCase()

export function nameKeys(name: string): NameKeys {
  const norm = normalizeName(name)
  const isUpper = /\p{Lu}/u.test(name) && !/\p{Ll}/u.test(name)
  return { norm, acronym: acronymOf(name), is_acronym: isUpper && ACRONYM.test(norm) }
}

function acronymOf(name: string): string | null {
  const words = name.split(/\s+/).filter((word) => word !== '' && !WITHOUT_INITIAL.test(word))
  if (words.length < 3 || !words.every((word) => /^\p{Lu}[\p{L}'’-]*,?$/u.test(word))) return null
  const initials = words
    .map((word) => word[0])
    .join('')
    .toLowerCase()
  return ACRONYM.test(initials) ? initials : null
}

/** Returns the words of a name in lower case, without accents, and without the punctuation around them. */
function wordsOf(name: string): string[] {
  const plain = name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/[‐-―−]/g, '-')
    .replace(/[‘’ʼ]/g, "'")
    .replace(/[\s,;!?"“”„()[\]{}<>|*=…`´«»]+/g, ' ')
    .trim()
    .replace(/'s$/i, '')
  const words: string[] = []
  let afterInitial = false
  for (const part of plain.split(' ')) {
    const initials = /^(?:\p{L}\.)+\p{L}?$/u.test(part) && (part.endsWith('.') || part === part.toUpperCase())
    const word = initials ? part.replaceAll('.', '').toLowerCase() : wordOf(part)
    if (word === '') continue
    // "J. R. R." and "J.R.R." are the same initials.
    if (initials && afterInitial) words.push(words.pop()! + word)
    else words.push(word)
    afterInitial = initials
  }
  return words
}

function wordOf(part: string): string {
  if (part === '&') return 'and'
  const word = part
    .toLowerCase()
    .replaceAll("'", '')
    .replace(/^[^\p{L}\p{N}@#./_+~]+|^\.(?!\p{L})/gu, '')
    .replace(/[^\p{L}\p{N}+#_]+$/u, '')
  return /[\p{L}\p{N}]/u.test(word) ? word : ''
}
