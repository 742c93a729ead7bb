import { recall as recallMemories } from '../src/memory/recall.ts'
import { RECALL_CHANNELS, type RecallChannel } from '../src/schema/memory.ts'
import type { Scope } from '../src/store/context.ts'
import { bm25 } from './bm25.ts'
import { CATEGORIES, type Conversation, type Question, readLocomo } from './locomo.ts'
import { startServed } from './served.ts'
import { type Bench, log, type Measurement, NotMeasured, openBench, pause } from './support.ts'

// How many of the turns that answer a question recall finds in its first ten results, on conversations of LoCoMo. The data is not in the
// repository: ZERODB_EVAL_DATA is a folder with locomo-dev.json.

const MEMORY = '/api/v1/public/memory/v2'
const RESULTS = 10
const EMBEDDED_AT_ONCE = 100

interface Project {
  /** Null if another process has the memories. */
  scope: Scope | null
  conversation: Conversation
  /** The ids of turns, by the id of their memory. */
  turnOf: Map<string, string>
}

/** Returns the ids of the turns found, best first. */
type Search = (project: Project, question: Question) => Promise<string[]>

interface Quality {
  recall: number
  mrr: number
  /** Share of the questions whose sessions with the answer are all among those of the first ten turns. */
  sessions: number
  byCategory: Map<number, number>
  questions: number
}

export async function recall(): Promise<Measurement[]> {
  const folder = process.env['ZERODB_EVAL_DATA']
  if (!folder) throw new NotMeasured('ZERODB_EVAL_DATA is not a folder with locomo-dev.json')
  const conversations = await readLocomo(folder)
  const bench = await openBench('pglite')
  try {
    const projects: Project[] = []
    for (const conversation of conversations) projects.push(await store(bench, conversation))
    return await measureAll(bench, projects)
  } finally {
    await bench.close()
  }
}

async function measureAll(bench: Bench, projects: Project[]): Promise<Measurement[]> {
  const measured: Measurement[] = []
  const ours = async (off: readonly RecallChannel[]) => quality(projects, searchWithout(bench, off))
  const add = (row: string, value: number, found: Quality, baseline?: string) =>
    measured.push({ row: `recall.${row}`, value, ours: shown(found), ...(baseline ? { baseline } : {}) })

  log('recall: searching with all channels')
  const all = await ours([])
  const wordsOnly = await ours(RECALL_CHANNELS.filter((channel) => channel !== 'words'))
  const withoutModel = await ours(['meaning'])
  const plain = await quality(projects, await bm25(bench, projects))
  add('bm25', plain.recall, plain)
  add('r10', all.recall, all, `plain BM25 ${shown(plain)}`)
  add('mrr', all.mrr, all)
  add('without_model', withoutModel.recall, withoutModel)
  add('sessions', all.sessions, all, `plain BM25 ${plain.sessions.toFixed(3)}`)
  for (const [category, name] of Object.entries(CATEGORIES))
    add(`r10_${name.replace('-', '_')}`, all.byCategory.get(Number(category))!, all)
  // The steps of the formula: each line has one channel more than the one before.
  const steps: RecallChannel[] = ['words', 'neighbours', 'meaning', 'names', 'time', 'graph', 'importance', 'recency']
  for (const [n, channel] of steps.entries()) {
    log(`recall: without and with ${channel}`)
    const step = n === 0 ? wordsOnly : await ours(steps.slice(n + 1))
    add(`step_${n + 1}_${channel}`, step.recall, step)
    const without = await ours([channel])
    add(`gain_${channel}`, all.recall - without.recall, all, `without: ${shown(without)}`)
  }
  log('recall: searching over HTTP')
  const [first] = projects
  const http = await overHttp(first!.conversation)
  add('http', http.recall, http, `in the process ${shown(await quality([first!], searchWithout(bench, [])))}`)
  return measured
}

/** Stores the turns of a conversation as memories of a new project, with their embeddings. */
async function store(bench: Bench, conversation: Conversation): Promise<Project> {
  const { store, embedder } = bench.app
  const scope = await bench.newScope()
  const turnOf = new Map<string, string>()
  log(`recall: storing ${conversation.turns.length} turns of ${conversation.name}`)
  for (const turn of conversation.turns) {
    const { id } = await store.memories.remember(scope, {
      content: turn.text,
      session_id: turn.session,
      event_at: turn.at,
      memory_type: 'episodic',
      importance: 0.5,
      tags: [],
      metadata: {},
      namespace: 'global',
    })
    turnOf.set(id, turn.id)
  }
  const ids = [...turnOf.keys()]
  const model = { used: embedder.model, requested: embedder.model }
  for (let from = 0; from < ids.length; from += EMBEDDED_AT_ONCE) {
    const some = ids.slice(from, from + EMBEDDED_AT_ONCE)
    const vectors = await embedder.embed(
      conversation.turns.slice(from, from + EMBEDDED_AT_ONCE).map(({ text }) => text),
    )
    for (const [i, id] of some.entries()) await store.memories.setEmbedding(id, vectors[i]!, model)
  }
  return { scope, conversation, turnOf }
}

const searchWithout =
  (bench: Bench, off: readonly RecallChannel[]): Search =>
  async ({ scope, turnOf }, { text }) => {
    const found = await recallMemories(bench.app, scope!, text, {}, { limit: RESULTS, threshold: 0, off: new Set(off) })
    return found.map(({ id }) => turnOf.get(id)!)
  }

/** Stores a conversation and recalls over HTTP, in another process, once the last memory has an embedding. */
async function overHttp(conversation: Conversation): Promise<Quality> {
  const server = await startServed(1)
  try {
    const turnOf = new Map<string, string>()
    for (const { id, text, session, at } of conversation.turns) {
      const body = { content: text, session_id: session, event_at: at }
      turnOf.set((await server.api('POST', `${MEMORY}/remember`, body)).memory_id, id)
    }
    const search = async (query: string, explain = false) =>
      (await server.api('POST', `${MEMORY}/recall`, { query, limit: RESULTS, explain })).results
    const last = conversation.turns.at(-1)!.text
    while (!((await search(last, true))[0].explain.meaning > 0)) await pause(200)
    const project = { scope: null, conversation, turnOf }
    return await quality([project], async (_, { text }) =>
      (await search(text)).map(({ id }: { id: string }) => turnOf.get(id)!),
    )
  } finally {
    await server.stop()
  }
}

async function quality(projects: readonly Project[], search: Search): Promise<Quality> {
  const totals = { recall: 0, mrr: 0, sessions: 0 }
  const byCategory = new Map<number, { sum: number; count: number }>()
  let questions = 0
  for (const project of projects) {
    const sessionOf = new Map(project.conversation.turns.map(({ id, session }) => [id, session]))
    for (const question of project.conversation.questions) {
      const found = await search(project, question)
      const gold = new Set(question.evidence)
      const hits = found.slice(0, RESULTS).filter((id) => gold.has(id)).length
      const first = found.findIndex((id) => gold.has(id))
      const sessions = new Set(found.slice(0, RESULTS).map((id) => sessionOf.get(id)))
      questions++
      totals.recall += hits / gold.size
      totals.mrr += first === -1 ? 0 : 1 / (first + 1)
      totals.sessions += question.evidence.every((id) => sessions.has(sessionOf.get(id))) ? 1 : 0
      const category = byCategory.get(question.category) ?? { sum: 0, count: 0 }
      byCategory.set(question.category, { sum: category.sum + hits / gold.size, count: category.count + 1 })
    }
  }
  return {
    recall: totals.recall / questions,
    mrr: totals.mrr / questions,
    sessions: totals.sessions / questions,
    byCategory: new Map([...byCategory].map(([category, { sum, count }]) => [category, sum / count])),
    questions,
  }
}

const shown = ({ recall, mrr, questions }: Quality) =>
  `R@10 ${recall.toFixed(3)}, MRR ${mrr.toFixed(3)}, ${questions} questions`
