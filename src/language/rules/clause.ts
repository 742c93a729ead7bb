import { type Facts, PATTERN } from './facts.ts'
import type { Cast, Phrase } from './mentions.ts'
import { textOf } from './noun-phrase.ts'
import type { Sentence } from './tagging.ts'
import type { Verb } from './verbs.ts'

/** After an object these tie the place or topic to the object as well: "met Bob at the conference". */
const TIES_TO_OBJECT = /^(at|in|on|near|inside|about|for|between|within)$/
/** After an object with "a" these tie to it alone: "a partnership with Globex". */
const TIES_TO_NEW_OBJECT = /^(with|to|against|towards?)$/
/** Between two prepositional phrases: "at the conference in Berlin". */
const CHAINS = /^(at|in|on|near|inside|within)$/
/** Prepositions whose phrase can hold a place of its own. */
const HOLDS = /(^| )(at|in|on|near|inside|within|of|to|for|about)$/

/** The clause being read: who acts, the verb, its objects, and what the next prepositional phrase can belong to. */
export class Clause {
  subjects: Phrase[] = []
  /** Subjects to go back to after a relative clause. */
  outer: Phrase[] | undefined
  verb: Verb | undefined
  objects: Phrase[] = []
  /** The noun phrases just before, with the preposition that led to them. */
  last: { phrases: Phrase[]; preposition: string } | undefined
  /** Prepositional phrases since the verb or its last object. */
  #prepositions = 0
  /** "After lunch, Alice left": waits for the verb. */
  #fronted: { preposition: string; phrases: Phrase[] }[] = []
  readonly #sentence: Sentence
  readonly #facts: Facts
  readonly #cast: Cast

  constructor(sentence: Sentence, facts: Facts, cast: Cast) {
    this.#sentence = sentence
    this.#facts = facts
    this.#cast = cast
  }

  restart(subjects: Phrase[] = []): void {
    this.subjects = subjects
    this.outer = undefined
    this.verb = undefined
    this.objects = []
    this.last = subjects.length > 0 ? { phrases: subjects, preposition: '' } : undefined
    this.#prepositions = 0
    this.#facts.factor = 1
  }

  setVerb(verb: Verb): void {
    this.verb = verb
    this.objects = []
    this.last = undefined
    this.#prepositions = 0
    for (const { preposition, phrases } of this.#fronted.splice(0)) {
      this.#facts.relate(this.subjects, `${verb.words} ${preposition}`, phrases, PATTERN.farPreposition)
    }
  }

  /** Objects of the verb; `ofFollows` when the next words are "of" and what the object is of. */
  setObjects(group: Phrase[], ofFollows: boolean): void {
    const verb = this.verb!
    if (!verb.copula) this.#facts.relate(this.subjects, verb.words, group, PATTERN.object)
    // "There is a bug": what there is, is the subject of what follows.
    else if (this.subjects[0]?.pronoun === 'there') this.subjects = group
    else
      for (const subject of this.subjects) for (const object of group) this.#complete(subject, verb, object, ofFollows)
    this.objects = group
    this.last = { phrases: group, preposition: '' }
    this.#prepositions = 0
  }

  /** "X is a Y", "X's manager is Y", "X is Y's manager". */
  #complete(subject: Phrase, verb: Verb, object: Phrase, ofFollows: boolean): void {
    if (subject.owner && subject.owned) {
      this.#facts.dropOwned(this.#cast.mention(subject.owned, this.#sentence).name)
      if (/\b(not|never)\b/.test(verb.words)) return
      this.#facts.add(subject.owner, `has ${textOf(this.#sentence, subject.owned)}`, object.mention, PATTERN.possessive)
    } else if (object.owner && object.owned) {
      this.#facts.dropOwned(this.#cast.mention(object.owned, this.#sentence).name)
      const predicate = `${verb.words} ${textOf(this.#sentence, object.owned)} of`
      this.#facts.add(subject.mention, predicate, object.owner, PATTERN.copula)
    } else if (object.mention?.proper) {
      this.#facts.add(subject.mention, verb.words, object.mention, PATTERN.copula)
    } else if (!ofFollows) {
      this.#facts.add(
        subject.mention,
        object.article === 'a' ? `${verb.words} a` : verb.words,
        object.mention,
        PATTERN.copula,
      )
    }
  }

  /** A prepositional phrase: to the verb, to its object, to the phrase before it, or kept until there is a verb. */
  attach(preposition: string, group: Phrase[]): void {
    if (!this.verb) this.#attachWithoutVerb(preposition, group)
    else if (group.every(({ temporal }) => temporal)) this.#toVerb(preposition, group, PATTERN.farPreposition)
    else {
      if (this.#completes()) {
        const noun = textOf(this.#sentence, this.objects[0]!.head!)
        this.#toVerb(`${noun} ${preposition}`, group, PATTERN.copula)
      } else if (preposition === 'of' && this.last) {
        this.#facts.relate(this.last.phrases, preposition, group, PATTERN.nounPreposition)
      } else if (this.#prepositions === 0) {
        this.#attachFirst(preposition, group)
      } else if (this.last && CHAINS.test(preposition) && HOLDS.test(this.last.preposition)) {
        this.#facts.relate(this.last.phrases, preposition, group, PATTERN.nounPreposition)
        // Who met at a conference that is in Berlin met in Berlin.
        const places = group.filter(({ mention }) => mention?.proper)
        if (CHAINS.test(this.last.preposition)) this.#toVerb(preposition, places, PATTERN.impliedPlace)
      } else {
        this.#toVerb(preposition, group, PATTERN.farPreposition)
      }
      this.#prepositions++
      this.last = { phrases: group, preposition }
    }
  }

  #toVerb(preposition: string, group: Phrase[], certainty: number): void {
    this.#facts.relate(this.subjects, `${this.verb!.words} ${preposition}`, group, certainty)
  }

  /** "is a nurse at Mercy Hospital": the noun is part of the predicate. */
  #completes(): boolean {
    const [object] = this.objects
    if (!this.verb!.copula || this.#prepositions > 0 || this.subjects === this.objects || !object) return false
    return object.head !== undefined && !object.mention?.proper && !object.owner
  }

  #attachWithoutVerb(preposition: string, group: Phrase[]): void {
    if (!this.last) {
      this.#fronted.push({ preposition, phrases: group })
      return
    }
    // "the meeting with Sarah about the budget": only a place belongs to the phrase before it.
    const chained = this.last.preposition === '' || preposition === 'of' || CHAINS.test(preposition)
    this.#facts.relate(chained ? this.last.phrases : this.subjects, preposition, group, PATTERN.nounPreposition)
    this.last = { phrases: group, preposition }
  }

  #attachFirst(preposition: string, group: Phrase[]): void {
    if (this.objects.length === 0 || this.subjects === this.objects) {
      this.#toVerb(preposition, group, PATTERN.verbPreposition)
      return
    }
    const isNew = this.objects.some(({ article, mention }) => article === 'a' && mention?.proper === false)
    const toObjectOnly = isNew && TIES_TO_NEW_OBJECT.test(preposition)
    if (!toObjectOnly) this.#toVerb(preposition, group, PATTERN.nearPreposition)
    if (toObjectOnly || TIES_TO_OBJECT.test(preposition)) {
      this.#facts.relate(this.objects, preposition, group, PATTERN.objectPreposition)
    }
  }
}
