import fc from 'fast-check'

const ATOMS = ['a', 'b', 'ab', 'x', '.', '[ab]', '[^b]', '[a-z]', '[[:alpha:]]', '\\w', '\\s', 'é', 'A']
const SMALL = ['*', '+', '?', '*?', '+?', '??', '{2}', '{1,3}', '{0,2}', '{2,}']
const LARGE = ['{20}', '{1,40}', '{0,50}', '{1,50}?', '{255}', '{100,}', '{16}', '{7}']
const ODD = [
  '^',
  '$',
  '\\m',
  '\\M',
  '\\y',
  '\\1',
  '\\2',
  '(?=',
  '(?!',
  '(?<=',
  '(?<!',
  '[b-a]',
  '(?i)',
  '***:',
  '[[.a.]]',
  '{',
]

/**
 * Generates patterns with nested quantifiers and alternations, which are slow in backtracking engines. Some patterns are not valid regular
 * expressions. `isPlain`: the patterns have only syntax that a filter accepts, so that a filter can only reject them for their cost.
 */
export function anyPattern({ isPlain = false } = {}): fc.Arbitrary<string> {
  const atom = fc.constantFrom(...ATOMS)
  const quantifier = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...SMALL) },
    { weight: 1, arbitrary: fc.constantFrom(...LARGE) },
  )
  const { pattern } = fc.letrec<{ pattern: string }>((tie) => ({
    pattern: fc.oneof(
      { maxDepth: 6, depthSize: 'medium', withCrossShrink: true },
      atom,
      ...(isPlain ? [] : [fc.constantFrom(...ODD)]),
      fc.tuple(atom, quantifier).map((parts) => parts.join('')),
      fc.array(tie('pattern'), { minLength: 2, maxLength: 4 }).map((parts) => parts.join('')),
      fc.tuple(fc.array(tie('pattern'), { minLength: 1, maxLength: 3 }), quantifier).map(([parts, quantified]) => {
        return `(${parts.join('|')})${quantified}`
      }),
      fc.tuple(tie('pattern'), quantifier).map(([part, quantified]) => `(?:${part})${quantified}`),
    ),
  }))
  const begin = fc.constantFrom('', '', '^', '(?i)')
  const end = fc.constantFrom('', '', '$', 'c$', '!')
  return fc.tuple(begin, pattern, end).map((parts) => parts.join(''))
}

/** The slowest patterns of their kinds, accepted or not. */
export const HARD_PATTERNS = [
  '^(((a{1,50}){1,50}){1,50})$',
  '^((b{1,40}){1,40}c?){1,40}$',
  '(a|b|ab){1,16}c$',
  '(a?){100}a{100}',
  '(a*)*b',
  '((a+)+)+$',
  '(a|aa)+!',
  '(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)x',
  '(.*.*.*.*.*)*x',
  '(a|b)*a(a|b){90}',
  '(a|b)*a(a|b){190}',
  '[ab]*a[ab]{150}c',
  '(?:a{0,13}){13}$',
  `${'(a*'.repeat(30)}${')*'.repeat(30)}`,
  `${'(a?'.repeat(40)}${')?'.repeat(40)}$`,
  `${'('.repeat(90)}a${')'.repeat(90)}`,
  `${'(?:a|b'.repeat(20)}${')+'.repeat(20)}!`,
  `(?i)${'[\u0001-\uffff]'.repeat(30)}`,
  `(?i)${'[^k]'.repeat(45)}`,
  `${'\\w'.repeat(90)}!`,
  `${'(a|'.repeat(30)}b${')'.repeat(30)}c`,
  '\\y(a+)+\\y(a+)+\\y!',
  '^(a+?)+?(b*?)*?$',
  '((?:(\\y)*?){1,4})*?!',
  '(((\\y)?a?){3})*',
  '((\\y)*){10}',
  '(((\\y)?a?)){10}',
  '^(?:(((?:ab){0,2}|(?:\\w*){1,40}|(((?:x){1,3}|\\w)*)+){0,2})??)+$',
  '(?:\\w?){43}abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ',
]
