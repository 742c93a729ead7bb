import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { EMBEDDERS } from '../src/embedding/index.ts'
import { LANGUAGES } from '../src/language/index.ts'
import { type Chunk, chunk } from '../src/language/provider/chunks.ts'
import { loadTagger } from '../src/language/rules/tagging.ts'
import { log, type Measurement, NotMeasured } from './support.ts'
import { scoreTriples, type Triple, type TripleScore } from './triple-score.ts'

// Quality of the built-in models on public data, which is not in the repository. ZERODB_EVAL_DATA is a folder with
// stsb-dev.csv (STS-B, dev: sentence1,sentence2,score) and carb-dev/data_dev.txt and carb-dev/gold_dev.tsv (CaRB, dev).

export async function quality(): Promise<Measurement[]> {
  const folder = process.env['ZERODB_EVAL_DATA']
  if (!folder)
    throw new NotMeasured(
      'ZERODB_EVAL_DATA is not a folder with stsb-dev.csv, carb-dev/data_dev.txt and carb-dev/gold_dev.tsv',
    )
  return [await similarity(folder), await triples(folder)]
}

/** Measures how well the cosine of two sentences ranks pairs like people do. */
async function similarity(folder: string): Promise<Measurement> {
  const pairs = csvRows(await readFile(join(folder, 'stsb-dev.csv'), 'utf8')).map(
    ([first = '', second = '', score]) => ({ first, second, score: Number(score) }),
  )
  log(`quality: embedding ${2 * pairs.length} sentences of STS-B`)
  const embedder = EMBEDDERS['use-lite']()
  const first = await embedder.embed(pairs.map((pair) => pair.first))
  const second = await embedder.embed(pairs.map((pair) => pair.second))
  await embedder.close()
  const scores = pairs.map(({ score }) => score)
  const vectors = first.map((vector, i) => [vector, second[i]!] as const)
  const value = spearman(
    vectors.map(([a, b]) => dot(a, b)),
    scores,
  )
  const words = spearman(tfIdfCosines(pairs.map((pair) => [pair.first, pair.second] as const)), scores)
  return {
    row: 'quality.similarity',
    value,
    ours: `Spearman ${value.toFixed(3)}, ${pairs.length} pairs`,
    baseline: `TF-IDF cosine ${words.toFixed(3)}; recorded before on test, another split: 0.723`,
  }
}

/** Measures how well the relations of a sentence agree with those that people found in it. */
async function triples(folder: string): Promise<Measurement> {
  const lines = (text: string) => text.split(/\r?\n/).filter((line) => line.trim() !== '')
  const sentences = lines(await readFile(join(folder, 'carb-dev', 'data_dev.txt'), 'utf8')).map((line) => line.trim())
  const gold = new Map<string, Triple[]>(sentences.map((sentence) => [sentence, []]))
  for (const line of lines(await readFile(join(folder, 'carb-dev', 'gold_dev.tsv'), 'utf8'))) {
    const [sentence = '', relation = '', subject = '', ...rest] = line.split('\t')
    const written = gold.get(sentence.trim())
    if (!written) throw new Error(`gold_dev.tsv has a sentence that is not in data_dev.txt: ${sentence}`)
    written.push({ subject, relation, object: rest.join(' ') })
  }
  log(`quality: extracting relations of ${sentences.length} sentences of CaRB`)
  const language = LANGUAGES.builtin()
  const found: Triple[][] = []
  for (const sentence of sentences) {
    const { relations } = await language.extract(sentence)
    found.push(relations.map(({ subject, predicate, object }) => ({ subject, relation: predicate, object })))
  }
  await language.close()
  const score = (of: (sentence: string, i: number) => Triple[]) =>
    scoreTriples(sentences.map((sentence, i) => ({ found: of(sentence, i), gold: gold.get(sentence)! })))
  const ours = score((_, i) => found[i]!)
  const phrases = score(trivialReader('phrase'))
  const rests = score(trivialReader('rest'))
  return {
    row: 'quality.triples',
    value: ours.f1,
    ours: `${shown(ours)}, ${ours.found} triples`,
    baseline: `nearest phrases ${shown(phrases)}; with the rest of the sentence as object ${shown(rests)}; recorded before with another scorer: F1 0.371`,
  }
}

const shown = ({ precision, recall, f1 }: TripleScore) =>
  `P ${precision.toFixed(3)} R ${recall.toFixed(3)} F1 ${f1.toFixed(3)}`

/**
 * Extracts relations in the two simplest ways. Both take, for each verb group, the noun phrase before it and the verb. The object is either
 * the noun phrase after it or the rest of the sentence, which is useless as an entity but shares many words with gold triples.
 */
function trivialReader(object: 'phrase' | 'rest'): (text: string) => Triple[] {
  const tag = loadTagger()
  return (text) =>
    tag(text).flatMap(({ span, tokens }) => {
      const chunks = chunk(tokens)
      const words = (at: Chunk) => text.slice(tokens[at.start]!.start, tokens[at.end - 1]!.end)
      return chunks.flatMap((verb, i) => {
        const before = chunks.slice(0, i).findLast(({ kind }) => kind === 'noun')
        const after = chunks.slice(i + 1).find(({ kind }) => kind === 'noun')
        if (verb.kind !== 'verb' || !before || !after) return []
        const rest = text.slice(tokens[verb.end - 1]!.end, span[1])
        return [{ subject: words(before), relation: words(verb), object: object === 'phrase' ? words(after) : rest }]
      })
    })
}

/** Returns the TF-IDF cosine of each pair. The weights of words (log n/df) are from all these texts. */
function tfIdfCosines(pairs: readonly (readonly [string, string])[]): number[] {
  const bags = pairs.map((pair) => pair.map(bagOf))
  const all = bags.flat()
  const holders = new Map<string, number>()
  for (const bag of all) for (const word of bag.keys()) holders.set(word, (holders.get(word) ?? 0) + 1)
  const weight = (word: string) => Math.log(all.length / holders.get(word)!)
  const product = (a: Map<string, number>, b: Map<string, number>) => {
    let sum = 0
    for (const [word, count] of a) sum += count * (b.get(word) ?? 0) * weight(word) ** 2
    return sum
  }
  return bags.map(([a, b]) => product(a!, b!) / (Math.sqrt(product(a!, a!) * product(b!, b!)) || 1))
}

function bagOf(text: string): Map<string, number> {
  const bag = new Map<string, number>()
  for (const word of text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []) bag.set(word, (bag.get(word) ?? 0) + 1)
  return bag
}

/** Returns Spearman's rank correlation, from -1 to 1. Equal values share the mean of their ranks. */
function spearman(first: readonly number[], second: readonly number[]): number {
  const mean = (first.length + 1) / 2
  const a = places(first).map((place) => place - mean)
  const b = places(second).map((place) => place - mean)
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))
}

function places(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((a, b) => values[a]! - values[b]!)
  const result = new Array<number>(values.length)
  for (let start = 0; start < order.length; ) {
    let end = start + 1
    while (end < order.length && values[order[end]!] === values[order[start]!]) end++
    for (let at = start; at < end; at++) result[order[at]!] = (start + end + 1) / 2
    start = end
  }
  return result
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}

/** Parses CSV in which fields with commas, quotes or line breaks are quoted, and quotes in them doubled. */
function csvRows(text: string): string[][] {
  const rows: string[][] = []
  let row: string[] = []
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g)) {
    row.push(quoted?.replaceAll('""', '"') ?? plain ?? '')
    if (end === ',') continue
    if (row.some((field) => field !== '')) rows.push(row)
    row = []
  }
  return rows
}
