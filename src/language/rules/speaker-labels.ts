import type { Cast } from './mentions.ts'
import type { Sentence } from './tagging.ts'

/** Words before a colon at the start of a line that do not name a speaker. */
const NO_SPEAKER =
  /^(note|notes|warning|error|todo|fixme|summary|update|example|question|answer|user|assistant|system|subject|date|from|to|re|fwd?|ps|title|status|result|reason|caution|tip|important|agenda|topic|monday|tuesday|wednesday|thursday|friday|saturday|sunday)$/

const MAX_LABEL_WORDS = 3

/** Reads the label of a line of a chat: in "Nate: I bought a car", Nate is "I". Returns the sentence without the label. */
export function readLabel(sentence: Sentence, cast: Cast): Sentence {
  const { tokens, span } = sentence
  const colon = tokens.findIndex(({ text }) => text === ':')
  if (colon < 1 || colon > MAX_LABEL_WORDS || colon === tokens.length - 1) return sentence
  const label = tokens.slice(0, colon)
  if (!label.every(({ text, lower }) => /^\p{Lu}[\p{L}.'-]*$/u.test(text) && !NO_SPEAKER.test(lower))) return sentence
  if (!label.some(({ text }) => /\p{Ll}/u.test(text))) return sentence
  cast.speaker = label.map(({ text }) => text).join(' ')
  const rest = tokens.slice(colon + 1)
  return { span: [rest[0]!.start, span[1]], tokens: rest }
}
