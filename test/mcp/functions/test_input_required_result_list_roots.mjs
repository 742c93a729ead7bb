export const config = { tool: { description: 'Asks for the folders of the client' } }

export default (_, ctx) => {
  const answer = ctx.tool.input_responses?.client_roots
  if (Array.isArray(answer?.roots)) return `Roots: ${answer.roots.map(({ uri }) => uri).join(', ')}`
  return {
    resultType: 'input_required',
    inputRequests: {
      client_roots: { method: 'roots/list', params: {} },
    },
  }
}
