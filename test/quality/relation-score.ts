import { normalizeName } from '../../src/memory/names.ts'
import type { LabelledSentence } from './relations-gold.ts'

export type Found = readonly [subject: string, predicate: string, object: string]

/** Past forms without a rule, as far as the labelled sentences have them. */
const IRREGULAR: Readonly<Record<string, string>> = {
  met: 'meet',
  gave: 'give',
  bought: 'buy',
  taught: 'teach',
  told: 'tell',
  lent: 'lend',
  grew: 'grow',
  led: 'lead',
  said: 'say',
  rose: 'rise',
  sold: 'sell',
  won: 'win',
  lost: 'lose',
  sank: 'sink',
  sent: 'send',
  written: 'write',
  wrote: 'write',
  built: 'build',
  have: 'have',
  has: 'have',
  had: 'have',
  does: 'do',
  born: 'born',
}
const AUXILIARY = /^(is|are|was|were|am|be|been|being|has|have|had|will|would|a|an|the|'s|'re|'ve)$/

/** Reduces a predicate to the stems of its words, without auxiliaries, so that wording does not decide. */
function stems(predicate: string): string {
  const words = predicate.toLowerCase().split(/\s+/)
  const kept = words.filter((word) => !AUXILIARY.test(word))
  return (kept.length > 0 ? kept : words.map((word) => IRREGULAR[word] ?? 'be').slice(0, 1))
    .map((word) => IRREGULAR[word] ?? word.replace(/(?<=..)(ing|ied|(?<!e)ed|es|s|e|y)$/, ''))
    .map((word) => word.replace(/(?<=..)(.)\1$/, '$1').replace(/(?<=..)(e|y)$/, ''))
    .join(' ')
}

/** Two names agree if one is the other with words before it: "report" and "annual report". */
function agree(found: string, gold: string): boolean {
  const [a, b] = [normalizeName(found), normalizeName(gold)]
  return a === b || a.endsWith(` ${b}`) || b.endsWith(` ${a}`)
}

/** Tells whether a careful reader accepts the relation. */
export function isRight([subject, predicate, object]: Found, { relations }: LabelledSentence): boolean {
  return relations.some(
    (gold) => agree(subject, gold[0]) && stems(predicate) === stems(gold[1]) && agree(object, gold[2]),
  )
}
