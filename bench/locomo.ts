import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

export const CATEGORIES = { 1: 'multi-hop', 2: 'temporal', 3: 'open-domain', 4: 'single-hop' } as const

export interface Turn {
  id: string
  session: string
  speaker: string
  /** The speaker, the text and the caption of a shared image. */
  text: string
  at: string
}

export interface Question {
  text: string
  category: keyof typeof CATEGORIES
  /** The ids of the turns with the answer. */
  evidence: readonly string[]
}

export interface Conversation {
  name: string
  turns: Turn[]
  questions: Question[]
}

interface StoredTurn {
  speaker: string
  dia_id: string
  text: string
  blip_caption?: string
}

/** Reads the conversations of LoCoMo. Malformed evidence such as "D8:6; D9:17" is split; ids that no turn has are left out. */
export async function readLocomo(folder: string): Promise<Conversation[]> {
  const stored = JSON.parse(await readFile(join(folder, 'locomo-dev.json'), 'utf8')) as {
    sample_id: string
    conversation: Record<string, unknown>
    qa: { question: string; evidence: string[]; category: number }[]
  }[]
  return stored.map(({ sample_id, conversation, qa }) => {
    const turns: Turn[] = []
    for (let n = 1; Array.isArray(conversation[`session_${n}`]) || conversation[`session_${n}_date_time`]; n++) {
      const at = timeOf(String(conversation[`session_${n}_date_time`]))
      for (const turn of (conversation[`session_${n}`] ?? []) as StoredTurn[]) {
        const caption = turn.blip_caption ? ` [shared image: ${turn.blip_caption}]` : ''
        turns.push({
          id: turn.dia_id,
          session: `s${n}`,
          speaker: turn.speaker,
          text: `${turn.speaker}: ${turn.text}${caption}`,
          at,
        })
      }
    }
    const known = new Set(turns.map(({ id }) => id))
    const questions = qa.flatMap(({ question, evidence, category }): Question[] => {
      if (!(category in CATEGORIES)) return []
      const ids = evidence.flatMap((text) => text.match(/D\d+:\d+/g) ?? []).map((id) => id.replace(/\b0+(?=\d)/g, ''))
      const gold = [...new Set(ids)].filter((id) => known.has(id))
      return gold.length > 0 ? [{ text: question, category: category as Question['category'], evidence: gold }] : []
    })
    return { name: sample_id, turns, questions }
  })
}

/** Parses a time such as "1:56 pm on 8 May, 2023". */
function timeOf(text: string): string {
  const [, hour, minute, half, day, month, year] = /(\d+):(\d+) (am|pm) on (\d+) (\w+), (\d+)/.exec(text)!
  const hours = (Number(hour) % 12) + (half === 'pm' ? 12 : 0)
  return new Date(`${day} ${month} ${year} ${hours}:${minute} UTC`).toISOString()
}
