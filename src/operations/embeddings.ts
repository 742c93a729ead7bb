import { z } from 'zod'
import type { App } from '../app.ts'
import { scopeOf } from '../auth/caller.ts'
import type { Embedder } from '../embedding/index.ts'
import { ZeroError } from '../errors.ts'
import {
  createdEmbeddings,
  embedAndStore,
  embeddedAndStored,
  embeddingMatches,
  embeddingModel,
  embeddingsCreate,
  embeddingsGenerate,
  embeddingsModels,
  embeddingsSearch,
  generatedEmbeddings,
} from '../schema/embedding.ts'
import { reembed, reembedResult } from '../schema/vector.ts'
import { EMBEDDED_KINDS } from '../store/data/reembed.ts'
import { defineJson } from './operation.ts'
import { searchVectors } from './vectors.ts'

const BASE = '/api/v1/projects/:project_id/embeddings'
/** Characters of English text that count as one token. */
const TOKEN_CHARACTERS = 4

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

/**
 * Returns the embedder for the requested model. The configured one stands in for an unknown model, as for the handler auto_embed. Throws
 * `invalid` if the server does not allow this.
 */
function embedderNamed(app: App, model: string | null | undefined): Embedder {
  const named = app.embedders.find((embedder) => embedder.model === model)
  if (named) return named
  if (model != null && !app.config.modelFallback)
    throw new ZeroError(
      'invalid',
      `The server does not have the model "${model}": send one of ${app.embedders.map((each) => each.model).join(', ')} as "model", or none`,
    )
  return app.embedder
}

/** Returns the warning for a request in which another model than the requested one was used. */
function modelWarnings(requested: string | null | undefined, used: string): string[] {
  if (requested == null || requested === used) return []
  return [`The server does not have the model "${requested}": "${used}" was used`]
}

const some = (warnings: string[]) => (warnings.length > 0 ? { warnings } : {})

export const embeddingsGenerateOperation = defineJson({
  name: 'embeddings.generate',
  summary: 'Embed texts',
  description: 'Returns an embedding for each text and stores nothing.',
  route: `POST ${BASE}/generate`,
  permission: 'zerodb:read',
  idempotent: true,
  input: embeddingsGenerate,
  errors: ['provider_refused'],
  output: generatedEmbeddings,
  async run(app, caller, { project_id: given, texts, model, normalize }) {
    const start = app.clock.now()
    const { id: project_id } = await app.store.projects.get(scopeOf(caller, given))
    const embedder = embedderNamed(app, model)
    const embeddings = await embedder.embed(texts)
    const warnings = modelWarnings(model, embedder.model)
    if (!normalize) warnings.push('"normalize" false has no effect: embeddings have length 1')
    return {
      embeddings: embeddings.map((embedding) => Array.from(embedding)),
      model: embedder.model,
      dimensions: embeddings[0]!.length,
      count: embeddings.length,
      project_id,
      processing_time_ms: app.clock.now() - start,
      ...some(warnings),
    }
  },
})

export const embeddingsEmbedAndStore = defineJson({
  name: 'embeddings.embed_and_store',
  summary: 'Embed texts and store them as vectors',
  description:
    'Embeds the texts and stores them as documents of vectors, all or none. Emits one `zerodb.vector.batch_stored`.',
  route: `POST ${BASE}/embed-and-store`,
  permission: 'zerodb:write',
  idempotent: false,
  input: embedAndStore,
  errors: ['provider_refused'],
  output: embeddedAndStored,
  async run(app, caller, { project_id, texts, vector_ids, metadata_list, namespace, source, model }) {
    const start = app.clock.now()
    checkLength('vector_ids', vector_ids, texts)
    checkLength('metadata_list', metadata_list, texts)
    const scope = scopeOf(caller, project_id)
    // Checked before the texts are embedded, which takes longer.
    await app.store.projects.get(scope)
    const embedder = embedderNamed(app, model)
    const embeddings = await embedder.embed(texts)
    const vectors = texts.map((document, i) => ({
      vector_id: vector_ids?.[i],
      vector_embedding: Array.from(embeddings[i]!),
      vector_metadata: metadata_list?.[i] ?? {},
      document,
      namespace,
      source,
    }))
    const stored = await app.store.vectors.upsertBatch(scope, vectors, embedder.model)
    return {
      success: true as const,
      vectors_stored: stored.count,
      embeddings_generated: embeddings.length,
      vector_ids: stored.vector_ids,
      model: embedder.model,
      dimensions: embeddings[0]!.length,
      namespace,
      processing_time_ms: app.clock.now() - start,
      ...some(modelWarnings(model, embedder.model)),
    }
  },
})

/** Throws `validation_failed` for a list that does not have an item for each text. */
function checkLength(name: string, list: readonly unknown[] | null | undefined, texts: readonly string[]): void {
  if (list == null || list.length === texts.length) return
  const msg = `List should have an item for each text: it has ${list.length}, and there are ${texts.length} texts`
  throw new ZeroError('validation_failed', undefined, { fields: [{ type: 'value_error', loc: ['body', name], msg }] })
}

export const embeddingsSearchOperation = defineJson({
  name: 'embeddings.search',
  summary: 'Search stored texts by meaning',
  description:
    'Embeds the query and returns the vectors of a namespace that are nearest to it. `vectors.search` also searches with a vector.',
  route: `POST ${BASE}/search`,
  permission: 'zerodb:read',
  idempotent: true,
  input: embeddingsSearch,
  errors: ['dimension_mismatch', 'provider_refused'],
  output: embeddingMatches,
  async run(app, caller, { project_id, model, ...input }) {
    const embedder = embedderNamed(app, model)
    const found = await searchVectors(app, scopeOf(caller, project_id), {
      ...input,
      project_id,
      hybrid: false,
      explain: false,
      ...(model === embedder.model ? { model } : {}),
    })
    const used = found.model ?? embedder.model
    return {
      results: found.vectors.map((match) => ({ ...match, id: match.vector_id })),
      query: input.query,
      total_results: found.vectors.length,
      model: used,
      processing_time_ms: found.search_time_ms,
      ...some(modelWarnings(model, used)),
    }
  },
})

export const embeddingsModelsOperation = defineJson({
  name: 'embeddings.models',
  summary: 'List the models that embed texts',
  description: 'Returns the models of the server, the configured one first.',
  route: `GET ${BASE}/models`,
  permission: 'zerodb:read',
  idempotent: true,
  input: embeddingsModels,
  output: z.array(embeddingModel).describe('The models, the configured one first'),
  async run(app, caller, { project_id }) {
    await app.store.projects.get(scopeOf(caller, project_id))
    const isBuiltIn = (index: number) => index === app.embedders.length - 1
    return app.embedders.map(({ model, dimensions }, index) => ({
      id: model,
      dimensions: dimensions || null,
      description: isBuiltIn(index)
        ? 'Built in: runs in the server, for English texts'
        : 'Runs at the configured provider',
      is_default: index === 0,
    }))
  },
})

export const embeddingsCreateOperation = defineJson({
  name: 'embeddings.create',
  summary: 'Embed texts, in the form of the OpenAI API',
  description:
    'Returns an embedding for each text and stores nothing. OpenAI clients can use `/api/v1` as their base URL.',
  route: 'POST /api/v1/embeddings',
  permission: 'zerodb:read',
  idempotent: true,
  input: embeddingsCreate,
  errors: ['provider_refused'],
  output: createdEmbeddings,
  async run(app, caller, { project_id, input, model, encoding_format, dimensions }) {
    await app.store.projects.get(scopeOf(caller, project_id))
    const embedder = embedderNamed(app, model)
    const texts = typeof input === 'string' ? [input] : input
    const embeddings = await embedder.embed(texts)
    const { length } = embeddings[0]!
    if (dimensions != null && dimensions !== length) {
      const msg = `Input should be ${length}, the length of the embeddings of "${embedder.model}", or absent`
      const field = { type: 'value_error', loc: ['body', 'dimensions'], msg, input: dimensions }
      throw new ZeroError('validation_failed', undefined, { fields: [field] })
    }
    const tokens = Math.ceil(texts.reduce((sum, text) => sum + text.length, 0) / TOKEN_CHARACTERS)
    return {
      object: 'list' as const,
      data: embeddings.map((embedding, index) => ({
        object: 'embedding' as const,
        index,
        embedding: encoding_format === 'base64' ? base64Of(embedding) : Array.from(embedding),
      })),
      model: embedder.model,
      usage: { prompt_tokens: tokens, total_tokens: tokens },
      ...some(modelWarnings(model, embedder.model)),
    }
  },
})

/** Returns the bytes of little-endian 32-bit floats as base64, whatever the byte order of the machine. */
function base64Of(embedding: Float32Array): string {
  const bytes = Buffer.alloc(embedding.length * 4)
  embedding.forEach((value, i) => {
    bytes.writeFloatLE(value, i * 4)
  })
  return bytes.toString('base64')
}
