import type { Run } from '../../client/index.ts'
import { fields } from '../lib/output.ts'
import { ask, remote } from '../lib/remote.ts'

const COUNTED: readonly Run['status'][] = ['queued', 'running', 'dead']
/** Larger numbers of runs are shown as "1000 or more". */
const MAX_COUNTED = 1000

export const status = remote('status', 'show the server, the project, and its numbers of rows and runs').action(
  ask(async ({ zerodb, server, print }) => {
    const [project, holds, ...runs] = await Promise.all([
      zerodb.projects.get({ project_id: '-' }),
      zerodb.projects.status({ project_id: '-' }),
      ...COUNTED.map((word) => zerodb.runs.list({ status: word, limit: MAX_COUNTED, project_id: server.projectId })),
    ])
    const counts = Object.fromEntries(COUNTED.map((word, i) => [word, runs[i]!.items.length]))
    // If a count is not exact, it has the server's maximum, which is then the greatest of all.
    const most = Math.max(
      ...[holds.tables_count, holds.vectors_count, holds.memory_records_count, holds.files_count, holds.events_count],
    )
    const counted = (count: number) => (holds.counts_are_exact || count < most ? count : `${count} or more`)
    const atMost = (count: number) => (count === MAX_COUNTED ? `${count} or more` : count)
    const found = { server: server.url, project: { id: project.id, name: project.name }, holds, runs: counts }
    print(found, () =>
      fields({
        server: server.url,
        project: `${project.name} (${project.id})${project.status === 'SUSPENDED' ? ', suspended' : ''}`,
        tables: counted(holds.tables_count),
        vectors: counted(holds.vectors_count),
        memories: counted(holds.memory_records_count),
        files: counted(holds.files_count),
        'published events': counted(holds.events_count),
        runs: COUNTED.map((word) => `${atMost(counts[word]!)} ${word}`).join(', '),
      }),
    )
  }),
)
