/** Predicates whose subject has one object at a time, and what the object is to it. */
const FUNCTIONAL: Readonly<Record<string, string>> = {
  'live in': 'residence',
  'live at': 'residence',
  'reside in': 'residence',
  'be based in': 'residence',
  'work at': 'employer',
  'work for': 'employer',
  'be employed by': 'employer',
  'be employed at': 'employer',
  'be married to': 'spouse',
}

const BE = /^(is|am|are)$/

/** Returns the base form of a predicate that a caller names: `work at` for `works_at`. Not of past forms, which state no present fact. */
export function baseForm(predicate: string): string {
  const [verb = '', ...rest] = predicate
    .toLowerCase()
    .replace(/[_\s]+/g, ' ')
    .trim()
    .split(' ')
  const base = BE.test(verb) ? 'be' : verb.replace(/(?<=[a-z]{2})(?<!s)s$/, '')
  return [base, ...rest].join(' ')
}

/** Returns what the object of a predicate in its base form is to the subject, if it is one at a time; otherwise null. */
export const functionalOf = (lemma: string): string | null => FUNCTIONAL[lemma] ?? null
