import type { Token } from './tagging.ts'

const words = (list: string) => new Set(list.split(/\s+/).filter(Boolean))

/** Frequent English words that are rare in the other languages. */
const ENGLISH = words(`
  the and is are was were of to for with on at by from have has had this that i my he she it its we they you your not be
  been will would can their his her as an which who when after before about into but than more
`)

/** Frequent words of German, French, Spanish, Italian, Portuguese, Dutch, Polish and Swedish that English texts rarely have. */
const FOREIGN = words(`
  der das und ist nicht ich wir sie bei mit für auf ein eine einen einem einer dem den des im zum zur vom sich auch noch habe hat
  sind war wurde arbeitet wohne wohnt aus nach über
  les une est et dans avec je nous elle aux au qui que sur pas pour par sont cette leur chez était
  los las una y en con por para que es muy pero está mi su vivo trabajo fue como más
  il lo gli è e con per che sono una nel nella della mio lavora
  os uma em com não são ao mais você eu trabalha
  het een voor niet zijn wij ook maar bij naar werkt
  nie jest się w z na do i oraz
  och att det som på är av jag inte
`)

const ACCENTED = /[à-öø-ÿœßłńśźżąęćčšžřůě]/

/** Tells whether a sentence is in English, which is the only language that the rules read. A sentence without known words counts as English. */
export function isEnglish(tokens: readonly Token[]): boolean {
  let english = 0
  let foreign = 0
  let latin = 0
  let other = 0
  for (const [i, { lower, text }] of tokens.entries()) {
    if (/\p{L}/u.test(text)) {
      if (/\p{Script=Latin}/u.test(text)) latin++
      else other++
    }
    if (ENGLISH.has(lower)) english++
    // A capitalized word is rather a part of a name.
    else if (i === 0 || text === lower) foreign += Number(FOREIGN.has(lower) || ACCENTED.test(lower))
  }
  return other <= latin && foreign <= english
}
