import { Statement as Sql, type Statement, sql } from '../../db/sql.ts'
import { type Scope, type StoreContext, userProject } from '../context.ts'

/** The tables with embeddings, and the column whose text is embedded. */
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
 * Converts a project's embeddings to another model. New embeddings are stored beside the old ones and replace them all at once, so that
 * searches never miss a row. Vectors from clients (without a model) are not converted.
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

    /** Stores the new embeddings beside the old ones, each only if its text has not changed. */
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

    /**
     * Replaces the old embeddings with the new ones. Must run in one transaction for all kinds. Returns the number of replaced embeddings.
     */
    async switch(kind: EmbeddedKind, scope: Scope, model: string): Promise<number> {
      const { table } = parts(kind)
      const rows = await db.query(sql`
        update ${table} set embedding = next_embedding, model = next_model, next_embedding = null, next_model = null
        where project_id = (select project_id from (${userProject(scope)}) owner) and next_model = ${model}
        returning id`)
      return rows.length
    },

    /** Returns those of `models` that made embeddings of this kind in the project, in the given order. */
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

    /** Returns whether some but not all of the project's embeddings are converted. */
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
