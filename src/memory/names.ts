const TITLES = /^(mr|mrs|ms|miss|dr|prof|sir|madam) /
const LEGAL_FORMS = / (inc|ltd|llc|gmbh|corp|co|plc|ag|sa)$/

/**
 * Normalizes the name of an entity for comparison: removes case, accents, punctuation, a leading article or title, and a trailing possessive or
 * legal form. "Dr. Zoë's" and "zoe" become equal. The result is empty only if the name has no letter or digit.
 */
export function normalizeName(name: string): string {
  const plain = name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/['’]s\b/g, '')
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()
  const bare = plain
    .replace(/^(the|a|an) /, '')
    .replace(TITLES, '')
    .replace(LEGAL_FORMS, '')
  return bare === '' ? plain : bare
}
