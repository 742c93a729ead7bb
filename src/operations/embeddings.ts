import { scopeOf } from '../auth/caller.ts'
import { reembed, reembedResult } from '../schema/vector.ts'
import { EMBEDDED_KINDS } from '../store/data/reembed.ts'
import { defineJson } from './operation.ts'

export const embeddingsReembed = defineJson({
  name: 'embeddings.re_embed',
  summary: 'Convert embeddings to the configured model',
  description:
    'Converts some of the texts of the project to the configured model. Repeat the request until `left` is 0: then the new embeddings replace the old ones.',
  route: 'POST /api/v1/projects/:project_id/database/embeddings/re-embed',
  permission: 'zerodb:write',
  idempotent: false,
  input: reembed,
  errors: ['provider_refused'],
  output: reembedResult,
  async run(app, caller, input) {
    const scope = scopeOf(caller, input.project_id)
    await app.store.projects.get(scope)
    const { model } = app.embedder
    let converted = 0
    for (const kind of EMBEDDED_KINDS) {
      const items = await app.store.reembed.pick(kind, scope, model, input.limit - converted)
      if (items.length === 0) continue
      const embeddings = await app.embedder.embed(items.map((item) => item.text))
      await app.store.reembed.keep(kind, items, embeddings, model)
      converted += items.length
      if (converted === input.limit) break
    }
    const left = await app.store.reembed.left(scope, model)
    let switched = 0
    if (left === 0) {
      await app.store.transaction(async (tx) => {
        for (const kind of EMBEDDED_KINDS) switched += await tx.reembed.switch(kind, scope, model)
      })
    }
    return { model, converted, left, switched }
  },
})
