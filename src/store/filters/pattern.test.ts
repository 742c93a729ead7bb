import { expect, test } from 'vitest'
import { costOf } from './pattern.ts'

const cost = (atoms: number, anchors = 0) => ({ atoms, anchors, transitions: expect.any(Number) })

test.each([
  ['', cost(0)],
  ['abc', cost(3)],
  ['a.c', cost(3)],
  ['a|bc', cost(3)],
  [String.raw`\.\d\w`, cost(3)],
  ['[a-z]x', cost(2)],
  ['[]a]', cost(1)],
  ['[^]a]', cost(1)],
  ['[[:alpha:]_]', cost(1)],
  [String.raw`[\]]`, cost(1)],
  ['(?i)Abc', cost(3)],
  ['(?:ab)c', cost(3)],
  // The flag 'u' reads a surrogate pair as one character; half of a pair would not be an atom.
  ['😀', cost(1)],
])('%s: as many atoms as characters that match one', (pattern, expected) => {
  expect(costOf(pattern)).toEqual(expected)
})

test.each([
  ['a*', cost(1)],
  ['a+?', cost(1)],
  ['a{3}', cost(3)],
  ['a{2,5}', cost(5)],
  ['a{7,}', cost(7)],
  ['a{0}', cost(1)],
  ['(ab){4}', cost(8)],
  ['(a{3}b?){2}', cost(8)],
  ['((a{10}){10}){10}', cost(1000)],
])('%s: a counted repetition is written out', (pattern, expected) => {
  expect(costOf(pattern)).toEqual(expected)
})

test.each([
  ['^a$', cost(1, 2)],
  [String.raw`\ma\M`, cost(1, 2)],
  ['(^a){5}', cost(5, 5)],
  ['(^a)*', cost(1, 1)],
  // A repetition of a part that may be empty.
  ['(^a?)*', cost(1, 4)],
  [String.raw`((\y)*){2}`, cost(0, 32)],
  [String.raw`((\y)*)*`, cost(0, 16)],
  ['((^)?a?){3}', cost(3, 48)],
  ['(^|a?)b', cost(2, 4)],
  ['(^|a)b', cost(2, 1)],
])('%s: anchors are counted beside the atoms', (pattern, expected) => {
  expect(costOf(pattern)).toEqual(expected)
})

test.each([
  ['a', 0],
  ['abc', 2],
  ['a|bc', 1],
  ['(ab|cd)ef', 5],
  ['a?b', 1],
  ['^a$', 0],
  ['a*', 1],
  ['(ab)+', 2],
  ['a{40}', 39],
  // A match begins with one of forty atoms, and each atom has one successor.
  ['a{1,40}', 39],
  ['a{2,}', 2],
  ['xa{0,40}', 79],
  ['(a?){50}', 1_225],
  ['(a?){1,50}', 1_225],
  ['((a?){50})*', 3_725],
  ['(?:a*|b){3}', 15],
  // A class has one transition per different character of the pattern, here six, for each atom that it can follow.
  [String.raw`a\wbcd`, 9],
  ['a.b', 2],
  [String.raw`a\.b`, 2],
  ['x[ab]', 5],
  ['xyz[^a]', 9],
])('%s: transitions lead from each atom to those that may follow it', (pattern, transitions) => {
  expect(costOf(pattern)?.transitions).toBe(transitions)
})

test.each([
  ['back reference', String.raw`(a)\1`],
  ['look ahead', '(?=a)'],
  ['look behind', '(?<!a)b'],
  ['options that change the meaning of what follows', '(?x)a b'],
  ['options not at the beginning', 'a(?i)b'],
  ['a literal for PostgreSQL', '***=a{999}'],
  ['collating element', '[[.a.]]'],
  ['equivalence class', '[[=a=]]'],
  ['a repetition of nothing', '*a'],
  ['a repetition of an anchor', '^*'],
  ['a repetition of a repetition', 'a{9}{9}'],
  ['a repetition at the beginning of a group', '(+a)'],
  ['too many digits in a repetition', 'a{1000}'],
  ['a group that is not closed', '(a'],
  ['a group that is not open', 'a)'],
  ['a bracket that is not closed', '[a'],
  ['a backslash at the end', 'a\\'],
])('%s is refused', (_, pattern) => {
  expect(costOf(pattern)).toBeNull()
})
