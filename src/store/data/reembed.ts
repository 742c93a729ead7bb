import { Statement as Sql, type Statement, sql } from '../../db/sql.ts'
import { type Scope, type StoreContext, userProject } from '../context.ts'

/** Where embeddings are kept, and which text each was made from. */
const KINDS = {
  vectors: { table: 'zerodb_vectors', text: 'document' },
  memories: { table: 'zerodb_memories', text: 'content' },
  files: { table: 'zerodb_files', text: 'summary' },
} as const
export type EmbeddedKind = keyof typeof KINDS
export const EMBEDDED_KINDS = Object.keys(KINDS) as EmbeddedKind[]

export interface TextToConvert {
  id: string
  text: string
}

/**
 * Converts a project's embeddings to another model. The new ones are kept aside and replace the old all at once, so that searches find
 * everything by the old model until they find everything by the new one. Vectors that clients brought (no model) are left alone.
 */
export function reembed({ db, asyncCommit }: StoreContext) {
  const parts = (kind: EmbeddedKind) => ({ table: new Sql(KINDS[kind].table, []), text: new Sql(KINDS[kind].text, []) })

  /** Returns rows that still need an embedding by `model`. */
  function unconverted(kind: EmbeddedKind, scope: Scope, model: string): Statement {
    const { table, text } = parts(kind)
    return sql`
      from ${table}
      where project_id = (select project_id from (${userProject(scope)}) owner)
        and model is not null
        and model <> ${model}
        and next_model is distinct from ${model}
        and ${text} <> ''`
  }

  return {
    async pick(kind: EmbeddedKind, scope: Scope, model: string, limit: number): Promise<TextToConvert[]> {
      const { text } = parts(kind)
      return asyncCommit.query<TextToConvert>(sql`
        select id, ${text} as text ${unconverted(kind, scope, model)} order by id limit ${limit}::int`)
    },

    /** Keeps the new embeddings aside, each only if its text is still the one that it was made from. */
    async keep(
      kind: EmbeddedKind,
      items: readonly TextToConvert[],
      embeddings: readonly Float32Array[],
      model: string,
    ): Promise<void> {
      const { table, text } = parts(kind)
      await db.query(sql`
        update ${table} t set next_embedding = item.embedding, next_model = ${model}
        from unnest(
          ${items.map((item) => item.id)}::uuid[], ${items.map((item) => item.text)}::text[], ${embeddings}::vector[]
        ) as item (id, text, embedding)
        where t.id = item.id and t.${text} = item.text`)
    },

    async left(scope: Scope, model: string): Promise<number> {
      const counts = EMBEDDED_KINDS.map((kind) => sql`(select count(*) ${unconverted(kind, scope, model)})`)
      const [row] = await db.query<{ left: number }>(sql`select ${counts[0]} + ${counts[1]} + ${counts[2]} as left`)
      return row!.left
    },

    /** Puts the new embeddings in the place of the old. In a transaction, for all kinds. Returns how many. */
    async switch(kind: EmbeddedKind, scope: Scope, model: string): Promise<number> {
      const { table } = parts(kind)
      const rows = await db.query(sql`
        update ${table} set embedding = next_embedding, model = next_model, next_embedding = null, next_model = null
        where project_id = (select project_id from (${userProject(scope)}) owner) and next_model = ${model}
        returning id`)
      return rows.length
    },

    /** Returns those of `models` that the project has embeddings of this kind from, in the given order. */
    async modelsOf(kind: EmbeddedKind, scope: Scope, models: readonly string[]): Promise<string[]> {
      const { table } = parts(kind)
      const rows = await db.query<{ model: string }>(sql`
        select asked.model
        from unnest(${models}::text[]) with ordinality as asked (model, n)
        where exists (
          select from ${table} where project_id = ${scope.project_id}::uuid and model = asked.model and embedding is not null
        )
        order by asked.n`)
      return rows.map((row) => row.model)
    },

    /** Whether some of the project's embeddings have been converted and not all. */
    async isRunning(scope: Scope): Promise<boolean> {
      const [row] = await db.query<{ running: boolean }>(sql`
        select
          exists (select from zerodb_vectors where project_id = ${scope.project_id}::uuid and next_model is not null)
          or exists (select from zerodb_memories where project_id = ${scope.project_id}::uuid and next_model is not null)
          or exists (select from zerodb_files where project_id = ${scope.project_id}::uuid and next_model is not null) as running`)
      return row!.running
    },
  }
}
