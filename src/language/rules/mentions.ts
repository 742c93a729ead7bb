import type { EntityType, Span } from '../index.ts'
import type { Typer } from './entities.ts'
import type { Name, NounPhrase } from './noun-phrase.ts'
import type { Sentence } from './tagging.ts'
import { FEMALE, MALE, ROLES, SPEAKER } from './words.ts'

/** An occurrence of an entity in the text, with the name of the entity. */
export interface Mention {
  name: string
  type: EntityType
  span: Span
  proper: boolean
  /** The text has a pronoun instead of the name. */
  byPronoun: boolean
  /** The referent of the pronoun is a guess. */
  guessed: boolean
}

/** Tracks the people that "I", "he" and "she" can refer to while a text is read. */
export class Cast {
  readonly #text: string
  #speaker: string | undefined
  readonly #typer: Typer
  #current: Mention[] = []
  #previous: Mention[] = []

  constructor(text: string, speaker: string | undefined, typer: Typer) {
    this.#text = text
    this.#speaker = speaker?.trim() || undefined
    this.#typer = typer
  }

  /** Sets the person that "I" refers to from here on. */
  set speaker(name: string) {
    this.#speaker = name
  }

  /** Starts a new sentence. Pronouns can refer back one sentence. */
  nextSentence(): void {
    this.#previous = this.#current
    this.#current = []
  }

  /** Returns the mention of the name at `range`; `type` is given if the surrounding words determine it. */
  mention(range: Name, sentence: Sentence, type?: EntityType): Mention {
    const span: Span = [sentence.tokens[range.start]!.start, sentence.tokens[range.end - 1]!.end]
    const name = this.#text.slice(...span).replace(/\s+/g, ' ')
    const known = type ?? (range.proper ? this.#typer.typeOf(name, range, sentence) : 'other')
    const found: Mention = { name, type: known, span, proper: range.proper, byPronoun: false, guessed: false }
    if (range.proper && found.type === 'person') this.#current.push(found)
    return found
  }

  /** Resolves the pronoun at `span` to a person who is not in `not`. Returns undefined if no one matches. */
  resolve(pronoun: string, span: Span, not: readonly Mention[] = []): Mention | undefined {
    if (SPEAKER.has(pronoun)) {
      if (this.#speaker === undefined) return undefined
      return { name: this.#speaker, type: 'person', span, proper: true, byPronoun: true, guessed: false }
    }
    const gender = MALE.has(pronoun) ? 'male' : FEMALE.has(pronoun) ? 'female' : undefined
    if (!gender) return undefined
    const fits = ({ name }: Mention) =>
      !not.some((other) => other.name === name) && (this.#typer.genderOf(name) ?? gender) === gender
    const found = this.#current.find(fits) ?? this.#previous.find(fits)
    return found && { ...found, span, byPronoun: true, guessed: true }
  }
}

/** A noun phrase with its mention. */
export interface Phrase extends NounPhrase {
  mention: Mention | undefined
  owner: Mention | undefined
}

export function understand(
  phrase: NounPhrase,
  sentence: Sentence,
  span: Span,
  cast: Cast,
  not: readonly Mention[],
): Phrase {
  const { possessor, head, pronoun } = phrase
  const owner =
    typeof possessor === 'string'
      ? cast.resolve(possessor, firstToken(sentence, span))
      : possessor && cast.mention(possessor, sentence)
  // An entity with a role is a person, even if the word lists say otherwise.
  const role = phrase.role ?? phrase.owned
  const person = role && ROLES.has(sentence.tokens[role.end - 1]!.lower) ? 'person' : undefined
  const mention = head ? cast.mention(head, sentence, person) : pronoun ? cast.resolve(pronoun, span, not) : undefined
  return { ...phrase, owner, mention }
}

function firstToken(sentence: Sentence, span: Span): Span {
  const token = sentence.tokens.find(({ start }) => start === span[0])!
  return [token.start, token.end]
}
