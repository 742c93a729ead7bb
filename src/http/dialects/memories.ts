/** The path of a list with all memories, whose clients read one page only. */
export const ALL_MEMORIES_PATH = '/api/v1/public/memory'
const MAX_MEMORIES = 1000

/** Returns the query of a list of all memories, with the largest page unless it has a limit. */
export function withMemoryLimit(query: string | undefined): string {
  const parts = query ? query.split('&') : []
  return parts.some((part) => part.startsWith('limit='))
    ? parts.join('&')
    : [...parts, `limit=${MAX_MEMORIES}`].join('&')
}

interface ListedMemory {
  session_id: string | null
  metadata: Record<string, unknown>
}

/**
 * Returns the response of an operation in the form that clients of this path read. Those that list all memories find the session in the metadata.
 */
export function memoryResponse(operation: string, url: string, body: unknown): unknown {
  if (operation !== 'memory.memories' || !/\/public\/memory\/*$/.test(url.split('?')[0]!)) return body
  const page = body as { memories: ListedMemory[] }
  const memories = page.memories.map((memory) =>
    memory.session_id === null
      ? memory
      : { ...memory, metadata: { session_id: memory.session_id, ...memory.metadata } },
  )
  return { ...page, memories }
}
