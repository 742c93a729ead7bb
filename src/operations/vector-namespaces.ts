import { scopeOf } from '../auth/caller.ts'
import { vectorNamespaceList, vectorNamespacePage, vectorStats, vectorStatsInput } from '../schema/vector.ts'
import { decodeName, encodeName } from './lib/cursor.ts'
import { defineJson } from './operation.ts'

const BASE = '/api/v1/projects/:project_id/database/vectors'

export const vectorsNamespaces = defineJson({
  name: 'vectors.namespaces',
  summary: 'List the namespaces of vectors',
  description: 'Returns a page of the namespaces that have vectors, with the number of vectors in each.',
  route: `GET ${BASE}/namespaces`,
  permission: 'zerodb:read',
  idempotent: true,
  input: vectorNamespaceList,
  output: vectorNamespacePage,
  async run(app, caller, { project_id, limit, cursor }) {
    const scope = scopeOf(caller, project_id)
    const after = decodeName(cursor)
    await app.store.projects.get(scope)
    const items = await app.store.vectorNamespaces.list(scope, { after, limit })
    return { items, next_cursor: items.length === limit ? encodeName(items.at(-1)!.namespace) : null }
  },
})

export const vectorsStats = defineJson({
  name: 'vectors.stats',
  summary: 'Count vectors',
  description:
    'Returns number, dimensions and size of the vectors of a namespace or of all namespaces. Large numbers are counted up to a limit only.',
  route: `GET ${BASE}/stats`,
  permission: 'zerodb:read',
  idempotent: true,
  input: vectorStatsInput,
  output: vectorStats,
  async run(app, caller, { project_id, namespace }) {
    const scope = scopeOf(caller, project_id)
    await app.store.projects.get(scope)
    return app.store.vectorNamespaces.stats(scope, namespace ?? null)
  },
})
