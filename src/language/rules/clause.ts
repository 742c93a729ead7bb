import { type Facts, PATTERN } from './facts.ts'
import type { Cast, Phrase } from './mentions.ts'
import { textOf } from './noun-phrase.ts'
import type { Sentence } from './tagging.ts'
import type { Verb } from './verbs.ts'

/** Prepositions after an object that also relate the place or topic to the object: "met Bob at the conference". */
const TIES_TO_OBJECT = /^(at|in|on|near|inside|about|for|between|within)$/
/** Prepositions after an object with "a" that only relate to the object: "a partnership with Globex". */
const TIES_TO_NEW_OBJECT = /^(with|to|against|towards?)$/
/** Prepositions that link two prepositional phrases: "at the conference in Berlin". */
const CHAINS = /^(at|in|on|near|inside|within)$/
/** Prepositions whose phrase can have its own place. */
const HOLDS = /(^| )(at|in|on|near|inside|within|of|to|for|about)$/

/** State of the current clause: subjects, verb, objects, and the candidates for attaching the next prepositional phrase. */
export class Clause {
  subjects: Phrase[] = []
  /** Subjects to restore after a relative clause. */
  outer: Phrase[] | undefined
  verb: Verb | undefined
  objects: Phrase[] = []
  /** The preceding noun phrases, with their preposition. */
  last: { phrases: Phrase[]; preposition: string } | undefined
  /** Prepositional phrases since the verb or its last object. */
  #prepositions = 0
  /** Prepositional phrases before the verb: "After lunch, Alice left". */
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
    this.#facts.verb = undefined
    this.objects = []
    this.last = subjects.length > 0 ? { phrases: subjects, preposition: '' } : undefined
    this.#prepositions = 0
    this.#facts.factor = 1
  }

  setVerb(verb: Verb): void {
    this.verb = verb
    this.#facts.verb = verb
    this.objects = []
    this.last = undefined
    this.#prepositions = 0
    for (const { preposition, phrases } of this.#fronted.splice(0)) {
      this.#facts.relate(this.subjects, `${verb.words} ${preposition}`, phrases, PATTERN.farPreposition)
    }
  }

  /** Adds objects of the verb. `ofFollows` tells that "of" and its noun come next. */
  setObjects(group: Phrase[], ofFollows: boolean): void {
    const verb = this.verb!
    if (!verb.copula) this.#facts.relate(this.subjects, verb.words, group, PATTERN.object)
    // "There is a bug": the noun is the subject of the following phrases.
    else if (this.subjects[0]?.pronoun === 'there') this.subjects = group
    else
      for (const subject of this.subjects) for (const object of group) this.#complete(subject, verb, object, ofFollows)
    this.objects = group
    this.last = { phrases: group, preposition: '' }
    this.#prepositions = 0
  }

  /** Reads "X is a Y", "X's manager is Y" and "X is Y's manager". */
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

  /** Attaches a prepositional phrase to the verb, its object or the preceding phrase, or stores it until the verb. */
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
        // A meeting at a conference in Berlin is a meeting in Berlin.
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

  /** Reads "is a nurse at Mercy Hospital", where the noun is part of the predicate. */
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
    const isTopic = preposition === 'about' && this.objects.some(({ mention }) => mention?.type !== 'person')
    if (!toObjectOnly && !isTopic) this.#toVerb(preposition, group, PATTERN.nearPreposition)
    if (toObjectOnly || TIES_TO_OBJECT.test(preposition)) {
      this.#facts.relate(this.objects, preposition, group, PATTERN.objectPreposition)
    }
  }
}
