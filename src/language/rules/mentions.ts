import type { EntityType, Span } from '../index.ts'
import type { Typer } from './entities.ts'
import type { Name, NounPhrase } from './noun-phrase.ts'
import type { Sentence } from './tagging.ts'
import { FEMALE, MALE, ROLES, SPEAKER } from './words.ts'

/** One place in the text that speaks of one thing, with the name that it goes by. */
export interface Mention {
  name: string
  type: EntityType
  span: Span
  proper: boolean
  /** A pronoun stands there, not the name. */
  byPronoun: boolean
  /** Which one the pronoun means was guessed. */
  guessed: boolean
}

/** The people that "I", "he" and "she" may stand for while a text is read from start to end. */
export class Cast {
  readonly #text: string
  readonly #speaker: string | undefined
  readonly #typer: Typer
  #current: Mention[] = []
  #previous: Mention[] = []

  constructor(text: string, speaker: string | undefined, typer: Typer) {
    this.#text = text
    this.#speaker = speaker?.trim() || undefined
    this.#typer = typer
  }

  /** Pronouns reach back one sentence. */
  nextSentence(): void {
    this.#previous = this.#current
    this.#current = []
  }

  /** What the name at `range` stands for; `type` where the words around it tell. */
  mention(range: Name, sentence: Sentence, type?: EntityType): Mention {
    const span: Span = [sentence.tokens[range.start]!.start, sentence.tokens[range.end - 1]!.end]
    const name = this.#text.slice(...span).replace(/\s+/g, ' ')
    const known = type ?? (range.proper ? this.#typer.typeOf(name, range, sentence) : 'other')
    const found: Mention = { name, type: known, span, proper: range.proper, byPronoun: false, guessed: false }
    if (range.proper && found.type === 'person') this.#current.push(found)
    return found
  }

  /** Whom the pronoun at `span` stands for, never one of `not`; undefined when nobody fits. */
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

/** A noun phrase, with what it stands for. */
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
  // Whoever has a role is a person, whatever the lists say of the name.
  const role = phrase.role ?? phrase.owned
  const person = role && ROLES.has(sentence.tokens[role.end - 1]!.lower) ? 'person' : undefined
  const mention = head ? cast.mention(head, sentence, person) : pronoun ? cast.resolve(pronoun, span, not) : undefined
  return { ...phrase, owner, mention }
}

function firstToken(sentence: Sentence, span: Span): Span {
  const token = sentence.tokens.find(({ start }) => start === span[0])!
  return [token.start, token.end]
}
