import type { Span } from '../index.ts'
import type { Mention, Phrase } from './mentions.ts'
import type { Tense, Verb } from './verbs.ts'

/** Estimated reliability of each pattern, from 0 to 1, by how often the pattern misreads. */
export const PATTERN = {
  /** Alice met Bob. */
  object: 0.9,
  /** Alice is a designer. */
  copula: 0.9,
  /** Alice's manager is Bob; my wife Carol. */
  possessive: 0.85,
  /** Alice works at Acme. */
  verbPreposition: 0.85,
  /** Bob, the CEO of Acme; Acme CEO Bob. */
  apposition: 0.8,
  /** Alice met Bob at the office. */
  nearPreposition: 0.75,
  /** The company that Alice founded. */
  relativeObject: 0.75,
  /** Software engineer Ann. */
  kind: 0.7,
  /** The office in Berlin. */
  nounPreposition: 0.7,
  /** Alice went to Paris with Bob. */
  farPreposition: 0.6,
  /** Bob, at the office: implied by "Alice met Bob at the office". */
  objectPreposition: 0.55,
  /** Alice's phone. */
  owns: 0.5,
  /** Alice met in Berlin: implied by "Alice met Bob at the conference in Berlin". */
  impliedPlace: 0.45,
}

/** A relation between two mentions, before mentions are merged to entities. */
export interface Fact {
  subject: Mention
  predicate: string
  object: Mention
  span: Span
  confidence: number
  /** The predicate in its base form. */
  lemma: string
  /** Null if the predicate has no verb. */
  tense: Tense | null
  /** False if the sentence says that it is possible, wished or conditional. */
  isFact: boolean
  /** Whether the sentence says that it does not hold any more. */
  ended: boolean
}

/** Replacements of first-person verb forms by third-person ones. */
const THIRD_PERSON: Record<string, string> = { am: 'is', have: 'has', do: 'does' }

const toBase = (verb: string) => (verb === 'has' ? 'have' : 'be')

/** Maximum number of facts of one sentence, because nested lists multiply. */
const MAX_FACTS = 60

/** Collects the facts of one sentence. Facts without a subject or an object are left out. */
export class Facts {
  #facts: Fact[] = []
  /** End of the current verb in the text. */
  verbEnd = 0
  /** The current verb; undefined before the first one of a clause. */
  verb: Verb | undefined
  /** Whether the sentence states conditions or wishes. */
  isSupposed = false
  /** Factor for the confidence of facts in the current clause, 0 to 1. */
  factor = 1

  get all(): Fact[] {
    return this.#facts
  }

  add(subject: Mention | undefined, predicate: string, object: Mention | undefined, certainty: number): void {
    if (!subject || !object || subject.name === object.name || this.#facts.length >= MAX_FACTS) return
    const doubt = (subject.guessed ? 0.75 : 1) * (object.guessed ? 0.75 : 1) * (object.proper ? 1 : 0.95) * this.factor
    const confidence = Math.round(certainty * doubt * 100) / 100
    const start = Math.min(subject.span[0], object.span[0])
    // "After the merger, Pedro left": the verb can come last.
    const end = Math.max(subject.span[1], object.span[1], this.verbEnd)
    const said = subject.byPronoun ? predicate.replace(/^(am|have|do)\b/, (verb) => THIRD_PERSON[verb]!) : predicate
    const { verb } = this
    const ofVerb = verb !== undefined && (predicate === verb.words || predicate.startsWith(`${verb.words} `))
    this.#facts.push({
      subject,
      predicate: said,
      object,
      span: [start, end],
      confidence,
      lemma: ofVerb ? verb.lemma + predicate.slice(verb.words.length) : predicate.replace(/^(has|is)\b/, toBase),
      tense: ofVerb ? verb.tense : null,
      isFact: !this.isSupposed && (verb?.isFact ?? true),
      ended: ofVerb && verb.ended,
    })
  }

  /** Adds a fact for each pair of subject and object. */
  relate(subjects: readonly Phrase[], predicate: string, objects: readonly Phrase[], certainty: number): void {
    for (const subject of subjects) {
      for (const object of objects) this.add(subject.mention, predicate, object.mention, certainty)
    }
  }

  /** Removes "Alice has a manager" if "Alice's manager is Bob" is known. */
  dropOwned(name: string): void {
    this.#facts = this.#facts.filter(({ predicate, object }) => predicate !== 'has' || object.name !== name)
  }
}
