export const config = { tool: { description: 'Asks only what the client can be asked' } }

const REQUESTS = {
  elicitation: {
    method: 'elicitation/create',
    params: {
      message: 'What is your name?',
      requestedSchema: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] },
    },
  },
  sampling: {
    method: 'sampling/createMessage',
    params: { messages: [{ role: 'user', content: { type: 'text', text: 'Hello' } }], maxTokens: 10 },
  },
}

export default (_, ctx) => {
  const { input_responses: answers, client_capabilities: able } = ctx.tool
  if (answers) return 'done'
  return {
    resultType: 'input_required',
    inputRequests: Object.fromEntries(Object.entries(REQUESTS).filter(([name]) => name in able)),
  }
}
